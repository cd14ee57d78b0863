"""Translates ONNX's operators that choose or exchange channels: Split, and Reshape, Transpose, Reshape as a channel shuffle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ModelError
from .onnx_files import Operator
from .onnx_reading import Reading


class Part(NamedTuple):
    """A value that is part of a channel shuffle: the node that is shuffled, its groups, and whether they are exchanged."""

    source: str
    groups: int
    exchanged: bool


def resolved(lengths: Sequence[int], shape: Sequence[int]) -> tuple[int, ...]:
    """Returns the lengths of a Reshape after the batch's axis, for a value of this shape (C,H,W) or (D).

    0 keeps the length of the same axis, and one -1 takes what is left. Where that cannot be, they come back as they are.
    """
    rest = [
        shape[place] if length == 0 and place < len(shape) else length
        for place, length in enumerate(lengths[1:])
    ]
    others = math.prod(length for length in rest if length > 0)
    if rest.count(-1) == 1 and others and math.prod(shape) % others == 0:
        rest[rest.index(-1)] = math.prod(shape) // others
    return tuple(rest)


def groups_of(lengths: Sequence[int], shape: Sequence[int]) -> int:
    """Returns the groups into which a Reshape parts the channels of maps (C,H,W); 0 if it does something else."""
    rest = resolved(lengths, shape)
    if len(shape) != 3 or len(rest) < 3 or rest[0] * rest[1] != shape[0]:
        return 0
    return rest[0] if math.prod(rest[2:]) == math.prod(shape[1:]) else 0


def shuffles(reading: Reading, operator: Operator, lengths: Sequence[int]) -> bool:
    """Returns whether a Reshape is the first or the last step of a channel shuffle, and takes it if so."""
    name = operator.inputs[0]
    part = reading.shuffles.get(name)
    if part is None:
        source = reading.source(operator)
        height, width, channels = (1, 1, *reading.shape(source))[-3:]
        groups = groups_of(lengths, (channels, height, width))
        if not groups or reading.only_reader(operator.outputs[0], "Transpose") is None:
            return False
        reading.shuffles[operator.outputs[0]] = Part(source, groups, exchanged=False)
        return True
    height, width, channels = reading.shape(part.source)
    if not part.exchanged or resolved(lengths, (channels, height, width)) != (channels, height, width):
        return False
    reading.nodes[operator.outputs[0]] = reading.description.shuffled(operator.name, part.source, part.groups)
    return True


def transpose(reading: Reading, operator: Operator) -> None:
    """Translates a Transpose that exchanges the groups of a channel shuffle with the channels within them."""
    part = reading.shuffles.get(operator.inputs[0])
    axes = operator.wholes("perm", [])
    if part is None or part.exchanged or axes[:3] != [0, 2, 1] or axes[3:] != list(range(3, len(axes))):
        reading.unsupported.note("Transpose of what depends on the picture", operator.name)
        reading.pass_on(operator)
        return
    reading.shuffles[operator.outputs[0]] = part._replace(exchanged=True)


def split(reading: Reading, operator: Operator) -> None:
    """Translates a Split of the channels into parts, each of which becomes a node."""
    source = reading.source(operator)
    shape = reading.shape(source)
    channels, count = shape[-1], len(operator.outputs)
    given = reading.constant(operator, 1)
    equal = [-(-channels // count)] * (count - 1)
    sizes = operator.wholes("split", [*equal, channels - sum(equal)]) if given is None else given.tolist()
    if operator.whole("axis", 0) % (len(shape) + 1) != 1:
        reading.unsupported.note("Split along another axis than the channels", operator.name)
        reading.nodes |= dict.fromkeys(operator.outputs, source)
        return
    if len(sizes) != count or min(sizes) < 1 or sum(sizes) != channels:
        raise ModelError(f"parts of {sizes} of {channels} channels")
    for output, end, size in zip(operator.outputs, np.cumsum(sizes).tolist(), sizes, strict=True):
        if output:
            name = f"{operator.name}/{end - size}"
            reading.nodes[output] = reading.description.chosen(name, source, range(end - size, end))
