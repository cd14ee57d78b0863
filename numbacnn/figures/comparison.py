"""Draws attribution methods beside each other for one picture, with the measurements that speak for or against each
method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes

from .board import (
    FAINT,
    INK,
    LABEL,
    MARGIN,
    RULE,
    SMALL,
    VERMILLION,
    Board,
    as_rgb,
    line_height,
    title_height,
)
from .drawing import Drawing
from .heat import WHOLE, heat_and_overlay

SIDE, GAP, COLUMNS = 1.75, 0.14, 5
CHART = 2.1
"""Inches of the curves' height."""

SPACE = 0.5
"""Inches around the curves, for their labels."""

COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#882255", "#000000", "#999933")
"""Colours of Okabe and Ito and two of Tol's, one for each method; lines have patterns too, so that nobody needs the
colours.
"""

STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), "-", "--", "-.")


@dataclass(frozen=True)
class Compared:
    """A method's map (H,W) of the picture, and its measurements.

    `deletion` and `insertion` are the class's probabilities over the shares of deleted or inserted pixels, `areas` the
    areas under these two curves. `random` has the method's maps (H,W) after the weights of more and more layers were
    made random, `correlations` their rank correlations with the map, and `unchanged` says whether these are too high.
    Without the check of random weights these are empty, and `unchanged` is None.
    """

    title: str
    values: Any
    signed: bool
    deletion: Any
    insertion: Any
    areas: tuple[float, float]
    random: Sequence[Any] = ()
    correlations: Sequence[float] = ()
    unchanged: bool | None = None


@dataclass(frozen=True)
class Reference:
    """What all methods are measured against: the shares of pixels, the curves of a random order of pixels, the number
    of random layers at each stage, and the correlation from which on a map counts as unchanged.
    """

    shares: Any
    deletion: Any
    insertion: Any
    stages: Sequence[int] = field(default=())
    threshold: float = 1.0


