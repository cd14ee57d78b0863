"""Ways into a network beside pictures: planes of numbers, such as a board's, and whole numbers that stand for words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..errors import DataError, ShapeError
from ..ops import embedding, joins
from .base import LARGEST, Call, Layer, ParameterSpec, Shape, flat, need_range, need_volume


@dataclass
class Planes(Layer):
    """Numbers (H,W,C) as they are given, a board of C planes say; a gradient reaches them as it does pixels."""

    kind: ClassVar[str] = "planes"
    is_input: ClassVar[bool] = True

    shape: Shape

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or not all(1 <= size <= LARGEST for size in self.shape):
            raise ShapeError(f"shape = {list(self.shape)} of planes: [height, width, planes] is expected")
        self.shape = tuple(self.shape)

    @property
    def given_shape(self) -> Shape:
        return self.shape

    def describe_input(self, shape: Shape) -> str:
        return f"planes of {'x'.join(map(str, shape))}"

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        return inputs[0]

    def forward(self, call: Call) -> None:
        joins.copy(flat(call.output), flat(call.input))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        joins.copy(flat(d_inputs[0]), flat(d_output))


@dataclass
class Embedding(Layer):
    """Tokens, `length` whole numbers below `vocabulary` -> (1, length, size): for each the row of weights that stands for it.

    A text is a picture one pixel high, over which convolutions of height 1 slide. Weights (vocabulary, size).
    """

    kind: ClassVar[str] = "embedding"
    is_input: ClassVar[bool] = True
    input_type: ClassVar[type | None] = np.int64

    vocabulary: int
    size: int
    length: int = 1

    def __post_init__(self) -> None:
        for name in ("vocabulary", "size", "length"):
            need_range(self.kind, name, getattr(self, name), 1, LARGEST)

    @property
    def given_shape(self) -> Shape:
        return (self.length,)

    def describe_input(self, shape: Shape) -> str:
        return f"{self.length} token{'s' * (self.length > 1)} below {self.vocabulary}"

    def output_shape(self, *inputs: Shape) -> Shape:
        return (1, self.length, self.size)

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        return {
            "weights": ParameterSpec((self.vocabulary, self.size), fan_in=self.size, fan_out=self.vocabulary)
        }

    def check_input(self, values: Any) -> None:
        if values.size and not 0 <= values.min() <= values.max() < self.vocabulary:
            raise DataError(
                f"tokens from {values.min()} to {values.max()}: whole numbers from 0 to {self.vocabulary - 1} are expected"
            )

    def forward(self, call: Call) -> None:
        rows = call.output.reshape(-1, self.size)
        embedding.forward(rows, flat(call.input), call.parameters["weights"])

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        rows = d_output.reshape(-1, self.size)
        embedding.backward_weights(gradients["weights"], rows, flat(call.input))
