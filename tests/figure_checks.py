"""What every figure must hold: texts within it and on no other, pictures within it."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.random import default_rng

LONG = "a class whose name is longer than any column of any figure could ever be, with $ and _ in it"


def pictures(count: int, height: int = 8, width: int = 8, channels: int = 3) -> Any:
    return default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)


def texts(figure: Figure) -> list[str]:
    return [item.get_text() for axes in figure.axes for item in axes.texts]


def images(figure: Figure) -> list[Any]:
    return [item for axes in figure.axes for item in axes.images]


def check(figure: Figure) -> None:
    """Every text lies within the figure and on no other; every picture within it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    drawn = [item for axes in figure.axes for item in axes.texts if item.get_text().strip()]
    boxes = [item.get_window_extent(renderer) for item in drawn]
    width, height = canvas.get_width_height()
    for item, box in zip(drawn, boxes, strict=True):
        assert box.x0 >= -1, item
        assert box.y0 >= -1, item
        assert box.x1 <= width + 1, item
        assert box.y1 <= height + 1, item
    for (one, a), (other, b) in combinations(zip(drawn, boxes, strict=True), 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
        assert not overlap, (one, other)
    for image in images(figure):
        box = image.get_window_extent(renderer)
        assert box.x0 >= -1
        assert box.x1 <= width + 1
        assert box.y0 >= -1
        assert box.y1 <= height + 1


def rows(count: int, **changes: object) -> list[dict[str, Any]]:
    return [
        {
            "epoch": epoch, "train_loss": 2.0 / epoch, "train_top1_error": 0.9 / epoch,
            "validation_loss": 2.2 / epoch, "validation_top1_error": 1.0 / epoch, "learning_rate": 0.1,
            "rolled_back": epoch == 3, **changes,
        }
        for epoch in range(1, count + 1)
    ]  # fmt: skip
