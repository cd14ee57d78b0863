"""Draws which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from ..errors import ShapeError
from .board import INK, LABEL, SMALL, TITLE, chart, shortened, text_width
from .drawing import Drawing

MAX_NUMBERED = 20
MAX_NAMED = 60
"""Up to so many classes, cells have numbers, and rows and columns have names."""


def confusion_matrix(
    counts: Any, class_names: Sequence[str], title: str = "", *, provenance: str = ""
) -> Drawing:
    """Returns a figure of counts (K,K), pictures by true class (rows) and predicted class (columns); colours show
    shares of a row.

    The colour scale is a square root, so that a few errors show beside a thousand right answers. Raises ShapeError
    unless there are as many rows and columns as names.
    """
    counts = np.asarray(counts)
    classes = len(class_names)
    if counts.shape != (classes, classes):
        raise ShapeError(
            f"counts of shape {counts.shape} for {classes} classes; expected ({classes}, {classes})"
        )
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.42 * classes, 3.2, 8.0))
    figure = chart(side + 2.0, side + 1.4, title, provenance)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 100), interpolation="nearest")
    _ticks(axes, class_names, side)
    if classes <= MAX_NUMBERED:
        _numbers(axes, counts, shares, min(LABEL, 40 * side / classes))
    axes.set_xlabel("predicted", fontsize=LABEL, color=INK)
    axes.set_ylabel("true", fontsize=LABEL, color=INK)
    scale = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, ticks=[0, 1, 5, 10, 25, 50, 75, 100])
    scale.set_label("% of the true class", fontsize=SMALL, color=INK)
    scale.ax.tick_params(labelsize=SMALL, colors=INK)
    scale.outline.set_visible(False)
    if title:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    return figure


def _ticks(axes: Axes, class_names: Sequence[str], side: float) -> None:
    axes.tick_params(labelsize=SMALL, colors=INK, length=0)
    axes.spines[:].set_color("#BBBBBB")
    classes = len(class_names)
    if classes > MAX_NAMED:  # only the numbers of some
        return
    size = SMALL if classes <= 30 else 5.0
    names = [shortened(name, 1.2, size) for name in class_names]
    upright = max(text_width(name, size) for name in names) > 0.9 * side / classes
    axes.set_xticks(range(classes), names, rotation=90 if upright else 0, fontsize=size, parse_math=False)
    axes.set_yticks(range(classes), names, fontsize=size, parse_math=False)


def _numbers(axes: Axes, counts: Any, shares: Any, size: float) -> None:
    for row, column in np.argwhere(counts):
        color = "white" if shares[row, column] > 40 else INK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=size, color=color)
