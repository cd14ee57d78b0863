"""Local response normalisation on the GPU: a thread a number; see ops.response."""

from __future__ import annotations

from typing import Any

import numpy as np

from .budget import Budget
from .elements import BUDGET, element, launch_each
from .toolchain import ZERO, device_function, kernel

BUDGETS = {"_forward": Budget(registers=40, shared_bytes=0), "_backward": BUDGET}
_ONE = np.uint32(1)


@device_function
def _around(i: Any, half: Any, channels: Any) -> tuple[Any, Any]:
    """The first place of the channels around that of element i, and one past their last."""
    c = np.uint32(i % channels)
    first = np.uint32(i - (c if c < half else half))
    after = np.uint32(channels - c)
    return first, np.uint32(i + (after if after <= half else np.uint32(half + _ONE)))


@kernel
def _forward(y: Any, s: Any, x: Any, half: Any, share: Any, power: Any, k: Any, channels: Any) -> None:
    i = element()
    if i < np.uint32(y.size):
        place, end = _around(i, half, channels)
        total = ZERO
        while place < end:
            total += x[place] * x[place]
            place = np.uint32(place + _ONE)
        total = k + share * total
        s[i] = total
        y[i] = x[i] * total**power


@kernel
def _backward(
    d_x: Any, d_y: Any, x: Any, y: Any, s: Any, half: Any, factor: Any, power: Any, channels: Any
) -> None:
    i = element()
    if i < np.uint32(d_x.size):
        place, end = _around(i, half, channels)
        total = ZERO
        while place < end:
            total += d_y[place] * y[place] / s[place]
            place = np.uint32(place + _ONE)
        d_x[i] = d_y[i] * s[i] ** power - factor * x[i] * total


def forward(y: Any, s: Any, x: Any, size: Any, alpha: Any, beta: Any, k: Any) -> None:
    """y = x s^-beta, and s, which the way back needs."""
    numbers = float(alpha / size), -float(beta), float(k)
    launch_each(_forward, y.size, y, s, x, size // 2, *numbers, x.shape[1])


def backward(d_x: Any, d_y: Any, x: Any, y: Any, s: Any, size: Any, alpha: Any, beta: Any) -> None:
    """d_x = d_y s^-beta - 2 alpha beta / size x sum(d_y y / s)."""
    numbers = float(2 * alpha * beta / size), -float(beta)
    launch_each(_backward, d_x.size, d_x, d_y, x, y, s, size // 2, *numbers, x.shape[1])