def attribution_comparison(
    image: Any,
    methods: Sequence[Compared],
    reference: Reference,
    title: str = "",
    *,
    part: tuple[float, ...] = WHOLE,
    provenance: str = "",
) -> Drawing:
    """Returns a figure of the picture, each method's map laid over it, below each its maps with random weights, and at
    the bottom the curves of all methods.

    `image` is (h,w,C), `part` the part of it that the network saw (`heat.Part`). A method whose maps do not change when
    the weights are random is marked as such.
    """
    height, width = as_rgb(image).shape[:2]
    wide, tall = SIDE * min(width / height, 1), SIDE * min(height / width, 1)
    random = SIDE / max(len(reference.stages), 1) if reference.stages else 0.0
    step_x = SIDE + GAP
    below = (6 if reference.stages else 3) * line_height(SMALL)
    below = max(below, 2 * line_height(SMALL) + random + 0.06)
    step_y = line_height(LABEL) + tall + below + 0.12
    rows = -(-(len(methods) + 1) // COLUMNS)
    top = MARGIN + title_height(title)
    total = 2 * MARGIN + COLUMNS * step_x - GAP
    legend = -(-(len(methods) + 1) // COLUMNS) * 0.2
    charts = top + rows * step_y + 0.05
    board = Board(total, charts + legend + CHART + 1.5 * SPACE + MARGIN, title, provenance)
    for place in range(len(methods) + 1):
        row, column = divmod(place, COLUMNS)
        left, upper = MARGIN + column * step_x, top + row * step_y
        if place == 0:
            board.text("picture", left, upper, width=SIDE, align="center")
            board.picture(image, left, upper + line_height(LABEL), SIDE, tall)
            _explain(board, left, upper + line_height(LABEL) + tall + 0.05, reference)
            continue
        method = methods[place - 1]
        board.text(method.title, left, upper, width=SIDE, align="center")
        y = upper + line_height(LABEL)
        _, laid = heat_and_overlay(image, method.values, part, signed=method.signed)
        board.picture(laid, left + (SIDE - wide) / 2, y, wide, tall)
        y += tall + 0.04
        for stage, values in enumerate(method.random):
            heat, _ = heat_and_overlay(values * 0, values, signed=method.signed)
            board.picture(heat, left + stage * random, y, random - 0.03, random - 0.03)
        y += random + (0.02 if method.random else 0.0)
        said = f"deletion {method.areas[0]:.2f}, insertion {method.areas[1]:.2f}"
        board.text(said, left, y, width=SIDE, size=SMALL, align="center", color=FAINT)
        if method.unchanged is not None:
            mean = sum(method.correlations) / len(method.correlations)
            text = f"{'UNCHANGED' if method.unchanged else 'changes'} ({mean:.2f})"
            color, weight = (VERMILLION, "bold") if method.unchanged else (FAINT, "normal")
            y += line_height(SMALL)
            board.text(text, left, y, width=SIDE, size=SMALL, align="center", color=color, weight=weight)
    _legend(board, methods, charts, step_x)
    _charts(board, methods, reference, charts + legend + SPACE / 2, total)
    return board.figure


def _explain(board: Board, left: float, top: float, reference: Reference) -> None:
    lines = ["maps of a scale of their own;", "red for the class, blue against"]
    if reference.stages:
        listed = ", ".join(map(str, reference.stages))
        lines += ["small: with random weights in the", f"last {listed} layers;"]
        lines += ["UNCHANGED: a mean rank", f"correlation of {reference.threshold:g} or more with them"]
    for number, line in enumerate(lines):
        y = top + number * line_height(SMALL)
        board.text(line, left, y, width=SIDE + GAP / 2, size=SMALL, color=FAINT)


def _legend(board: Board, methods: Sequence[Compared], top: float, step: float) -> None:
    names = [*(method.title for method in methods), "pixels in a random order"]
    for place, name in enumerate(names):
        row, column = divmod(place, COLUMNS)
        left, y = MARGIN + column * step, top + 0.2 * row
        color, style = _look(place, len(methods))
        board.axes.plot(
            [left, left + 0.28], [y + 0.07, y + 0.07], color=color, linestyle=style, linewidth=1.6
        )
        board.text(name, left + 0.34, y, width=step - 0.4, size=SMALL)


def _look(place: int, count: int) -> tuple[str, Any]:
    return (FAINT, ":") if place == count else (COLORS[place % len(COLORS)], STYLES[place % len(STYLES)])


def _charts(
    board: Board, methods: Sequence[Compared], reference: Reference, top: float, total: float
) -> None:
    count = 3 if reference.stages else 2
    wide = (total - 2 * MARGIN - count * SPACE) / count
    page_wide, page_tall = board.figure.get_size_inches()
    for place in range(count):
        left = MARGIN + SPACE + place * (wide + SPACE)
        axes = board.figure.add_axes(
            (left / page_wide, 1 - (top + CHART) / page_tall, wide / page_wide, CHART / page_tall)
        )
        if place == 2:
            _plot_checks(axes, methods, reference)
        else:
            _plot_curves(axes, methods, reference, "insertion" if place else "deletion")
        axes.grid(color=RULE, linewidth=0.6)
        axes.tick_params(labelsize=SMALL, colors=INK, length=0)
        axes.spines[:].set_visible(False)


def _plot_curves(axes: Axes, methods: Sequence[Compared], reference: Reference, kind: str) -> None:
    curves = [*(getattr(method, kind) for method in methods), getattr(reference, kind)]
    for place, curve in enumerate(curves):
        color, style = _look(place, len(methods))
        axes.plot(100 * reference.shares, curve, color=color, linestyle=style, linewidth=1.3)
    better = "falls sooner: better" if kind == "deletion" else "rises sooner: better"
    axes.set_title(f"{kind}: probability ({better})", fontsize=SMALL, color=INK)
    axes.set_xlabel(
        f"pixels {'taken away' if kind == 'deletion' else 'given back'}, most important first (%)",
        fontsize=SMALL,
        color=INK,
        labelpad=2,
    )
    axes.set_ylim(bottom=0)


def _plot_checks(axes: Axes, methods: Sequence[Compared], reference: Reference) -> None:
    for place, method in enumerate(methods):
        color, style = _look(place, len(methods))
        axes.plot(
            reference.stages,
            method.correlations,
            color=color,
            linestyle=style,
            linewidth=1.3,
            marker="o",
            markersize=2.5,
        )
    axes.axhline(reference.threshold, color=VERMILLION, linewidth=0.8)
    axes.set_title("rank correlation with the map of random weights", fontsize=SMALL, color=INK)
    axes.set_xlabel("layers with random weights, from the last on", fontsize=SMALL, color=INK, labelpad=2)
    axes.set_ylim(-0.4, 1.05)
    axes.set_xticks(list(reference.stages))
