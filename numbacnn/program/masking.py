"""Gradients of rectifiers that work in place: the step that writes the gradient of a rectifier's output multiplies it by the
rectifier's derivative as it stores it, and the rectifier has no step back of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..ops import activations, convolution, dense, joins, pooling
from ..ops.operands import Operand, Step
from .steps import Root

_MASKED = {
    convolution.backward_input: convolution.backward_input_masked,
    dense.backward_input: dense.backward_input_masked,
    pooling.max_backward: pooling.max_backward_masked,
    pooling.sum_backward: pooling.sum_backward_masked,
    joins.accumulate: joins.accumulate_masked,
}


def masked_backward(steps: Iterable[Step], root: Root) -> list[Step]:
    """The steps of a pass back, in which steps of `_MASKED` do the work of a rectifier where they are the last to write what it
    works on and nobody looks at that in between. `root`: the memory that a Storage lies in.
    """
    left: list[Step] = []
    for step in steps:
        place = _writer(left, step, root)
        if place is None:
            left.append(step)
            continue
        writer = left[place]
        _, _, signs, slope, _ = step.arguments
        assert writer.kernel is not None
        left[place] = replace(
            writer, kernel=_MASKED[writer.kernel], arguments=(*writer.arguments, signs, slope)
        )
    return left


def _writer(before: list[Step], step: Step, root: Root) -> int | None:
    """The place of the step before a rectifier's that can do its work."""
    if step.kernel is not activations.leaky_relu_backward:
        return None
    d_x, d_y, signs, _, rule = step.arguments
    memory, of_signs = root(d_y.storage.key), root(signs.storage.key)
    if rule != activations.STANDARD or root(d_x.storage.key) != memory:
        return None
    for place in reversed(range(len(before))):
        other = before[place]
        if any(root(operand.storage.key) == memory for operand in other.accesses()):
            is_whole = other.kernel in _MASKED and _covers(other.arguments[0], d_y, root)
            return place if is_whole else None
        if any(root(operand.storage.key) == of_signs for operand in other.writes()):
            return None
    return None


def _covers(written: Operand, gradient: Operand, root: Root) -> bool:
    """Whether what a step writes is all of a gradient."""
    same = root(written.storage.key) == root(gradient.storage.key)
    return same and (written.first, written.size) == (gradient.first, gradient.size)
