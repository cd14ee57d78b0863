"""Dropout (Srivastava et al., 2014; lecture: regularization)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..device import Array
from ..ops import dropout, joins
from .base import Call, Layer, Shape, flat, need_range


@dataclass
class Dropout(Layer):
    """In training each element is zero with `probability`, else divided by 1 - probability; otherwise unchanged."""

    kind: ClassVar[str] = "dropout"

    probability: float = 0.5

    def __post_init__(self) -> None:
        need_range(self.kind, "probability", self.probability, 0, 1)

    def scratch(self, count: int, output: Shape) -> dict[str, tuple[Shape, type | None]]:
        return {"mask": ((count, *output), np.bool_)}

    def forward(self, call: Call) -> None:
        if call.mode.training:
            mask = flat(call.scratch["mask"])
            dropout.forward(
                flat(call.output), mask, flat(call.input), call.mode.random, call.index, self.probability
            )
        else:
            joins.copy(flat(call.output), flat(call.input))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        if call.mode.training:
            dropout.backward(flat(d_inputs[0]), flat(d_output), flat(call.scratch["mask"]), self.probability)
        else:
            joins.copy(flat(d_inputs[0]), flat(d_output))
