"""The ratios as bars around a line at 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from numbacnn.figures.board import BLUE, FAINT, GREEN, INK, LABEL, ORANGE, RULE, SMALL, TITLE, chart

from .tables import PASSES

COLORS = dict(zip(PASSES, (BLUE, ORANGE, GREEN), strict=True))
LABELS = {"train": "training step", "forward": "forward", "batch 1": "forward, one picture"}
BAR = 0.26
"""Width; from one network to the next it is 1."""

TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10, 20)

LEAST_SPAN = 0.5
"""Doublings that the axis shows at least on either side of 1."""


def ratios_picture(result: Mapping[str, Any]) -> Figure:
    """Bars from 1 up where numbacnn is faster than the fastest of the others, down where it is slower; a logarithmic scale.

    `result` as compare_pytorch.py's JSON has it.
    """
    rows = result["passes"]
    networks = list(dict.fromkeys(row["network"] for row in rows))
    figure = chart(7.5, 4.0)
    axes = figure.add_subplot()
    for place, network in enumerate(networks):
        known = {row["pass"]: row["ratio"] for row in rows if row["network"] == network}
        shown = [name for name in PASSES if name in known]
        for index, name in enumerate(shown):
            _bar(axes, place + BAR * (index - (len(shown) - 1) / 2), known[name], COLORS[name])
    for name in PASSES:
        if any(row["pass"] == name for row in rows):
            axes.bar(0, 0, color=COLORS[name], label=LABELS[name])
    _scale(axes, networks, [row["ratio"] for row in rows])
    _words(axes, result)
    figure.legend(
        loc="outside lower center", ncols=len(PASSES), fontsize=LABEL, labelcolor=INK, frameon=False
    )
    return figure


def _bar(axes: Axes, center: float, ratio: float, color: str) -> None:
    height = math.log2(ratio)
    axes.bar(center, height, width=0.92 * BAR, color=color)
    axes.annotate(
        f"{ratio:.2f}",
        (center, height),
        (0, 2 if height >= 0 else -2),
        textcoords="offset points",
        ha="center",
        va="bottom" if height >= 0 else "top",
        fontsize=SMALL,
        color=INK,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
    )


def _scale(axes: Axes, networks: list[str], ratios: list[float]) -> None:
    heights = [math.log2(ratio) for ratio in ratios]
    # Room for a bar's number beyond its end.
    room = 0.12 * (max(*heights, LEAST_SPAN) - min(*heights, -LEAST_SPAN))
    low, high = min(*heights, -LEAST_SPAN) - room, max(*heights, LEAST_SPAN) + room
    axes.yaxis.set_major_locator(FixedLocator([math.log2(tick) for tick in TICKS]))
    axes.set_ylim(low, high)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{2**tick:.2g}"))
    axes.set_xlim(-0.6, len(networks) - 0.4)
    axes.set_xticks(range(len(networks)), networks, fontsize=LABEL)
    axes.tick_params(labelsize=SMALL, colors=INK)
    axes.tick_params(axis="x", length=0, labelsize=LABEL)
    axes.set_ylabel("times as fast as the fastest other", fontsize=LABEL, color=INK)
    axes.axhline(0, color=INK, linewidth=1)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)


def _words(axes: Axes, result: Mapping[str, Any]) -> None:
    threads = "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"
    version = result["pytorch"].partition("+")[0]
    axes.set_title(
        f"numbacnn beside PyTorch {version}",
        fontsize=TITLE, fontweight="bold", color=INK, loc="left", pad=22, parse_math=False,
    )  # fmt: skip
    place = f"{result['processor']}, {threads}, float32"
    manner: dict[str, Any] = {"textcoords": "offset points", "color": FAINT, "annotation_clip": False}
    axes.annotate(place, (0, 1), (0, 8), xycoords="axes fraction", fontsize=LABEL, parse_math=False, **manner)
    beside: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "fontsize": SMALL, **manner}
    axes.annotate("faster ↑", (1, 0), (4, 4), va="bottom", **beside)
    axes.annotate("slower ↓", (1, 0), (4, -4), va="top", **beside)
