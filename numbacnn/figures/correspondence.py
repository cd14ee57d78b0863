"""Draws whether hiding the same part of several pictures changes layers in the same way (Zeiler and Fergus, 2013, table
1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from .board import BLUE, FAINT, GREEN, INK, LABEL, ORANGE, SMALL, TITLE, VERMILLION, as_rgb, chart, shortened
from .drawing import Drawing

_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, "#CC79A7", "#56B4E9", "#000000")
COLUMNS, ROWS = 8, 2
"""Columns and rows of pictures that are shown, at most."""


def correspondence_chart(
    pictures: Sequence[Any],
    boxes: Mapping[str, Sequence[tuple[int, int, int, int]]],
    layers: Mapping[str, Sequence[tuple[float, float]]],
    at_random: Mapping[str, Any],
    *,
    title: str = "",
    provenance: str = "",
) -> Drawing:
    """Returns a figure of pictures (h,w,C) with the hidden parts marked, one part at a time, and below a panel for each
    layer.

    `boxes` has for each part (top, left, bottom, right) in pixels in every picture; `layers` has for each layer the
    mean and the standard deviation of each part's differences, `at_random` (draws) the means for boxes at random
    places.
    """
    shown = list(pictures)[: COLUMNS * ROWS]
    columns = min(len(shown), COLUMNS)
    rows = -(-len(shown) // columns)
    tall = 0.42 + 0.34 * (len(boxes) + 1)
    width = max(1.35 * columns + 0.2, 3.0 * len(layers), 6.0)
    figure = chart(width, 0.7 + 1.4 * rows + 0.5 + tall, title, provenance)
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.4 * rows + 0.1, tall + 0.5])
    above, below = halves
    for axes, place in zip(
        above.subplots(rows, columns, squeeze=False).ravel(), range(rows * columns), strict=True
    ):
        axes.axis("off")
        if place >= len(shown):
            continue
        axes.imshow(as_rgb(shown[place]), interpolation="antialiased")
        for (top, left, bottom, right), colour in zip(
            (own[place] for own in boxes.values()), _COLOURS, strict=False
        ):
            where = (left - 0.5, top - 0.5), right - left, bottom - top
            axes.add_patch(Rectangle(*where, fill=False, edgecolor="white", linewidth=2.6))
            axes.add_patch(Rectangle(*where, fill=False, edgecolor=colour, linewidth=1.5))
    panels = below.subplots(1, len(layers), sharey=True, squeeze=False)[0]
    names = [shortened(name, 1.6, LABEL) for name in boxes]
    places = np.arange(len(names))[::-1] + 1
    for axes, (layer, values) in zip(panels, layers.items(), strict=True):
        draws = np.asarray(at_random[layer])
        low, high = draws.min(), draws.max()
        axes.axvspan(low, high, color="#E3E3E3", linewidth=0)
        axes.axvline(draws.mean(), color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(draws, np.zeros(len(draws)), "|", color=FAINT, markersize=9)
        for place, (mean, deviation), colour in zip(places, values, _COLOURS, strict=False):
            axes.errorbar(mean, place, xerr=deviation, fmt="o", color=colour, markersize=6, capsize=3)
            axes.text(mean, place + 0.17, f"{mean:.3f}", fontsize=SMALL, color=INK, ha="center", va="bottom")
        axes.set(ylim=(-0.6, len(names) + 0.7), yticks=[*places, 0])
        axes.set_yticklabels([*names, "at random"], fontsize=LABEL, color=INK, parse_math=False)
        axes.set_title(shortened(layer, 2.6, LABEL), fontsize=LABEL, color=INK, parse_math=False)
        axes.tick_params(labelsize=SMALL, colors=INK)
        axes.tick_params(axis="y", labelsize=LABEL, length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.locator_params(axis="x", nbins=5)
        axes.margins(x=0.12)
    below.supxlabel(
        "share of units that move to different sides in two pictures: the lower, the more alike",
        fontsize=LABEL, color=INK,
    )  # fmt: skip
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure
