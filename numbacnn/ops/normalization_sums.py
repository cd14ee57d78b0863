"""Sums over the rows of (M,C), channel by channel, in one pass over memory (normalization.py says of what).

Rows of few channels are taken several at a time, as lines of some hundred numbers, and folded at the end. Lines are cut into
blocks by the shape alone, so that the result does not depend on the threads.

The mean and the squares about it are taken in that one pass. A block's mean is its first line at first; then as many further
lines as it has are compared with that mean at a time, and correct it (Chan, Golub and LeVeque, 1979). So never more than half of
a sum of squares is taken away again: no digits are lost, however far from 0 the mean is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compilation import jit
from .normalizing import spread, weigh, weigh_joined
from .parallel import in_parallel, share

_BLOCKS = 32
"""The most partial sums."""
_LINES = 32
"""The fewest lines that each partial sum adds, if there are as many."""
_LINE = 256
"""About so many numbers make a line, where rows are shorter."""
_ARRAYS = 4
"""Lines of numbers that a block needs, and that all blocks share."""


def workspace_size(rows: int, channels: int) -> int:
    """Returns the elements of workspace for the sums of (rows, channels): room for eight lines at least."""
    blocks, line = shape_of(rows, channels)
    return _ARRAYS * (blocks + 1) * line


def shape_of(rows: int, channels: int) -> tuple[int, int]:
    """Returns the number of blocks, and the elements of a line."""
    fold, whole = max(1, min(_LINE // channels, rows // _LINES)), 16 // math.gcd(channels, 16)
    fold -= fold % whole if fold >= whole else 0  # lines of whole vectors
    return max(1, min(_BLOCKS, rows // fold // _LINES)), fold * channels


def parts(workspace: Any, rows: int, channels: int) -> tuple[Any, Any]:
    """Returns (blocks, 4, line) for the blocks' sums, and (4, line) for what they share."""
    blocks, line = shape_of(rows, channels)
    own, size = _ARRAYS * line, workspace_size(rows, channels)
    return workspace[own:size].reshape(blocks, _ARRAYS, line), workspace[:own].reshape(_ARRAYS, line)


@jit
def repeat(target: Any, source: Any) -> None:
    """A line of what each channel has, again and again."""
    for first in range(0, target.size, source.size):
        for c in range(source.size):
            target[first + c] = source[c]


@share
def _spread_lines(begin: Any, end: Any, partial: Any, x: Any) -> None:
    blocks, _, line = partial.shape
    number, lanes, lines = x.dtype.type, 64 // x.itemsize, x.size // line
    for block in range(begin, end):
        mean, square, sums, squares = (
            partial[block, 0],
            partial[block, 1],
            partial[block, 2],
            partial[block, 3],
        )
        first, last = lines * block // blocks, lines * (block + 1) // blocks
        for k in range(line):
            mean[k] = x[first * line + k]
            square[k] = 0
        seen = 1
        while first + seen < last:
            then = min(2 * seen, last - first)
            sums[:] = 0
            squares[:] = 0
            for m in range(first + seen, first + then):
                for k in range(0, line, lanes):
                    spread(sums, squares, x, mean, m * line + k, k, line - k)
            one = number(1) / number(then)
            for k in range(line):
                further = sums[k] * one
                mean[k] += further
                square[k] += squares[k] - sums[k] * further
            seen = then


