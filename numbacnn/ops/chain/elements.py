"""Steps that compute a function of each number, and dropout, for a group of pictures. `products` says how a step's row
describes its arguments.

A forward step's row holds: y, offset of its next row; x, offset of its next row; rows, elements in a row. A backward
step's row holds: d_x, next row; d_y, next row; y, next row; x, next row; rows, elements in a row. The functions are
those of ops.activations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import activations
from ..activations import BLOCK, STANDARD
from ..compilation import jit
from ..philox import philox, unit
from .calling import step
from .vectors import VECTOR_BYTES

_leaky_relu_forward = activations.leaky_relu_forward.variants["cpu"].share
_tanh_forward = activations.tanh_forward.variants["cpu"].share
_sigmoid_forward = activations.sigmoid_forward.variants["cpu"].share
_clip_forward = activations.clip_forward.variants["cpu"].share
_tanh_backward = activations.tanh_backward.variants["cpu"].share
_sigmoid_backward = activations.sigmoid_backward.variants["cpu"].share
_clip_backward = activations.clip_backward.variants["cpu"].share
_NONE = np.uintp(0)


@jit(inline=True)
def _row(arena: Any, g: Any, place: Any, row: Any, size: Any) -> Any:
    """Returns the elements of a row of the array whose start and row offset are g[place] and g[place + 1]."""
    begin = g[place] + row * g[place + 1]
    return arena[begin : begin + size]


@step
def rectifier(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """y = x where x > 0, else numbers[0] x."""
    for row in range(g[5]):
        y = _row(arena, g, 1, row, g[6])
        x = _row(arena, g, 3, row, g[6])
        _leaky_relu_forward(_NONE, np.uintp(y.size), y, x, numbers[0])


@step
def rectifier_back(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """d_x = d_y where y > 0, else numbers[0] d_y, in the place of d_y."""
    share = arena.dtype.type(numbers[0])
    for row in range(g[9]):
        d = _row(arena, g, 3, row, g[10])
        y = _row(arena, g, 5, row, g[10])
        for i in range(d.size):
            d[i] = d[i] if y[i] > 0 else share * d[i]


@step
def tanh(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """y = tanh x."""
    for row in range(g[5]):
        y = _row(arena, g, 1, row, g[6])
        x = _row(arena, g, 3, row, g[6])
        _tanh_forward(_NONE, np.uintp(y.size), y, x)


@step
def tanh_back(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """d_x from the outputs, or from the inputs where the outputs are saturated (ops.activations)."""
    for row in range(g[9]):
        d_x = _row(arena, g, 1, row, g[10])
        d_y = _row(arena, g, 3, row, g[10])
        y = _row(arena, g, 5, row, g[10])
        x = _row(arena, g, 7, row, g[10])
        _tanh_backward(_NONE, np.uintp((d_x.size + BLOCK - 1) // BLOCK), d_x, d_y, y, x)


@step
def sigmoid(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """y = 1 / (1 + e^-x)."""
    for row in range(g[5]):
        y = _row(arena, g, 1, row, g[6])
        x = _row(arena, g, 3, row, g[6])
        _sigmoid_forward(_NONE, np.uintp(y.size), y, x)


@step
def sigmoid_back(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """d_x from the outputs, or from the inputs where the outputs are saturated (ops.activations)."""
    for row in range(g[9]):
        d_x = _row(arena, g, 1, row, g[10])
        d_y = _row(arena, g, 3, row, g[10])
        y = _row(arena, g, 5, row, g[10])
        x = _row(arena, g, 7, row, g[10])
        _sigmoid_backward(_NONE, np.uintp((d_x.size + BLOCK - 1) // BLOCK), d_x, d_y, y, x)


@step
def clip(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """y = x, clipped to the range from numbers[0] to numbers[1]."""
    for row in range(g[5]):
        y = _row(arena, g, 1, row, g[6])
        x = _row(arena, g, 3, row, g[6])
        _clip_forward(_NONE, np.uintp(y.size), y, x, numbers[0], numbers[1])


@step
def clip_back(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """d_x = d_y where x is between numbers[0] and numbers[1], else 0."""
    for row in range(g[9]):
        d_x = _row(arena, g, 1, row, g[10])
        d_y = _row(arena, g, 3, row, g[10])
        x = _row(arena, g, 7, row, g[10])
        _clip_backward(_NONE, np.uintp(d_x.size), d_x, d_y, x, numbers[0], numbers[1], STANDARD)


@step
def drop(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """Dropout with the masks of ops.dropout for the whole batch, in which the group's pictures begin at `first`.

    The row holds: y, offset of its next row; the mask, which is laid out as x; x, offset of its next row; rows,
    elements in a row; the layer's index.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    y, y_row, mask, x, x_row, rows, length = g[1], g[2], g[3], g[4], g[5], g[6], g[7]
    probability = numbers[0]
    scale = 1 / (1 - probability)
    key, stream = random[0], random[1] << np.uint64(16) | np.uint64(g[8])
    for lane in range(lanes):
        words, known = philox(np.uint64(0), stream, key), np.int64(-1)
        for row in range(rows):
            for k in range(length):
                i = (first + lane) * rows * length + row * length + k
                if i // 4 != known:
                    known = i // 4
                    words = philox(known, stream, key)
                source, target = x + row * x_row + k * lanes + lane, y + row * y_row + k * lanes + lane
                kept = unit(words[i % 4]) >= probability
                arena[mask + row * x_row + k * lanes + lane] = 1 if kept else 0
                arena[target] = arena[source] * scale if kept else 0


@step
def drop_back(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """d is multiplied by the mask, and by numbers[1] where x is not positive. The row holds: d, offset of its next row; the mask,
    offset of its next row; x, offset of its next row; rows, elements in a row.
    """
    probability = numbers[0]
    scale, share = 1 / (1 - probability), arena.dtype.type(numbers[1])
    for row in range(g[7]):
        d = _row(arena, g, 1, row, g[8])
        mask = _row(arena, g, 3, row, g[8])
        x = _row(arena, g, 5, row, g[8])
        for i in range(d.size):
            kept = d[i] * scale if mask[i] > 0 else 0
            d[i] = kept if x[i] > 0 else share * kept
