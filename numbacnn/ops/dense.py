"""The linear brick: a matrix product, its bias, and the two gradients (lecture: fully connected layer).

forward            x (N,D), weights (D,K), bias (K), slope -> y (N,K), rectified in the product's last pass: what is
                   below 0 is multiplied by slope (0: ReLU, 1: nothing changes)
pack               weights -> packed (packed_size), in the order in which several rows take them (CPU alone)
forward_packed     x, packed, bias, slope -> y (CPU alone)
backward_input     d_y (N,K), weights -> d_x (N,D)
backward_weights   x, d_y -> d_weights (D,K)
bias_gradient      d_y (M,K) -> d_bias (K)
backward_parameters  x, d_y -> d_weights (D,K) and d_bias (K), which a GPU sums in one pass over d_y
backward_some_weights  x, d_y -> rows `first` and on of d_weights, as many as there is room for (R,K)
"""

from __future__ import annotations

import math
from typing import Any

from .compilation import jit
from .kernel import Kernel, by_device
from .masking import masked
from .parallel import in_parallel, parallel, share
from .product import (
    multiply,
    multiply_packed,
    multiply_turned,
    multiply_workspace,
    pack_panels,
    panels_size,
    zeros,
)
from .vectors import add, copy, multiply_add

_BLOCKS = 32
"""The most partial sums of a bias gradient. They depend on the shape alone, so that the result does not depend on the
threads.
"""
_LINES = 16
"""The fewest lines that each partial sum adds."""
_COLUMNS = 256
"""The outputs of a single picture that one task computes."""
_LINE = 64
"""The fewest elements of d_y that a bias gradient adds at a time; single rows of few filters would not fill a vector.
"""


def _workspace_size_cpu(filters: int, rows: int = 0, depth: int = 0, limit: float = math.inf) -> int:
    """Returns the elements of workspace that each of these ops needs at most for x (rows, depth), or that
    `bias_gradient` needs if these are left out: at most `limit`, unless the minimum is more.
    """
    return max(multiply_workspace(limit), _BLOCKS * _line(filters))