@jit(parallel=True)
def statistics(
    mean: Any,
    inverse: Any,
    running_mean: Any,
    running_variance: Any,
    x: Any,
    rows: Any,
    momentum: Any,
    eps: Any,
    partial: Any,
    shared: Any,
) -> None:
    """Writes what `normalization.statistics` writes, of x flat."""
    number, channels = x.dtype.type, mean.size
    blocks, _, line = partial.shape
    lines, left = x.size // line, x.size // line * line
    in_parallel(_spread_lines, blocks, (partial, x))
    means, squares = shared[0], shared[1]
    means[:] = 0
    for block in range(blocks):
        own, count = partial[block, 0], number(lines * (block + 1) // blocks - lines * block // blocks)
        for k in range(line):
            means[k] += count * own[k]
    mean[:] = 0
    for first in range(0, line, channels):
        for c in range(channels):
            mean[c] += means[first + c]
    for first in range(left, x.size, channels):
        for c in range(channels):
            mean[c] += x[first + c]
    for c in range(channels):
        mean[c] /= number(rows)
    repeat(means, mean)
    squares[:] = 0
    for block in range(blocks):
        own, square = partial[block, 0], partial[block, 1]
        count = number(lines * (block + 1) // blocks - lines * block // blocks)
        for k in range(line):
            squares[k] += square[k] + count * ((own[k] - means[k]) * (own[k] - means[k]))
    kept, gone = number(1) - number(momentum), number(momentum)
    for c in range(channels):
        total = number(0)
        for k in range(c, line, channels):
            total += squares[k]
        for i in range(left + c, x.size, channels):
            total += (x[i] - mean[c]) * (x[i] - mean[c])
        inverse[c] = number(1) / np.sqrt(total / number(rows) + number(eps))
        running_mean[c] = kept * running_mean[c] + gone * mean[c]
        running_variance[c] = kept * running_variance[c] + gone * (total / number(max(rows - 1, 1)))


@jit
def _numbers_of(block: Any, blocks: Any, line: Any, size: Any) -> Any:
    """(the first of a block's numbers, the one after its last): whole lines, and for the last block what is left."""
    lines = size // line
    last = size if block == blocks - 1 else lines * (block + 1) // blocks * line
    return lines * block // blocks * line, last


@share
def _weigh_lines(begin: Any, end: Any, partial: Any, d_y: Any, x: Any, shared: Any, slope: Any) -> None:
    blocks, _, line = partial.shape
    lanes = 64 // x.itemsize
    mean, inverse, scale, shift = shared[0], shared[1], shared[2], shared[3]
    for block in range(begin, end):
        scaled, plain = partial[block, 0], partial[block, 1]
        scaled[:] = 0
        plain[:] = 0
        first, last = _numbers_of(block, blocks, line, x.size)
        for m in range(first, last, line):
            left = min(line, last - m)
            for k in range(0, left, lanes):
                weigh(scaled, plain, d_y, x, mean, inverse, scale, shift, slope, m + k, k, left - k)


@share
def _weigh_joined_lines(
    begin: Any, end: Any, partial: Any, d: Any, added: Any, y: Any, x: Any, shared: Any, slope: Any
) -> None:
    blocks, _, line = partial.shape
    lanes, mean = 64 // x.itemsize, shared[0]
    for block in range(begin, end):
        scaled, plain = partial[block, 0], partial[block, 1]
        scaled[:] = 0
        plain[:] = 0
        first, last = _numbers_of(block, blocks, line, x.size)
        for m in range(first, last, line):
            left = min(line, last - m)
            for k in range(0, left, lanes):
                weigh_joined(scaled, plain, d, added, y, x, mean, slope, m + k, k, left - k)


@jit
def _fold(d_scale: Any, d_shift: Any, partial: Any, inverse: Any) -> None:
    """The blocks' sums, added in their order, and then the rows of a line."""
    for block in range(1, len(partial)):
        for which in range(2):
            own, total = partial[block, which], partial[0, which]
            for k in range(own.size):
                total[k] += own[k]
    d_scale[:] = 0
    d_shift[:] = 0
    for first in range(0, partial.shape[2], d_scale.size):
        for c in range(d_scale.size):
            d_scale[c] += partial[0, 0, first + c]
            d_shift[c] += partial[0, 1, first + c]
    for c in range(d_scale.size):
        d_scale[c] *= inverse[c]


@jit(parallel=True)
def sums(
    d_scale: Any,
    d_shift: Any,
    d_y: Any,
    x: Any,
    mean: Any,
    inverse: Any,
    scale: Any,
    shift: Any,
    slope: Any,
    partial: Any,
    shared: Any,
) -> None:
    """Writes what `normalization.sums_rectified` writes, of flat arrays."""
    repeat(shared[0], mean)
    repeat(shared[1], inverse)
    repeat(shared[2], scale)
    repeat(shared[3], shift)
    in_parallel(_weigh_lines, len(partial), (partial, d_y, x, shared, slope))
    _fold(d_scale, d_shift, partial, inverse)


@jit(parallel=True)
def sums_joined(
    d_scale: Any,
    d_shift: Any,
    d: Any,
    added: Any,
    y: Any,
    x: Any,
    mean: Any,
    inverse: Any,
    slope: Any,
    partial: Any,
    shared: Any,
) -> None:
    """Writes what `normalization.sums_joined` writes, of flat arrays."""
    repeat(shared[0], mean)
    in_parallel(_weigh_joined_lines, len(partial), (partial, d, added, y, x, shared, slope))
    _fold(d_scale, d_shift, partial, inverse)
