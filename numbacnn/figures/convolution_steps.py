"""Draws one step of a convolution: the window on the volume, the filter, and the number that they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

from .board import (
    BLUE,
    FAINT,
    INK,
    LABEL,
    MARGIN,
    SMALL,
    VERMILLION,
    Board,
    line_height,
    title_height,
    title_width,
)
from .drawing import Drawing

if TYPE_CHECKING:
    from ..analysis.convolution_steps import Step

CELL = 0.23
GAP = 0.34
PALE, PALER, RED = "#CFE5F3", "#EEEEEE", "#F7D9C8"


def convolution_step(
    padded: Any,
    weights: Any,
    bias: Any,
    output: Any,
    padding: int,
    step: Step,
    done: int,
    title: str = "",
    *,
    provenance: str = "",
) -> Drawing:
    """Returns a figure of a padded volume (H,W,C) whose padding is grey, the filters (R,S,C,K), and the first `done`
    numbers of the output (P,Q,K).

    Channels stand one below the other. The window and the filter of this step are blue, the number that they make is
    red.
    """
    tall, wide, channels = padded.shape
    side, filters = weights.shape[0], weights.shape[3]
    rows, columns = output.shape[:2]
    line = line_height(SMALL)
    top = MARGIN + title_height(title) + line_height(LABEL) + 0.04
    pitches = [tall * CELL + line + 0.1, side * CELL + line + 0.1, rows * CELL + line + 0.1]
    height = max(channels * pitches[0], channels * pitches[1] + line, filters * pitches[2])
    width = (wide + filters * side + columns) * CELL + (filters + 1) * GAP
    board = Board(
        max(2 * MARGIN + width, title_width(title), 4.6),
        top + height + line_height(LABEL) + 0.1 + MARGIN,
        title,
        provenance,
    )
    x = MARGIN
    head = top - line_height(LABEL) - 0.04
    board.text(f"volume, padding {padding}", x, head, width=wide * CELL + GAP, weight="bold")
    for channel in range(channels):
        y = top + channel * pitches[0]
        board.text(f"x[:, :, {channel}]", x, y, width=2, size=SMALL, color=FAINT)
        colors = [
            [_of_volume(row, column, tall, wide, side, padding, step) for column in range(wide)]
            for row in range(tall)
        ]
        _grid(board, padded[..., channel], x, y + line, colors)
    x += wide * CELL + GAP
    for number in range(filters):
        chosen = number == step.filter
        board.text(
            f"filter {number}",
            x,
            head,
            width=side * CELL + GAP,
            weight="bold",
            color=INK if chosen else FAINT,
        )
        for channel in range(channels):
            y = top + channel * pitches[1]
            board.text(f"w{number}[:, :, {channel}]", x, y, width=2, size=SMALL, color=FAINT)
            _grid(
                board,
                weights[:, :, channel, number],
                x,
                y + line,
                [[PALE if chosen else "white"] * side] * side,
            )
        y = top + channels * pitches[1]
        board.text(f"bias {bias[number]}", x, y, width=2, size=SMALL, color=INK if chosen else FAINT)
        x += side * CELL + GAP
    board.text("output", x, head, width=2, weight="bold")
    for number in range(filters):
        y = top + number * pitches[2]
        board.text(f"o[:, :, {number}]", x, y, width=2, size=SMALL, color=FAINT)
        shown = [
            [
                output[row, column, number] if number * rows * columns + row * columns + column < done else ""
                for column in range(columns)
            ]
            for row in range(rows)
        ]
        here = number == step.filter
        colors = [
            [
                RED if here and (row, column) == (step.row, step.column) else "white"
                for column in range(columns)
            ]
            for row in range(rows)
        ]
        _grid(board, shown, x, y + line, colors)
    place = f"o[{step.row}, {step.column}, {step.filter}] = {step.formula}"
    board.text(place, MARGIN, top + height + 0.05, width=width, color=VERMILLION)
    return board.figure


def _of_volume(row: int, column: int, tall: int, wide: int, side: int, padding: int, step: Step) -> str:
    if step.top <= row < step.top + side and step.left <= column < step.left + side:
        return PALE
    inside = padding <= row < tall - padding and padding <= column < wide - padding
    return "white" if inside else PALER


def _grid(board: Board, values: Any, left: float, top: float, colors: Sequence[Sequence[str]]) -> None:
    for row, line in enumerate(colors):
        for column, color in enumerate(line):
            x, y = left + column * CELL, top + row * CELL
            edge = BLUE if color == PALE else "#AAAAAA"
            board.axes.add_patch(
                Rectangle((x, y), CELL, CELL, facecolor=color, edgecolor=edge, linewidth=0.6)
            )
            board.axes.text(
                x + CELL / 2,
                y + CELL / 2,
                str(values[row][column]),
                fontsize=SMALL,
                ha="center",
                va="center",
                color=INK,
            )
