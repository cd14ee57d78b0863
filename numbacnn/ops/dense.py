"""The linear brick: a matrix product, its bias, and the two gradients (lecture: fully connected layer).

forward            x (N,D), weights (D,K), bias (K) -> y (N,K)
backward_input     d_y (N,K), weights -> d_x (N,D)
backward_weights   x, d_y -> d_weights (D,K)
add_bias           y (M,K) += bias (K)
bias_gradient      d_y (M,K) -> d_bias (K)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .compilation import jit
from .kernel import Kernel
from .product import multiply

_BLOCKS = 32
"""Partial sums of a bias gradient: a fixed number, so that the result does not depend on the threads."""


def _forward_cpu(y: Any, x: Any, weights: Any, bias: Any) -> None:
    """y = x W + b."""
    depth, filters = weights.shape
    multiply(y, x.reshape(-1), depth, 1, weights.reshape(-1), filters, 1, depth)
    _add_bias_cpu(y, bias)


def _backward_input_cpu(d_x: Any, d_y: Any, weights: Any) -> None:
    """d_x = d_y W^T."""
    filters = weights.shape[1]
    multiply(d_x, d_y.reshape(-1), filters, 1, weights.reshape(-1), 1, filters, filters)


def _backward_weights_cpu(d_weights: Any, x: Any, d_y: Any) -> None:
    """d_W = x^T d_y, summed over the batch."""
    depth, filters = d_weights.shape
    multiply(d_weights, x.reshape(-1), 1, depth, d_y.reshape(-1), filters, 1, len(x))


@jit(parallel=True)
def _add_bias_cpu(y: Any, bias: Any) -> None:
    """y_mk += b_k."""
    for m in prange(y.shape[0]):
        for k in range(y.shape[1]):
            y[m, k] += bias[k]


@jit(parallel=True)
def _bias_gradient_cpu(d_bias: Any, d_y: Any) -> None:
    """d_b_k = sum over m of d_y_mk."""
    rows, filters = d_y.shape
    partial = np.zeros((_BLOCKS, filters), d_y.dtype)
    for block in prange(_BLOCKS):
        for m in range(rows * block // _BLOCKS, rows * (block + 1) // _BLOCKS):
            for k in range(filters):
                partial[block, k] += d_y[m, k]
    d_bias[:] = 0
    for block in range(_BLOCKS):
        for k in range(filters):
            d_bias[k] += partial[block, k]


forward = Kernel("dense.forward", cpu=_forward_cpu)
backward_input = Kernel("dense.backward_input", cpu=_backward_input_cpu)
backward_weights = Kernel("dense.backward_weights", cpu=_backward_weights_cpu)
add_bias = Kernel("dense.add_bias", cpu=_add_bias_cpu)
bias_gradient = Kernel("dense.bias_gradient", cpu=_bias_gradient_cpu)
