"""Draws pictures in the plane of a network's features, as points coloured by class and as thumbnails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps

from .board import BLUE, GREEN, INK, LABEL, ORANGE, SMALL, TITLE, VERMILLION, as_rgb, chart, shortened
from .drawing import Drawing

_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, "#CC79A7", "#56B4E9", "#F0E442", "#000000", "#999999", "#882255")
_MARKERS = "os^Dv<>pPX"
CELLS = 24
"""Thumbnails in a row of the right panel, at most."""
MAX_NAMED = 20
"""Classes in the legend, at most."""


def feature_plane(
    points: Any,
    thumbnails: Any,
    labels: Any,
    class_names: Sequence[str],
    *,
    axes_names: tuple[str, str] = ("", ""),
    title: str = "",
    provenance: str = "",
) -> Drawing:
    """Returns a figure of points (N,2) coloured by class, and beside it the pictures (N,h,w,C) at their points, one in
    each cell of a grid.

    Labels (N) are indices into `class_names`, or -1 where the class is not known. Of more than twenty classes, the most
    frequent are coloured.
    """
    figure = chart(13.0, 6.6, title, provenance)
    left, right = figure.subplots(1, 2)
    labels = np.asarray(labels)
    known, counts = np.unique(labels[labels >= 0], return_counts=True)
    frequent = known[np.argsort(-counts, kind="stable")][:MAX_NAMED]
    others = ~np.isin(labels, frequent)
    if others.any():
        name = "others" if len(frequent) else "pictures"
        left.scatter(*points[others].T, s=9, color="#BBBBBB", linewidths=0, label=name)
    for place, each in enumerate(sorted(frequent)):
        chosen = points[labels == each]
        colour = _COLOURS[place] if len(frequent) <= len(_COLOURS) else colormaps["tab20"](place)
        left.scatter(
            *chosen.T, s=13, color=colour, marker=_MARKERS[place % len(_MARKERS)], linewidths=0, alpha=0.85,
            label=shortened(class_names[each], 1.3, SMALL),
        )  # fmt: skip
    if len(frequent):
        left.legend(
            fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=6, frameon=False,
            handletextpad=0.2, columnspacing=1,
        )  # fmt: skip
    _thumbnails(right, points, thumbnails)
    low, high = points.min(axis=0), points.max(axis=0)
    pad = 0.03 * np.maximum(high - low, 1e-9)
    for axes in (left, right):
        axes.set(xlim=(low[0] - pad[0], high[0] + pad[0]), ylim=(low[1] - pad[1], high[1] + pad[1]))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("#BBBBBB")
        axes.set_xlabel(axes_names[0], fontsize=LABEL, color=INK)
    left.set_ylabel(axes_names[1], fontsize=LABEL, color=INK)
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure


def _thumbnails(axes: Any, points: Any, thumbnails: Any) -> None:
    """Draws in each cell the picture whose point is nearest to the cell's middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(high - low, 1e-9) / CELLS
    cells = np.minimum((points - low) // size, CELLS - 1).astype(int)
    middles = low + (cells + 0.5) * size
    order = np.argsort((np.abs(points - middles) / size).max(axis=1), kind="stable")
    taken: set[tuple[int, int]] = set()
    for index in order:
        cell = int(cells[index, 0]), int(cells[index, 1])
        if cell in taken:
            continue
        taken.add(cell)
        (x, y), (wide, tall) = middles[index], 0.48 * size
        axes.imshow(
            as_rgb(thumbnails[index]), extent=(x - wide, x + wide, y - tall, y + tall), aspect="auto",
            interpolation="antialiased",
        )  # fmt: skip
