"""Draws what an attack changed, and how accuracy falls with the size of the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.ticker import MaxNLocator

from .board import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LABEL,
    MARGIN,
    ORANGE,
    SMALL,
    VERMILLION,
    Board,
    chart,
    line_height,
    signed_as_rgb,
    tile_side,
)
from .drawing import Drawing
from .robustness import SIZES, band, over_epsilon, style

SIDE = 1.4
SIGN = 0.3
"""Inches for the plus sign and the equals sign."""

LANDSCAPE = 16 / 9
"""Width over height of a slide."""

BETWEEN = 0.6
"""Inches between two rows of pictures that stand side by side."""

Judgement = tuple[str, float]
"""The name of a class and its probability."""


def attack_panel(
    images: Any,
    perturbations: Any,
    adversarial: Any,
    before: Sequence[Judgement],
    after: Sequence[Judgement],
    amplification: float | None = None,
    *,
    truths: Sequence[str | None] | None = None,
    sizes: Sequence[Mapping[str, float]] | None = None,
    notes: Sequence[str] = (),
    layout: Literal["portrait", "landscape"] = "portrait",
    provenance: str = "",
) -> Drawing:
    """Returns a figure with a row for each picture: picture + amplified change = result, and the network's answer to
    each (Goodfellow et al., 2015).

    `images` and `adversarial` are (N,H,W,C), uint8 or in [0, 1]; `perturbations` (N,H,W,C) in [-1, 1] are drawn around
    grey, amplified by `amplification`, or so that the largest of all reaches white or black. `before` and `after` are
    the network's answers; an answer that changed is red. `truths` are names of the true classes, None where not known;
    `sizes` the size of each change by norm (L0, L1, L2, Linf, of values from 0 to 1); `notes` one line under each
    result.

    In portrait up to five rows stand one below the other; in landscape as many side by side as make the figure about as
    wide as a slide.
    """
    perturbations = np.asarray(perturbations, np.float64)
    largest = float(np.abs(perturbations).max())
    factor = amplification or (0.5 / largest if largest else 1.0)
    height, width = np.shape(images[0])[:2]
    side = tile_side(max(height, width), SIDE)
    wide, tall = side * width / max(height, width), side * height / max(height, width)
    block = 3 * wide + 2 * SIGN
    lines_below = max(2 if truths is None else 3, 2 if sizes is None else 4)
    step = tall + lines_below * line_height(LABEL) + 0.16
    blocks = _side_by_side(len(images), block + BETWEEN, step, layout)
    rows = -(-len(images) // blocks)
    board = Board(
        2 * MARGIN + blocks * (block + BETWEEN) - BETWEEN,
        2 * MARGIN + rows * step - 0.12,
        provenance=provenance,
    )
    for index in range(len(images)):
        row, column = divmod(index, blocks)
        left, top = MARGIN + column * (block + BETWEEN), MARGIN + row * step
        change = signed_as_rgb(perturbations[index], 0.5 / factor)
        fooled = before[index][0] != after[index][0]
        change_text = (
            f"change, drawn × {factor:.3g}",
            f"up to {_levels(np.abs(perturbations[index]).max())}",
            *(() if sizes is None else _sizes(sizes[index])),
        )
        truth = "" if truths is None or truths[index] is None else f"true class: {truths[index]}"
        for place, (picture, lines, color) in enumerate(
            (
                (images[index], (*_lines(before[index]), truth), INK),
                (change, change_text, FAINT),
                (
                    adversarial[index],
                    (*_lines(after[index]), *notes[index : index + 1]),
                    VERMILLION if fooled else INK,
                ),
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


def _side_by_side(count: int, width: float, height: float, layout: str) -> int:
    """Returns how many of `count` rows, each `width` x `height` inches, stand side by side."""
    if layout == "portrait":
        return 1 if count <= 5 else 2
    choices = range(1, count + 1)
    return min(choices, key=lambda side: abs(np.log(side * width / (-(-count // side) * height) / LANDSCAPE)))


def epsilon_sweep(
    epsilons: Sequence[float],
    clean_accuracy: float,
    adversarial: Sequence[float],
    adversarial_8bit: Sequence[float],
    title: str = "",
    *,
    intervals: Sequence[tuple[float, float]] = (),
    norm: str = "linf",
    target: str = "",
    success: Sequence[float] = (),
    success_8bit: Sequence[float] = (),
    provenance: str = "",
) -> Drawing:
    """Returns a figure of accuracy (0 to 1) over epsilon (in Linf in 255ths), before and after rounding to 8 bits.

    `intervals` are confidence intervals (low, high) of `adversarial`, drawn as a band. With a target class, `success`
    and `success_8bit` are the shares of pictures that the network takes for it, and are drawn too.
    """
    order = np.argsort(epsilons, kind="stable")
    levels = over_epsilon(epsilons, norm)[order]
    figure = chart(5.6, 3.6 if not target else 4.2, title, provenance)
    axes = figure.add_subplot()
    axes.axhline(
        100 * clean_accuracy, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), label="unchanged pictures"
    )
    band(axes, levels, [intervals[each] for each in order] if len(intervals) else (), VERMILLION)
    dashed = (0, (3, 2))
    right = "attacked" if not target else "attacked: still right"
    curves = [
        (adversarial, VERMILLION, "o", "-", right),
        (adversarial_8bit, BLUE, "s", dashed, f"{right}, rounded to 8 bits"),
    ]
    if target:
        curves += [
            (success, ORANGE, "o", "-", f"attacked: taken for {target}"),
            (success_8bit, GREEN, "s", dashed, f"attacked: taken for {target}, rounded to 8 bits"),
        ]
    for values, color, marker, line, label in curves:
        axes.plot(
            levels, 100 * np.asarray(values)[order], color=color, marker=marker, markersize=5, linewidth=1.6,
            linestyle=line, label=label, markerfacecolor=color if marker == "o" else "white", clip_on=False,
        )  # fmt: skip
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    if norm == "linf":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style(axes, SIZES[norm], "accuracy (%)" if not target else "share of pictures (%)", title)
    if target:  # four curves leave no corner free
        figure.legend(frameon=False, fontsize=SMALL, loc="outside upper center", ncols=2)
    else:
        axes.legend(frameon=False, fontsize=LABEL)
    return figure


def _lines(judgement: Judgement) -> tuple[str, str]:
    name, share = judgement
    return name, f"{100 * share:.1f} %"


def _sizes(sizes: Mapping[str, float]) -> tuple[str, str]:
    """Returns two lines of text: L0 and L1, then L2 and Linf."""
    parts = [f"{name} {size:,.0f}" if size >= 100 else f"{name} {size:.3g}" for name, size in sizes.items()]
    return ", ".join(parts[:2]), ", ".join(parts[2:])


def _levels(change: float) -> str:
    """Returns a change in 255ths: "8/255", "2.5/255"."""
    return f"{round(255 * float(change), 1):g}/255"
