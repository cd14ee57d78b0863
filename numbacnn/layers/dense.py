"""Fully connected layer and what leads to it (lecture: fully connected layer)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from ..device import Array
from ..errors import ShapeError
from ..ops import dense, joins
from .base import LARGEST, Call, Layer, ParameterSpec, Prepared, Shape, flat, need_range
from .convolution import bias_of, bias_spec, no_bias


@dataclass
class Flatten(Layer):
    """(H,W,C) -> (H*W*C), the same numbers in the same order."""

    kind: ClassVar[str] = "flatten"
    is_view: ClassVar[bool] = True

    def output_shape(self, *inputs: Shape) -> Shape:
        return (math.prod(inputs[0]),)

    def forward(self, call: Call) -> None:
        """Nothing to do: the output is the input's memory."""

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        joins.copy(flat(d_inputs[0]), flat(d_output))


@dataclass
class Dense(Layer):
    """(D) -> (K): every output connected to every input. Weights (D,K), bias (K) unless `bias` is false."""

    kind: ClassVar[str] = "dense"
    outputs: int
    bias: bool = True

    def __post_init__(self) -> None:
        need_range(self.kind, "outputs", self.outputs, 1, LARGEST)

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 1:
            volume = "x".join(map(str, inputs[0]))
            raise ShapeError(
                f"dense takes a flat input, and gets a volume {volume}; put a flatten layer before it"
            )
        return (self.outputs,)

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        size = inputs[0][0]
        weights = ParameterSpec((size, self.outputs), fan_in=size, fan_out=self.outputs)
        return {"weights": weights, **bias_spec(self.bias, self.outputs)}

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        return no_bias(self.bias, self.outputs, dtype)

    def prepare(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> Prepared:
        return Prepared(dense.workspace_size(device, self.outputs, count, inputs[0][0], limit))

    def forward(self, call: Call) -> None:
        weights, bias = call.parameters["weights"], bias_of(call)
        dense.forward(call.output, call.input, weights, bias, 1.0, call.workspace)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        dense.backward_input(d_inputs[0], d_output, call.parameters["weights"], call.workspace)

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        if {"weights", "bias"} <= gradients.keys():
            both = gradients["weights"], gradients["bias"]
            dense.backward_parameters(*both, call.input, d_output, call.workspace)
        elif "weights" in gradients:
            dense.backward_weights(gradients["weights"], call.input, d_output, call.workspace)
        elif "bias" in gradients:
            dense.bias_gradient(gradients["bias"], d_output, call.workspace)

    def multiply_adds(self, output: Shape, *inputs: Shape) -> int:
        return inputs[0][0] * self.outputs

    @property
    def is_neuronal(self) -> bool:
        return True
