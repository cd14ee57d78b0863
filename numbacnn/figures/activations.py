"""Draws activation functions with their derivatives, and the ranges in which they pass no gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from .board import BLUE, FAINT, INK, LABEL, RULE, SMALL, TITLE, VERMILLION, chart
from .drawing import Drawing

if TYPE_CHECKING:
    from ..analysis.activation_curves import Curve

COLUMNS = 4
FLAT = 0.05
"""A slope below this share of the steepest counts as passing no gradient."""


def activation_functions(
    curves: Sequence[Curve], quiz: Sequence[float], title: str = "", *, provenance: str = ""
) -> Drawing:
    """Returns a figure with one panel for each curve: its values, its derivative (dashed), and grey where it passes
    next to no gradient. Below stand the slopes at the inputs of `quiz`.
    """
    columns = min(COLUMNS, len(curves))
    rows = -(-(len(curves) + 1) // columns)  # one more, for the legend
    figure = chart(2.7 * columns, 0.9 + 2.75 * rows, title, provenance)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, curve in zip(panels, curves, strict=False):
        _draw(axes, curve, quiz)
    for axes in panels[len(curves) :]:
        axes.axis("off")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[len(curves)].legend(handles, labels, loc="center left", fontsize=LABEL, frameon=False)
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure


def _draw(axes: Axes, curve: Curve, quiz: Sequence[float]) -> None:
    x, slope = np.asarray(curve.x), np.asarray(curve.slope)
    flat = np.abs(slope) < FLAT * np.abs(slope).max()
    axes.fill_between(
        x, 0, 1, where=flat, transform=axes.get_xaxis_transform(), color="#E4E4E4", linewidth=0,
        label="next to no gradient passes",
    )  # fmt: skip
    axes.axhline(0, color=RULE, linewidth=0.8)
    axes.axvline(0, color=RULE, linewidth=0.8)
    axes.plot(x, curve.y, color=BLUE, linewidth=1.8, label="f(x)")
    axes.plot(x, slope, color=VERMILLION, linewidth=1.4, linestyle=(0, (4, 2)), label="its derivative f'(x)")
    low, high = min(float(np.min(curve.y)), -0.4), max(float(np.max(curve.y)), 1.25)
    axes.set_ylim(max(low, -2.2) - 0.1, min(high, 4.0) + 0.1)
    axes.set_xlim(x[0], x[-1])
    axes.set_title(f"{curve.kind}\n", fontsize=LABEL, fontweight="bold", color=INK, parse_math=False)
    axes.text(
        0.5, 1.03, curve.formula, transform=axes.transAxes, fontsize=SMALL, color=FAINT, ha="center", va="bottom",
        parse_math=False,
    )  # fmt: skip
    axes.tick_params(labelsize=SMALL, colors=INK, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    answers = ", ".join(f"{value:.2g}" for value in curve.quiz)
    places = ", ".join(f"{place:g}" for place in quiz)
    axes.set_xlabel(
        f"f'({places}) = {answers}\n{curve.saturates}",
        fontsize=SMALL,
        color=INK,
        parse_math=False,
        linespacing=1.5,
    )
