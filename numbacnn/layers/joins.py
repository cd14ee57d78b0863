"""Layers with several inputs: they make a network a directed graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..device import Array
from ..errors import ShapeError
from ..ops import joins
from .base import Call, Layer, Shape, flat


@dataclass
class Concatenate(Layer):
    """(..., C1), (..., C2), … -> (..., C1 + C2 + …), channel after channel."""

    kind: ClassVar[str] = "concatenate"
    inputs_expected: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        if len({shape[:-1] for shape in inputs}) != 1:
            raise ShapeError(f"concatenate needs inputs of one height and width, and gets {_listed(inputs)}")
        return (*inputs[0][:-1], sum(shape[-1] for shape in inputs))

    def forward(self, call: Call) -> None:
        output, first = _by_channel(call.output), 0
        for source in call.inputs:
            joins.copy_channels(output, _by_channel(source), first)
            first += source.shape[-1]

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        first = 0
        for source, d_input in zip(call.inputs, d_inputs, strict=True):
            if d_input is not None:
                joins.take_channels(_by_channel(d_input), _by_channel(d_output), first)
            first += source.shape[-1]


@dataclass
class Add(Layer):
    """The sum of inputs of one shape."""

    kind: ClassVar[str] = "add"
    inputs_expected: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) != 1:
            raise ShapeError(f"add needs inputs of one shape, and gets {_listed(inputs)}")
        return inputs[0]

    def forward(self, call: Call) -> None:
        output, first = flat(call.output), flat(call.inputs[0])
        for source in call.inputs[1:]:
            joins.add(output, first, flat(source), 1.0)
            first = output

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        for d_input in d_inputs:
            if d_input is not None:
                joins.copy(flat(d_input), flat(d_output))


def _by_channel(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


def _listed(shapes: tuple[Shape, ...]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)
