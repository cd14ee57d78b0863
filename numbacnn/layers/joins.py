"""Layers with several inputs: they make a network a directed graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..errors import NetworkError, ShapeError
from ..ops import joins, subsample
from ..ops.geometry import Window
from .base import LARGEST, Call, Layer, Shape, flat, need_range, need_volume


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


@dataclass
class Multiply(Layer):
    """The product of two inputs of one shape; or of a volume (H,W,C) and a factor a channel, (1,1,C) or flat (C), as
    squeeze-and-excitation has it (Hu et al., 2018).
    """

    kind: ClassVar[str] = "multiply"
    inputs_expected: ClassVar[int | None] = None

    def output_shape(self, *inputs: Shape) -> Shape:
        fits = len(inputs) == 2 and inputs[0][-1] == inputs[1][-1]
        if not (fits and (inputs[0] == inputs[1] or math.prod(inputs[1][:-1]) == 1)):
            raise ShapeError(
                "multiply needs two inputs of one shape, or a volume first and then a factor a channel, and gets "
                f"{_listed(inputs)}"
            )
        return inputs[0]

    def sees(self, axis: int, places: Any, shape: Shape) -> Any:
        return places if shape[axis] > 1 else np.minimum(places, 0)

    def forward(self, call: Call) -> None:
        joins.multiply(*map(_by_pixel, (call.output, *call.inputs)))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        d_y, source, factors = map(_by_pixel, (d_output, *call.inputs))
        if d_inputs[0] is not None:
            joins.multiply(_by_pixel(d_inputs[0]), d_y, factors)
        if d_inputs[1] is not None:
            shared = source.shape[1] > factors.shape[1]
            into = joins.multiply_sums if shared else joins.multiply
            into(_by_pixel(d_inputs[1]), d_y, source)


@dataclass
class Subsample(Layer):
    """(H,W,C) -> (P,Q,channels): the pixels of every `stride`-th row and column, from the first on; channels that are new
    are zeros, half of them before the old ones (an odd one after). The shortcut without parameters of residual networks
    (He et al., 2016, option A).
    """

    kind: ClassVar[str] = "subsample"
    channels: int
    stride: int = 2

    def __post_init__(self) -> None:
        need_range(self.kind, "channels", self.channels, 1, LARGEST)
        self._window = Window(
            (1, 1), (self.stride, self.stride), rounding="floor", noun=f"{self.kind} window"
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        height, width, channels = inputs[0]
        if self.channels < channels:
            raise NetworkError(
                f"channels of {self.kind} is {self.channels}: at least the {channels} of its input are expected"
            )
        return (*self._window.output_size(height, width), self.channels)

    def window(self, *inputs: Shape) -> Window | None:
        return self._window

    def forward(self, call: Call) -> None:
        subsample.forward(call.output, call.input, self.stride, self._first(call))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        subsample.backward(d_inputs[0], d_output, self.stride, self._first(call))

    def _first(self, call: Call) -> int:
        """The channel that the first of the old ones becomes."""
        return int(self.channels - call.input.shape[3]) // 2


def _by_pixel(array: Array | None) -> Array:
    """(N, pixels, C)."""
    assert array is not None
    return array.reshape(array.shape[0], -1, array.shape[-1])


def _by_channel(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])


def _listed(shapes: tuple[Shape, ...]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)
