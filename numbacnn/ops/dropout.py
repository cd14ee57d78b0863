"""Dropout (Srivastava et al., 2014; lecture: regularization), in its inverted form.

forward     x, step (key, number), index, p -> y, mask: an element is kept with probability 1-p and divided by it
backward    d_y, mask, p -> d_x

The lecture sets neurons to zero with probability p and multiplies by 1-p at test time. Dividing by 1-p in
training instead gives the same expectation, and the network at test time has nothing left to do.
All arrays but `step` are flat. The two uint64 of `step` lie where the op's arrays do, so that a GPU can repeat a recorded
pass with other numbers; `index`, below 65536, tells the layers of a network apart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compilation import jit
from .kernel import Kernel
from .parallel import parallel
from .philox import philox

_GROUPS = 8
"""Counters, of four elements each, that are the least a thread draws."""


def _forward_cpu(y: Any, mask: Any, x: Any, step: Any, index: Any, probability: Any) -> None:
    """y_i = x_i / (1-p) with probability 1-p, else 0; element i draws word i % 4 of counter i / 4."""
    # A word is a number in [0, 1) times 2^32, so that the two are as far from p, exactly.
    least = np.uint64(math.ceil(probability * 4294967296))
    _forward(y, mask, x, step, index, least, 1 / (1 - probability))


@parallel(lambda y, *_: -(-y.size // (4 * _GROUPS)))
def _forward(
    begin: Any, end: Any, y: Any, mask: Any, x: Any, step: Any, index: Any, least: Any, scale: Any
) -> None:
    key, stream = step[0], step[1] << np.uint64(16) | np.uint64(index)
    first, last = begin * 4 * _GROUPS, min(end * 4 * _GROUPS, y.size)
    whole = last // 4 * 4
    for i in range(first, whole, 4):
        one, two, three, four = philox(i // 4, stream, key)
        mask[i], mask[i + 1], mask[i + 2], mask[i + 3] = (
            one >= least,
            two >= least,
            three >= least,
            four >= least,
        )
    if whole < last:
        words = philox(whole // 4, stream, key)
        for i in range(whole, last):
            mask[i] = words[i - whole] >= least
    _keep(y[first:last], x[first:last], mask[first:last], scale)


@jit
def _keep(target: Any, source: Any, mask: Any, scale: Any) -> None:
    """target_i = scale source_i where it is kept, else 0."""
    for i in range(target.size):
        target[i] = source[i] * scale if mask[i] else 0


@parallel(lambda d_x, *_: d_x.size)
def _backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, mask: Any, probability: Any) -> None:
    """d_x_i = d_y_i / (1-p) where the element was kept, else 0."""
    _keep(d_x[begin:end], d_y[begin:end], mask[begin:end], 1 / (1 - probability))


forward = Kernel("dropout.forward", outputs=2, cpu=_forward_cpu)
backward = Kernel("dropout.backward", cpu=_backward_cpu)
