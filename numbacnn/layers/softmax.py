"""Softmax: probabilities of the classes (lecture: output layer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..device import Array
from ..errors import ShapeError
from ..ops import softmax
from .base import Call, Layer, Shape


@dataclass
class Softmax(Layer):
    """(K) -> (K): Pr(class = i) = e^x_i / sum_k e^x_k."""

    kind: ClassVar[str] = "softmax"

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 1:
            volume = "x".join(map(str, inputs[0]))
            raise ShapeError(
                f"softmax takes one score a class, and gets a volume {volume}; put a flatten layer before it"
            )
        return inputs[0]

    def forward(self, call: Call) -> None:
        softmax.forward(call.output, call.input)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        softmax.backward(d_inputs[0], d_output, call.output)
