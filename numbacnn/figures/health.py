"""Draws the health of a network's layers: their outputs, the share that is stuck, their gradients and updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from .board import BLUE, FAINT, GREEN, INK, LABEL, ORANGE, RULE, SMALL, TITLE, VERMILLION, chart, shortened
from .drawing import Drawing

ROW = 0.2
"""Inches of a layer's row."""
USUAL_UPDATES = (1e-4, 1e-2)
NAME = 1.7
"""Inches that a layer's name takes, at most."""


class Health(NamedTuple):
    """A layer's measurements; nan where the layer has no such measurement.

    `outputs` are the quantiles (5, 25, 50, 75, 95 %) of its outputs; `dead` is the share of its units, `off` and
    `saturated` are shares of its outputs; `gradient` and `update` are relative to the norm of its weights. `wrong`
    names the columns to be marked: "outputs", "stuck", "gradient", "update".
    """

    name: str
    quantiles: Sequence[float]
    dead: float
    off: float
    saturated: float
    gradient: float
    update: float
    wrong: frozenset[str] = frozenset()


def layer_health(layers: Sequence[Health], title: str = "", *, provenance: str = "") -> Drawing:
    """Returns a figure of four columns with a row for each layer, the first layer at the top; what is wrong is red."""
    rows = np.arange(len(layers))
    figure = chart(10.0, 1.5 + ROW * max(len(layers), 4), title, provenance)
    panels = figure.subplots(1, 4, sharey=True, width_ratios=(1.3, 1.1, 1, 1))
    outputs, stuck, gradient, update = panels
    for axes, heading in zip(
        panels,
        ("what it puts out", "stuck", "gradient / weights", "update / weights"),
        strict=True,
    ):
        axes.set_title(heading, fontsize=LABEL, color=INK)
        axes.tick_params(labelsize=SMALL, colors=INK, length=2)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.grid(axis="x", color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
        for row in rows[1::2]:
            axes.axhspan(row - 0.5, row + 0.5, color="#F6F6F6", linewidth=0, zorder=0)
    _draw_outputs(outputs, layers)
    _draw_stuck(stuck, layers)
    _draw_dots(gradient, layers, "gradient")
    update.axvspan(*USUAL_UPDATES, color=GREEN, alpha=0.15, linewidth=0)
    _draw_dots(update, layers, "update", USUAL_UPDATES)
    update.set_xlabel("a step; green: usual", fontsize=SMALL, color=FAINT)
    gradient.set_xlabel("root mean squares", fontsize=SMALL, color=FAINT)
    outputs.set_xlabel("median, half, 90 %", fontsize=SMALL, color=FAINT)
    outputs.set_ylim(len(layers) - 0.5, -0.5)
    outputs.set_yticks(
        rows, [shortened(layer.name, NAME, SMALL) for layer in layers], fontsize=SMALL, parse_math=False
    )
    for label, layer in zip(outputs.get_yticklabels(), layers, strict=True):
        label.set_color(VERMILLION if layer.wrong else INK)
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure


def _draw_outputs(axes: Axes, layers: Sequence[Health]) -> None:
    quantiles = np.array([layer.quantiles for layer in layers], np.float64)
    sizes = np.abs(quantiles[np.isfinite(quantiles)])
    for row, (layer, (low, lower, median, upper, high)) in enumerate(zip(layers, quantiles, strict=True)):
        color = VERMILLION if "outputs" in layer.wrong else BLUE
        axes.plot((low, high), (row, row), color=color, linewidth=1)
        axes.plot((lower, upper), (row, row), color=color, linewidth=4, solid_capstyle="butt")
        axes.plot(median, row, "|", color="white", markersize=5, markeredgewidth=1.2)
    spans = (quantiles[:, -1] - quantiles[:, 0])[quantiles[:, -1] > quantiles[:, 0]]
    if len(spans) and np.isfinite(spans).all() and spans.max() > 30 * np.median(spans):
        smallest, largest = (
            int(np.floor(np.log10(size))) for size in (np.median(sizes[sizes > 0]), sizes.max())
        )
        axes.set_xscale("symlog", linthresh=10.0**smallest, linscale=1)
        decades = range(smallest, largest + 1, max(1, (largest - smallest + 1) // 2))
        axes.set_xticks([0.0, *(sign * 10.0**decade for decade in decades for sign in (-1, 1))])
        axes.minorticks_off()


def _draw_stuck(axes: Axes, layers: Sequence[Health]) -> None:
    for name, color, height, label in (
        ("off", "#BBBBBB", 0.7, "outputs at 0"),
        ("saturated", ORANGE, 0.7, "saturated"),
        ("dead", VERMILLION, 0.35, "dead units"),
    ):
        values = np.nan_to_num([getattr(layer, name) for layer in layers])
        if values.any():
            axes.barh(range(len(layers)), values, height=height, color=color, label=label)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            fontsize=SMALL,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            ncols=3,
            borderaxespad=2.4,
            handlelength=1,
            columnspacing=1,
        )


def _draw_dots(axes: Axes, layers: Sequence[Health], name: str, always: Sequence[float] = ()) -> None:
    values = np.array([getattr(layer, name) for layer in layers], np.float64)
    shown = np.flatnonzero(np.isfinite(values) & (values > 0)).tolist()
    axes.set_xscale("log")
    axes.plot(values[shown], shown, color=RULE, linewidth=1)
    for row in shown:
        wrong = name in layers[row].wrong
        axes.plot(
            values[row],
            row,
            "D" if wrong else "o",
            color=VERMILLION if wrong else BLUE,
            markersize=6 if wrong else 4,
        )
    ends = [*values[shown], *always]
    if ends:
        axes.set_xlim(min(ends) / 4, max(ends) * 4)
