"""Convolutions and dense layers whose weights are packed by a step of its own, so that a program that learns nothing packs them once (`settled`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..ops import convolution, dense
from ..ops.operands import Operand, Step, Storage


def packed_forward(steps: Iterable[Step], pictures: int) -> list[Step]:
    """The steps of a pass forward with packed weights, a step before the product that takes them. A program of one picture leaves those
    of dense layers as they are: it needs each number once, in the order in which it lies.
    """
    left: list[Step] = []
    for step in steps:
        if step.kernel is convolution.forward:
            left += _convolution(step)
        elif step.kernel is dense.forward and pictures > 1:
            left += _dense(step)
        else:
            left.append(step)
    return left


def _convolution(step: Step) -> list[Step]:
    y, x, weights, bias, slope, *manner, workspace = step.arguments
    size = convolution.packed_size(x.shape[3], y.shape[3], *manner)
    if not size:
        return [step]
    packed = _packed(weights, size)
    return [
        replace(step, kernel=convolution.pack, arguments=(packed, weights, *manner)),
        replace(
            step,
            kernel=convolution.forward_packed,
            arguments=(y, x, packed, bias, None, slope, 0, *manner, workspace),
        ),
    ]


def _dense(step: Step) -> list[Step]:
    y, x, weights, bias, slope, _ = step.arguments
    packed = _packed(weights, dense.packed_size(*weights.shape))
    return [
        replace(step, kernel=dense.pack, arguments=(packed, weights)),
        replace(step, kernel=dense.forward_packed, arguments=(y, x, packed, bias, slope)),
    ]


def _packed(weights: Operand, size: int) -> Operand:
    node, what = weights.storage.key
    return Operand(Storage((node, f"packed {what}"), size, weights.dtype), (size,))
