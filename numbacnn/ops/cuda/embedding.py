"""Rows that stand for whole numbers, on the GPU; see ops.embedding.

Of the places with one token the first adds the gradients of all, in their order: no atomic additions, the same bits always.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .budget import Budget
from .elements import BUDGET, element, launch_each
from .toolchain import ZERO, kernel

BUDGETS = {"_forward": BUDGET, "_clear": BUDGET, "_backward_weights": Budget(registers=40, shared_bytes=0)}
_NEXT = np.uint32(1)


@kernel
def _forward(y: Any, tokens: Any, weights: Any, size: Any) -> None:
    i = element()
    if i < np.uint32(y.size):
        m = np.uint32(i // size)
        y[i] = weights[np.uint32(np.uint32(tokens[m]) * size + i % size)]


@kernel
def _clear(d_weights: Any) -> None:
    i = element()
    if i < np.uint32(d_weights.size):
        d_weights[i] = ZERO


@kernel
def _backward_weights(d_weights: Any, d_y: Any, tokens: Any, size: Any) -> None:
    i = element()
    if i < np.uint32(d_y.size):
        m, d, count = np.uint32(i // size), np.uint32(i % size), np.uint32(tokens.size)
        token, before = np.uint32(tokens[m]), np.uint32(0)
        while before < m and np.uint32(tokens[before]) != token:
            before = np.uint32(before + _NEXT)
        if before == m:
            total, other = ZERO, m
            while other < count:
                if np.uint32(tokens[other]) == token:
                    total += d_y[np.uint32(other * size + d)]
                other = np.uint32(other + _NEXT)
            d_weights[np.uint32(token * size + d)] = total


def forward(y: Any, tokens: Any, weights: Any) -> None:
    """y = the rows of weights that tokens name."""
    launch_each(_forward, y.size, y, tokens, weights, y.shape[1])


def backward_weights(d_weights: Any, d_y: Any, tokens: Any) -> None:
    """The gradients of each token's places, added."""
    launch_each(_clear, d_weights.size, d_weights)
    launch_each(_backward_weights, d_y.size, d_weights, d_y, tokens, d_y.shape[1])
