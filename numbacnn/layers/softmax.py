"""Softmax: probabilities of the classes (lecture: output layer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..device import Array
from ..ops import softmax
from .base import Call, Layer


@dataclass
class Softmax(Layer):
    """(…, K) -> (…, K): Pr(class = i) = e^x_i / sum_k e^x_k, of a volume (H,W,K) at every position."""

    kind: ClassVar[str] = "softmax"

    def forward(self, call: Call) -> None:
        softmax.forward(_rows(call.output), _rows(call.input))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        softmax.backward(_rows(d_inputs[0]), _rows(d_output), _rows(call.output))


def _rows(array: Array) -> Array:
    """(count, …, K) -> (rows, K)."""
    return array.reshape(-1, array.shape[-1])
