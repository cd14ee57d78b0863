"""A number that everything is multiplied by, and that is not learned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..errors import NetworkError, cut
from ..ops import normalization
from .base import Call, Layer, Shape


@dataclass
class Factor(Layer):
    """(…, C) -> (…, C): everything times `factor`. Before a softmax it sets how sure the network is at first."""

    kind: ClassVar[str] = "factor"

    factor: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.factor):
            raise NetworkError(f"factor = {cut(self.factor)} of {self.kind}: a finite number is expected")

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        size = inputs[0][-1]
        return {
            "factors": np.full(size, self.factor, dtype),
            "ones": np.ones(size, dtype),
            "zeros": np.zeros(size, dtype),
        }

    def forward(self, call: Call) -> None:
        self._multiply(call, call.output, call.input)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        self._multiply(call, d_inputs[0], d_output)

    def _multiply(self, call: Call, target: Any, source: Array) -> None:
        """As a normalisation of numbers whose mean is 0 and whose variance is 1."""
        tables, size = call.tables, source.shape[-1]
        rows = target.reshape(-1, size), source.reshape(-1, size)
        normalization.forward(*rows, tables["zeros"], tables["ones"], tables["factors"], tables["zeros"], 1.0)
