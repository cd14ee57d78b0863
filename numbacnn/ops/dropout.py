"""Dropout (Srivastava et al., 2014; lecture: regularization), in its inverted form.

forward     x, step (key, number), index, p -> y, mask: an element is kept with probability 1-p and divided by it
backward    d_y, mask, p -> d_x

The lecture sets neurons to zero with probability p and multiplies by 1-p at test time. Dividing by 1-p in
training instead gives the same expectation, and the network at test time has nothing left to do.
All arrays but `step` are flat. The two uint64 of `step` lie where the op's arrays do, so that a GPU can repeat a recorded
pass with other numbers; `index`, below 65536, tells the layers of a network apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import Kernel
from .parallel import parallel
from .philox import philox, unit


@parallel(lambda y, *_: (y.size + 3) // 4)
def _forward_cpu(
    begin: Any, end: Any, y: Any, mask: Any, x: Any, step: Any, index: Any, probability: Any
) -> None:
    """y_i = x_i / (1-p) with probability 1-p, else 0; element i draws word i % 4 of counter i / 4."""
    scale = 1 / (1 - probability)
    key, stream = step[0], step[1] << np.uint64(16) | np.uint64(index)
    for group in range(begin, end):
        words = philox(group, stream, key)
        for lane in range(min(4, y.size - group * 4)):
            i = group * 4 + lane
            mask[i] = unit(words[lane]) >= probability
            y[i] = x[i] * scale if mask[i] else 0


@parallel(lambda d_x, *_: d_x.size)
def _backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, mask: Any, probability: Any) -> None:
    """d_x_i = d_y_i / (1-p) where the element was kept, else 0."""
    scale = 1 / (1 - probability)
    for i in range(begin, end):
        d_x[i] = d_y[i] * scale if mask[i] else 0


forward = Kernel("dropout.forward", outputs=2, cpu=_forward_cpu)
backward = Kernel("dropout.backward", cpu=_backward_cpu)
