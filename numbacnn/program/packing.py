"""Convolutions whose filters are packed by a step of its own, so that a program that learns nothing packs them once (`settled`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..ops import convolution
from ..ops.operands import Operand, Step, Storage


def packed_forward(steps: Iterable[Step]) -> list[Step]:
    """The steps of a pass forward with packed filters, a step before the convolution that takes them."""
    left: list[Step] = []
    for step in steps:
        left += _apart(step) if step.kernel is convolution.forward else [step]
    return left


def _apart(step: Step) -> list[Step]:
    y, x, weights, bias, slope, *manner, workspace = step.arguments
    size = convolution.packed_size(x.shape[3], y.shape[3], *manner)
    if not size:
        return [step]
    node, what = weights.storage.key
    packed = Operand(Storage((node, f"packed {what}"), size, weights.dtype), (size,))
    return [
        replace(step, kernel=convolution.pack, arguments=(packed, weights, *manner)),
        replace(
            step,
            kernel=convolution.forward_packed,
            arguments=(y, x, packed, bias, slope, 0, *manner, workspace),
        ),
    ]
