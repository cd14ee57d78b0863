"""Draws the revolution of depth: errors fell year after year, and networks became deeper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .board import BLUE, FAINT, INK, LABEL, RULE, SMALL, TITLE, VERMILLION, chart
from .drawing import Drawing

_PALE = "#BFDCEF"
"""Colours of bars on which dark text can be read."""


class Entry(NamedTuple):
    """A bar: the label below it, a top-5 error in percent, and the number of layers with weights (0 for a method
    without a network).
    """

    label: str
    error: float
    layers: int


def revolution_of_depth(entries: Sequence[Entry], title: str = "", *, provenance: str = "") -> Drawing:
    """Returns a figure with a bar for each entry, as high as its error, and a line for the number of layers (after He
    et al., 2016).
    """
    figure = chart(7.5, 4.6, title, provenance)
    axes = figure.add_subplot()
    places = range(len(entries))
    bars = axes.bar(places, [entry.error for entry in entries], width=0.55, color=_PALE, zorder=2)
    axes.bar_label(bars, [f"{entry.error:g}" for entry in entries], fontsize=LABEL, color=BLUE, padding=2)
    axes.set_xticks(
        places, [entry.label for entry in entries], fontsize=LABEL, parse_math=False, linespacing=1.2
    )
    axes.set_ylabel("top-5 error (%)", fontsize=LABEL, color=BLUE)
    axes.set_ylim(0, 1.25 * max((entry.error for entry in entries), default=1.0))
    axes.grid(axis="y", color=RULE, linewidth=0.6, zorder=0)
    depth = axes.twinx()
    deep = [place for place in places if entries[place].layers]
    depth.plot(
        deep,
        [entries[place].layers for place in deep],
        color=VERMILLION,
        linewidth=1.6,
        marker="o",
        markersize=4,
    )
    for place in places:
        layers = entries[place].layers
        text, color = (f"{layers} layers", VERMILLION) if layers else ("shallow", FAINT)
        # Under the bar's name: beside its point a number might stand on the bar's own.
        lines = entries[place].label.count("\n") + 1
        axes.annotate(
            text, (place, 0), xytext=(0, -6 - 1.25 * LABEL * lines), textcoords="offset points", ha="center", va="top",
            xycoords=("data", "axes fraction"), fontsize=LABEL, color=color, annotation_clip=False,
        )  # fmt: skip
    depth.set_ylabel("layers with weights", fontsize=LABEL, color=VERMILLION)
    depth.set_ylim(0, 1.25 * max((entry.layers for entry in entries), default=1) or 1)
    for side in (axes, depth):
        side.tick_params(labelsize=SMALL, colors=INK, length=0)
        side.spines[:].set_visible(False)
    axes.tick_params(axis="x", labelsize=LABEL)
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure
