"""Draws how robust networks are: accuracy over epsilon, smallest changes, transfer between models, certified radii."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .board import BLUE, FAINT, GREEN, INK, LABEL, ORANGE, RULE, SMALL, TITLE, VERMILLION, chart, shortened
from .drawing import Drawing

SKY, PURPLE, BLACK = "#56b4e9", "#cc79a7", "#333333"
COLORS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK)
"""Colours of Okabe and Ito, which colour-blind people can tell apart."""
MARKERS = "osD^vPX"

SIZES = {
    "linf": "epsilon, the largest change of a value (levels of 255)",
    "l2": "epsilon, the L2 size of the change (of a full scale of 1)",
    "l1": "epsilon, the L1 size of the change (of a full scale of 1)",
    "l0": "epsilon, the number of changed pixels",
}

Curve = tuple[str, Sequence[float], Sequence[tuple[float, float]]]
"""A name, shares (0 to 1) over epsilon, and the confidence interval of each share (empty: no band is drawn)."""


def over_epsilon(values: Sequence[float], norm: str) -> Any:
    """Returns epsilons on the scale on which they are drawn: in 255ths for Linf."""
    return np.asarray(values, np.float64) * (255 if norm == "linf" else 1)


def style(axes: Axes, x_label: str, y_label: str, title: str = "") -> None:
    """Gives axes their labels, grid and title."""
    axes.set_xlabel(x_label, fontsize=LABEL, color=INK)
    axes.set_ylabel(y_label, fontsize=LABEL, color=INK)
    axes.tick_params(labelsize=SMALL, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, fontsize=TITLE, fontweight="bold", color=INK, loc="left", parse_math=False)


def band(axes: Axes, x: Any, intervals: Sequence[tuple[float, float]], color: str) -> None:
    """Draws the confidence intervals around a curve, in per cent."""
    if len(intervals):
        low, high = 100 * np.asarray(intervals, np.float64).T
        axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)


def robustness_curves(
    curves: Sequence[Curve],
    epsilons: Sequence[float],
    clean_accuracy: float,
    *,
    norm: str = "linf",
    title: str = "",
    provenance: str = "",
) -> Drawing:
    """Returns a figure of accuracy (0 to 1) over epsilon, with a curve and a band for each attack or network."""
    order = np.argsort(epsilons, kind="stable")
    x = over_epsilon(epsilons, norm)[order]
    figure = chart(5.6, 3.6, title, provenance)
    axes = figure.add_subplot()
    axes.axhline(
        100 * clean_accuracy, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), label="unchanged pictures"
    )
    for place, (name, shares, intervals) in enumerate(curves):
        color = COLORS[place % len(COLORS)]
        band(axes, x, [intervals[each] for each in order] if len(intervals) else (), color)
        axes.plot(
            x, 100 * np.asarray(shares)[order], color=color, marker=MARKERS[place % len(MARKERS)], markersize=5,
            linewidth=1.6, label=name, clip_on=False,
        )  # fmt: skip
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    if norm in ("linf", "l0"):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style(axes, SIZES[norm], "accuracy (%)", title)
    axes.legend(frameon=False, fontsize=LABEL)
    return figure


def epsilon_distribution(
    epsilons: Any, *, norm: str = "linf", title: str = "", provenance: str = ""
) -> Drawing:
    """Returns a figure of the share of pictures that are fooled by changes up to each size: epsilons (N,), inf for
    pictures that are never fooled.
    """
    epsilons = np.asarray(epsilons, np.float64)
    figure = chart(5.6, 3.6, title, provenance)
    axes = figure.add_subplot()
    fooled = np.sort(over_epsilon(epsilons[np.isfinite(epsilons)], norm))
    if len(fooled):
        count = len(epsilons)
        bars = axes.twinx()
        bars.hist(fooled, bins=min(30, max(5, len(fooled) // 5)), color=BLUE, alpha=0.25)
        bars.set_ylabel("pictures (bars)", fontsize=LABEL, color=FAINT)
        bars.tick_params(labelsize=SMALL, colors=FAINT)
        bars.spines[["top"]].set_visible(False)
        bars.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_zorder(bars.get_zorder() + 1)
        axes.set_frame_on(False)
        x, y = np.concatenate([[0.0], fooled]), 100 * np.arange(len(fooled) + 1) / count
        axes.step(
            x, y, where="post", color=VERMILLION, linewidth=1.8, label="fooled by a change of up to so much"
        )
        median = np.median(over_epsilon(epsilons, norm))
        if np.isfinite(median):
            axes.axvline(median, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=f"median {median:.3g}")
        axes.legend(frameon=False, fontsize=SMALL, loc="lower right")
    else:
        axes.text(0.5, 0.5, "no picture was fooled", transform=axes.transAxes, ha="center", color=FAINT)
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    style(axes, SIZES[norm].replace("epsilon, ", ""), "pictures fooled (%, line)", title)
    return figure


def transfer_matrix(rates: Any, names: Sequence[str], *, title: str = "", provenance: str = "") -> Drawing:
    """Returns a figure of success rates (M,M), 0 to 1: rows are the models that the pictures were made on, columns
    those that they were shown to.
    """
    rates = np.asarray(rates, np.float64)
    side = 1.6 + 0.8 * len(names)
    figure = chart(side + 1.6, side + 0.5, title, provenance)
    axes = figure.add_subplot()
    axes.imshow(np.nan_to_num(100 * rates), cmap="cividis", vmin=0, vmax=100)
    for (row, column), share in np.ndenumerate(rates):
        text = "-" if np.isnan(share) else f"{100 * share:.0f} %"
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=LABEL,
            color="white" if not share > 0.55 else INK,
        )
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=SMALL)
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.set_xlabel("shown to", fontsize=LABEL, color=INK)
    axes.set_ylabel("made on", fontsize=LABEL, color=INK)
    axes.tick_params(colors=INK, length=0)
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title, fontsize=LABEL, fontweight="bold", color=INK, parse_math=False)
    return figure


def certified_curve(radii: Any, *, title: str = "", provenance: str = "") -> Drawing:
    """Returns a figure of the share of pictures that are right and certified within each radius: radii (N,) in L2,
    negative where the network is wrong or abstained.
    """
    radii = np.asarray(radii, np.float64)
    figure = chart(5.6, 3.6, title, provenance)
    axes = figure.add_subplot()
    x = np.concatenate([[0.0], np.sort(radii[radii >= 0])])
    y = 100 * np.array([(radii >= value).mean() for value in x])
    axes.step(np.append(x, x[-1]), np.append(y, 0), where="pre", color=BLUE, linewidth=1.8)
    axes.set_ylim(0, 100)
    axes.set_xlim(0, max(1.05 * float(x[-1]), 0.1))
    style(axes, "radius in L2 (of a full scale of 1)", "certified accuracy (%)", title)
    return figure


def confidence_path(
    curves: Sequence[Sequence[tuple[str, Any]]], names: Sequence[str], *, provenance: str = ""
) -> Drawing:
    """Returns a figure of probabilities step by step: a chart for each picture, in it a curve for each class, the true
    class first.
    """
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    width = 3.4 if columns > 1 else 5.2
    figure = chart(width * columns + 0.4, (2.6 if columns > 1 else 3.2) * rows + 0.3, "", provenance)
    for place, (name, classes) in enumerate(zip(names, curves, strict=True)):
        axes = figure.add_subplot(rows, columns, place + 1)
        for order, (label, shares) in enumerate(classes):
            axes.plot(100 * np.asarray(shares), color=COLORS[order], linewidth=1.6, label=label)
        axes.set_ylim(0, 100)
        axes.set_xlim(0, max(len(classes[0][1]) - 1, 1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        style(axes, "step", "probability (%)")
        axes.set_title(
            shortened(name, width - 1, LABEL), fontsize=LABEL, color=INK, loc="left", parse_math=False
        )
        axes.legend(frameon=False, fontsize=SMALL)
    return figure
