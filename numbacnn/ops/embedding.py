"""Vectors for whole numbers such as words, moves or classes: each token selects a row of a table.

forward            y (M,D) = the rows of weights (V,D) that tokens (M) select
backward_weights   d_weights (V,D) = the sum of d_y (M,D) over the places m with token v, in the order of the places
"""

from __future__ import annotations

from typing import Any

from .kernel import Kernel
from .parallel import parallel

_COLUMNS = 16
"""The columns that one task adds up, over all places."""


@parallel(lambda y, tokens, *_: tokens.size)
def _forward_cpu(begin: Any, end: Any, y: Any, tokens: Any, weights: Any) -> None:
    """y_m = weights_token(m)."""
    for m in range(begin, end):
        source, target = weights[tokens[m]], y[m]
        for d in range(target.size):
            target[d] = source[d]


@parallel(lambda d_weights, *_: (d_weights.shape[1] + _COLUMNS - 1) // _COLUMNS)
def _backward_weights_cpu(start: Any, stop: Any, d_weights: Any, d_y: Any, tokens: Any) -> None:
    """d_weights_v = sum of d_y_m where token m is v."""
    size = d_weights.shape[1]
    for block in range(start, stop):
        first, end = block * _COLUMNS, min(size, (block + 1) * _COLUMNS)
        d_weights[:, first:end] = 0
        for m in range(tokens.size):
            token = tokens[m]
            for d in range(first, end):
                d_weights[token, d] += d_y[m, d]


forward = Kernel("embedding.forward", cpu=_forward_cpu)
backward_weights = Kernel(
    "embedding.backward_weights",
    work=lambda d_weights, d_y, _: d_weights.size + d_y.size,
    cpu=_backward_weights_cpu,
)
