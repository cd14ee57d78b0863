"""What an attack changed, and how far a network holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .board import (
    BLUE,
    FAINT,
    INK,
    LABEL,
    MARGIN,
    RULE,
    SMALL,
    TITLE,
    VERMILLION,
    Board,
    chart,
    line_height,
    signed_as_rgb,
    tile_side,
)

SIDE = 1.4
SIGN = 0.3
"""Inches for the plus and the equals sign."""

Judgement = tuple[str, float]
"""A class's name and its probability."""


def attack_panel(
    images: Any,
    perturbations: Any,
    adversarial: Any,
    before: Sequence[Judgement],
    after: Sequence[Judgement],
    amplification: float | None = None,
) -> Figure:
    """Rows of picture + amplified change = result, with what the network says of each (Goodfellow et al., 2015).

    `images` and `adversarial` (N,H,W,C), uint8 or in [0, 1]; `perturbations` (N,H,W,C) in [-1, 1], drawn around
    grey and amplified so that the largest of all is seen in full, unless `amplification` is given.
    """
    perturbations = np.asarray(perturbations, np.float64)
    largest = float(np.abs(perturbations).max())
    factor = amplification or (0.5 / largest if largest else 1.0)
    blocks = 1 if len(images) <= 5 else 2
    height, width = np.shape(images[0])[:2]
    side = tile_side(max(height, width), SIDE)
    wide, tall = side * width / max(height, width), side * height / max(height, width)
    block, between = 3 * wide + 2 * SIGN, 0.6
    step = tall + 2 * line_height(LABEL) + 0.16
    rows = -(-len(images) // blocks)
    board = Board(2 * MARGIN + blocks * (block + between) - between, 2 * MARGIN + rows * step - 0.12)
    for index in range(len(images)):
        row, column = divmod(index, blocks)
        left, top = MARGIN + column * (block + between), MARGIN + row * step
        change = signed_as_rgb(perturbations[index], 0.5 / factor)
        fooled = before[index][0] != after[index][0]
        change_text = (
            f"change, drawn × {factor:.3g}",
            f"up to {_levels(np.abs(perturbations[index]).max())}",
        )
        for place, (picture, lines, color) in enumerate(
            (
                (images[index], _lines(before[index]), INK),
                (change, change_text, FAINT),
                (adversarial[index], _lines(after[index]), VERMILLION if fooled else INK),
            )
        ):
            x, y = left + place * (wide + SIGN), top + tall + 0.04
            board.picture(picture, x, top, wide, tall)
            for line in lines:
                board.text(line, x - 0.1, y, width=wide + 0.2, align="center", color=color)
                y += line_height(LABEL)
            if place:
                sign = "+" if place == 1 else "="
                board.text(
                    sign, x - SIGN, top + tall / 2 - 0.14, width=SIGN, size=15, align="center", color=FAINT
                )
    return board.figure


def epsilon_sweep(
    epsilons: Sequence[float],
    clean_accuracy: float,
    adversarial: Sequence[float],
    adversarial_8bit: Sequence[float],
    title: str = "",
) -> Figure:
    """Accuracy (0 to 1) over epsilon (0 to 1, drawn in 255ths), before and after rounding to 8 bits."""
    order = np.argsort(epsilons, kind="stable")
    levels = 255 * np.asarray(epsilons, np.float64)[order]
    figure = chart(5.6, 3.6)
    axes = figure.add_subplot()
    axes.axhline(
        100 * clean_accuracy, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), label="unchanged pictures"
    )
    for values, color, marker, style, label in (
        (adversarial, VERMILLION, "o", "-", "attacked"),
        (adversarial_8bit, BLUE, "s", (0, (3, 2)), "attacked, rounded to 8 bits"),
    ):
        axes.plot(
            levels, 100 * np.asarray(values)[order], color=color, marker=marker, markersize=5, linewidth=1.6,
            linestyle=style, label=label, markerfacecolor=color if marker == "o" else "white", clip_on=False,
        )  # fmt: skip
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epsilon, the largest change of a pixel (levels of 255)", fontsize=LABEL, color=INK)
    axes.set_ylabel("accuracy (%)", fontsize=LABEL, color=INK)
    axes.tick_params(labelsize=SMALL, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=LABEL)
    if title:
        axes.set_title(title, fontsize=TITLE, fontweight="bold", color=INK, loc="left", parse_math=False)
    return figure


def _lines(judgement: Judgement) -> tuple[str, str]:
    name, share = judgement
    return name, f"{100 * share:.1f} %"


def _levels(change: float) -> str:
    """In 255ths: 8/255, 2.5/255."""
    return f"{round(255 * float(change), 1):g}/255"
