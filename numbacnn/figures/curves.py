"""Draws how a training run went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .board import BLUE, FAINT, GREEN, INK, LABEL, RULE, SMALL, TITLE, VERMILLION, chart
from .drawing import Drawing

PURPLE = "#cc79a7"
PERCENT = "top-1 error (%)"
LOG_RATIO = 50
"""A loss or a learning rate whose largest value exceeds its smallest by more than this factor is drawn on a logarithmic
scale.
"""


def training_curves(rows: Sequence[Mapping[str, Any]], title: str = "", *, provenance: str = "") -> Drawing:
    """Returns a figure of loss, top-1 error and learning rate over the epochs, with a line at each roll-back and a ring
    at the best epoch.

    `rows` are those of metrics.csv: epoch, train_loss, train_top1_error, validation_loss, validation_top1_error,
    robust_top1_error (only of adversarial training; errors are from 0 to 1), learning_rate, rolled_back. Values that
    are missing, empty or not finite are left out.
    """
    figure = chart(7.5, 6.0, title, provenance)
    loss, error, rate = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.2))
    epochs = _column(rows, "epoch")
    for axes, quantity, factor in ((loss, "loss", 1.0), (error, "top1_error", 100.0)):
        for split, color in (("train", BLUE), ("validation", VERMILLION)):
            values = factor * _column(rows, f"{split}_{quantity}")
            if np.isfinite(values).any():
                _line(axes, epochs, values, color, split)
    robust = _column(rows, "robust_top1_error")
    if np.isfinite(robust).any():
        _line(error, epochs, 100 * robust, PURPLE, "validation, under attack")
        error.legend(fontsize=SMALL, loc="upper right", edgecolor="none", framealpha=0.9)
    rates = _column(rows, "learning_rate")
    _line(rate, epochs, rates, GREEN, "", drawstyle="steps-mid")
    _scale(loss, "loss", _column(rows, "train_loss"), _column(rows, "validation_loss"))
    errors = _column(rows, "train_top1_error"), _column(rows, "validation_top1_error")
    _scale(error, PERCENT, *(100 * values for values in (*errors, robust)))
    _scale(rate, "learning rate", rates)
    _mark_best(error, epochs, errors[1])
    _mark_roll_backs((loss, error, rate), epochs, _column(rows, "rolled_back"))
    rate.set_xlabel("epoch", fontsize=LABEL, color=INK)
    rate.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if len(rows):
        rate.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    if loss.get_legend_handles_labels()[0]:
        loss.legend(fontsize=LABEL, loc="upper right", edgecolor="none", framealpha=0.9)
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    values = [row.get(name) for row in rows]
    numbers = np.array([np.nan if value in (None, "") else float(value) for value in values], np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _line(axes: Axes, epochs: Any, values: Any, color: str, label: str, drawstyle: str = "default") -> None:
    marker = "o" if len(values) <= 30 else ""
    axes.plot(
        epochs,
        values,
        color=color,
        label=label,
        linewidth=1.6,
        marker=marker,
        markersize=3.5,
        drawstyle=drawstyle,
    )


def _scale(axes: Axes, label: str, *columns: Any) -> None:
    axes.set_ylabel(label, fontsize=LABEL, color=INK)
    axes.tick_params(labelsize=SMALL, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    values = np.concatenate(columns)
    values = values[np.isfinite(values)]
    if not len(values) or values.max() <= 0:
        return
    if label != PERCENT and values.min() > 0 and values.max() > LOG_RATIO * values.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.08 * values.max())


def _mark_best(axes: Axes, epochs: Any, errors: Any) -> None:
    if not np.isfinite(errors).any():
        return
    best = int(np.nanargmin(errors))
    axes.plot(
        epochs[best],
        100 * errors[best],
        "o",
        color="none",
        markeredgecolor=VERMILLION,
        markersize=10,
        clip_on=False,
    )
    text = f"best validation error {100 * errors[best]:.2f} % (epoch {epochs[best]:.0f})"
    axes.set_title(text, fontsize=SMALL, color=FAINT, loc="left")


def _mark_roll_backs(panels: Sequence[Axes], epochs: Any, rolled_back: Any) -> None:
    times = epochs[np.nan_to_num(rolled_back) != 0]
    for axes in panels:
        for time in times:
            axes.axvline(time, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=0.5)
    if len(times):
        noun = "roll-back" if len(times) == 1 else "roll-backs"
        text = f"dotted: {len(times)} {noun} to the best weights"
        panels[0].set_title(text, fontsize=SMALL, color=FAINT, loc="left")
