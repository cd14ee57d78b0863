"""Draws a network's answers while a square slides over a picture (Zeiler and Fergus, 2013, figure 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle

from .board import BLUE, GREEN, INK, LABEL, ORANGE, SMALL, TITLE, VERMILLION, as_rgb, chart, shortened
from .drawing import Drawing
from .units import walked_as_rgb

_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, "#CC79A7", "#56B4E9", "#F0E442")
_OTHERS = "#BBBBBB"


def occlusion_panel(
    image: Any,
    projection: Any,
    activity: Any,
    probabilities: Any,
    likeliest: Any,
    boxes: Sequence[tuple[int, int, int, int]],
    class_names: Sequence[str],
    *,
    unit: str,
    class_name: str,
    title: str = "",
    provenance: str = "",
) -> Drawing:
    """Returns a figure of the picture (h,w,C) with one place of the square, the strongest unit's projection (h,w,C),
    and three maps (P,Q) over the places of the square.

    The maps are `activity`, of the strongest unit's feature map; `probabilities`, of one class; and `likeliest`, the
    index in `class_names` of the likeliest class. `boxes` are the places, (top, left, bottom, right) in the picture's
    pixels. `unit` and `class_name` are used in the panels' headings.
    """
    figure = chart(12.5, 3.2, title, provenance)
    axes = figure.subplots(1, 5)
    height, width = np.shape(image)[:2]
    extent = (0, width, height, 0)
    axes[0].imshow(as_rgb(image), extent=extent, interpolation="nearest")
    rows, columns = np.shape(activity)
    top, left, bottom, right = boxes[rows // 2 * columns + columns // 2]
    axes[0].add_patch(
        Rectangle(
            (left, top), right - left, bottom - top, facecolor="#808080", edgecolor="white", linewidth=1
        )
    )
    axes[1].imshow(walked_as_rgb(projection, 2.0), extent=extent, interpolation="nearest")
    _heading(axes[0], "the picture, and the square")
    _heading(axes[1], f"what {unit} answers to")
    for place, values, name, limit in (
        (2, activity, f"activity of {unit}", None),
        (3, probabilities, f"probability of {class_name}", 1.0),
    ):
        drawn = axes[place].imshow(
            values,
            extent=extent,
            cmap="viridis",
            interpolation="nearest",
            vmin=0 if limit else None,
            vmax=limit,
        )
        bar = figure.colorbar(drawn, ax=axes[place], shrink=0.75, aspect=18, pad=0.03)
        bar.ax.tick_params(labelsize=SMALL, colors=INK)
        bar.outline.set_visible(False)
        _heading(axes[place], name)
    _classes(axes[4], np.asarray(likeliest), extent, class_names)
    for each in axes:
        each.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
        each.spines[:].set_color("#BBBBBB")
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure


def _heading(axes: Axes, text: str) -> None:
    axes.set_title(shortened(text, 2.1, LABEL), fontsize=LABEL, color=INK, parse_math=False)


def _classes(
    axes: Axes, likeliest: Any, extent: tuple[float, float, float, float], class_names: Sequence[str]
) -> None:
    """Draws the likeliest class of each place; frequent classes have a colour and an entry in the legend."""
    found, counts = np.unique(likeliest, return_counts=True)
    frequent = found[np.argsort(-counts, kind="stable")][: len(_COLOURS)]
    numbers = np.full(likeliest.shape, len(frequent))
    for place, each in enumerate(frequent):
        numbers[likeliest == each] = place
    colours = [*_COLOURS[: len(frequent)], _OTHERS]
    axes.imshow(
        numbers, extent=extent, cmap=ListedColormap(colours), interpolation="nearest", vmin=-0.5,
        vmax=len(colours) - 0.5,
    )  # fmt: skip
    named = [
        (shortened(class_names[each], 1.5, SMALL), colours[place]) for place, each in enumerate(frequent)
    ]
    if len(found) > len(frequent):
        named.append((f"{len(found) - len(frequent)} others", _OTHERS))
    axes.legend(
        handles=[Patch(color=colour, label=name) for name, colour in named],
        fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=1 if len(named) <= 3 else 2,
        frameon=False, handlelength=1, columnspacing=1,
    )  # fmt: skip
    _heading(axes, "likeliest class")