def _line(filters: int) -> int:
    """Returns the elements of the whole rows that are added at a time."""
    return -(-_LINE // filters) * filters


def _forward_cpu(y: Any, x: Any, weights: Any, bias: Any, slope: Any, workspace: Any) -> None:
    """y = f(x W + b), f(v) = v above 0, else slope v."""
    if len(y) == 1:
        _forward_row(y[0], x[0], weights, bias, slope)
        return
    multiply(y, x.reshape(-1), weights.shape[0], 1, weights, bias, slope, workspace)


def packed_size(depth: int, filters: int) -> int:
    """Returns the elements that `pack` fills with weights (depth, filters)."""
    return panels_size(1, depth, filters)


def _pack_cpu(packed: Any, weights: Any) -> None:
    """Packs weights as `forward_packed` takes them."""
    pack_panels(packed, weights.reshape(-1), 1, *weights.shape)


def _forward_packed_cpu(y: Any, x: Any, packed: Any, bias: Any, slope: Any) -> None:
    """Computes the same bits as `forward`."""
    multiply_packed(y, x, packed, bias, slope)


@parallel(lambda y, *_: (y.size + _COLUMNS - 1) // _COLUMNS)
def _forward_row(begin: Any, end: Any, y: Any, x: Any, weights: Any, bias: Any, slope: Any) -> None:
    """Computes one picture's outputs. Each weight is used once, so that packing gains nothing, and the weights are read
    in order.

    An output adds its products in the order of `multiply`, with one rounding each, so that a picture's outputs have the
    same bits alone and in a batch.
    """
    depth, share = weights.shape[0], y.dtype.type(slope)
    for block in range(begin, end):
        first = block * _COLUMNS
        last = min(first + _COLUMNS, y.size)
        total = y[first:last]
        copy(total, bias[first:last])
        # Four weights an output at a time: the sums, which are read and written, are then not what takes the time.
        whole = depth // 4 * 4
        for k in range(0, whole, 4):
            a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
            v, w, p, q = (
                weights[k, first:last],
                weights[k + 1, first:last],
                weights[k + 2, first:last],
                weights[k + 3, first:last],
            )
            for i in range(total.size):
                half: Any = multiply_add(b, w[i], multiply_add(a, v[i], total[i]))
                total[i] = multiply_add(d, q[i], multiply_add(c, p[i], half))
        for k in range(whole, depth):
            for i in range(total.size):
                total[i] = multiply_add(x[k], weights[k, first + i], total[i])
        for i in range(total.size):
            total[i] = total[i] if total[i] > 0 else share * total[i]


def _backward_input_cpu(d_x: Any, d_y: Any, weights: Any, workspace: Any) -> None:
    """d_x = d_y W^T."""
    multiply_turned(d_x, d_y, weights, workspace)


def _backward_weights_cpu(d_weights: Any, x: Any, d_y: Any, workspace: Any) -> None:
    """d_W = x^T d_y, summed over the batch."""
    _backward_some_weights_cpu(d_weights, x, d_y, 0, workspace)


def _bias_gradient_cpu(d_bias: Any, d_y: Any, workspace: Any) -> None:
    """d_b_k = sum over m of d_y_mk."""
    line = _line(d_bias.size)
    blocks = max(1, min(_BLOCKS, d_y.size // (line * _LINES)))
    _sum_rows(d_bias, d_y.reshape(-1), workspace[: blocks * line].reshape(blocks, line))


def _backward_parameters_cpu(d_weights: Any, d_bias: Any, x: Any, d_y: Any, workspace: Any) -> None:
    """d_W = x^T d_y, and d_b, the sum of d_y."""
    _backward_weights_cpu(d_weights, x, d_y, workspace)
    _bias_gradient_cpu(d_bias, d_y, workspace)


def _backward_some_weights_cpu(d_weights: Any, x: Any, d_y: Any, first: Any, workspace: Any) -> None:
    """Rows first .. first+R of d_W = x^T d_y; each number is the same bits as in the whole."""
    columns = x.reshape(-1)[first:]
    multiply(d_weights, columns, 1, x.shape[1], d_y, zeros(d_y.shape[1], d_y.dtype), 1.0, workspace)


@share
def _sum_blocks(begin: Any, end: Any, d_y: Any, partial: Any) -> None:
    blocks, line = partial.shape
    lines = d_y.size // line
    for block in range(begin, end):
        sums = partial[block]
        sums[:] = 0
        for first in range(lines * block // blocks * line, lines * (block + 1) // blocks * line, line):
            add(sums, d_y[first : first + line])


@jit(parallel=True)
def _sum_rows(d_bias: Any, d_y: Any, partial: Any) -> None:
    blocks, line = partial.shape
    lines = d_y.size // line
    in_parallel(_sum_blocks, blocks, (d_y, partial))
    d_bias[:] = 0
    for block in range(blocks):
        for first in range(0, line, d_bias.size):
            add(d_bias, partial[block, first : first + d_bias.size])
    for first in range(lines * line, d_y.size, d_bias.size):
        add(d_bias, d_y[first : first + d_bias.size])


def work(multiply_adds: int) -> int:
    """Returns a product's work in the unit that Kernel counts in: several multiply-adds take as long as the addition of
    an element.
    """
    return multiply_adds // 16


workspace_size = by_device("dense.workspace_size", cpu=_workspace_size_cpu)
"""A function of (device, filters, rows of x, depth, limit) that returns the elements of workspace."""

forward = Kernel("dense.forward", work=lambda y, x, *_: work(y.size * x.shape[1]), cpu=_forward_cpu)
pack = Kernel("dense.pack", cpu_only=True, cpu=_pack_cpu)
forward_packed = Kernel(
    "dense.forward_packed",
    work=lambda y, x, *_: work(y.size * x.shape[1]),
    cpu_only=True,
    cpu=_forward_packed_cpu,
)
backward_input = Kernel(
    "dense.backward_input", work=lambda d_x, d_y, *_: work(d_x.size * d_y.shape[1]), cpu=_backward_input_cpu
)
backward_weights = Kernel(
    "dense.backward_weights", work=lambda d_w, x, *_: work(d_w.size * len(x)), cpu=_backward_weights_cpu
)
backward_input_masked = masked(backward_input)
backward_some_weights = Kernel(
    "dense.backward_some_weights",
    work=lambda d_w, x, *_: work(d_w.size * len(x)),
    cpu_only=True,
    cpu=_backward_some_weights_cpu,
)
bias_gradient = Kernel("dense.bias_gradient", work=lambda _, d_y, *__: d_y.size, cpu=_bias_gradient_cpu)
backward_parameters = Kernel(
    "dense.backward_parameters",
    work=lambda d_w, _, x, *__: work(d_w.size * len(x)),
    outputs=2,
    cpu=_backward_parameters_cpu,
)
