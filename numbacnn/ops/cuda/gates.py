"""Activations that pass a share of x between 0 and 1, on the GPU; see ops.gates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .elements import BUDGET, element, launch_each
from .toolchain import ONE, ZERO, device_function, kernel

BUDGETS = dict.fromkeys(("_forward", "_backward", "_normal_forward", "_normal_backward"), BUDGET)
_FAR, _THREE, _HALF = np.float32(1e6), np.float32(3), np.float32(0.5)
_TO_ERFC, _DENSITY = np.float32(math.sqrt(0.5)), np.float32(1 / math.sqrt(2 * math.pi))


@device_function
def _held(x: Any) -> Any:
    low = -_FAR if x < -_FAR else x
    return _FAR if low > _FAR else low


@device_function
def _share(u: Any) -> Any:
    """1 / (1 + e^-u), by the form that does not overflow."""
    small = math.exp(-abs(u))
    return (ONE if u >= ZERO else small) / (ONE + small)


@device_function
def _below(x: Any) -> Any:
    """Phi(x)."""
    return _HALF * math.erfc(-x * _TO_ERFC)


@kernel
def _forward(y: Any, x: Any, a: Any, b: Any) -> None:
    i = element()
    if i < np.uint32(y.size):
        held = _held(x[i])
        y[i] = (x[i] if x[i] > ZERO else held) * _share(held * (a + b * held * held))


@kernel
def _backward(d_x: Any, d_y: Any, x: Any, a: Any, b: Any) -> None:
    i = element()
    if i < np.uint32(d_x.size):
        held = _held(x[i])
        u = held * (a + b * held * held)
        share, rest = _share(u), _share(-u)
        d_x[i] = d_y[i] * (share + share * (rest * (held * (a + _THREE * b * held * held))))


@kernel
def _normal_forward(y: Any, x: Any) -> None:
    i = element()
    if i < np.uint32(y.size):
        held = _held(x[i])
        y[i] = (x[i] if x[i] > ZERO else held) * _below(held)


@kernel
def _normal_backward(d_x: Any, d_y: Any, x: Any) -> None:
    i = element()
    if i < np.uint32(d_x.size):
        held = _held(x[i])
        d_x[i] = d_y[i] * (_below(held) + held * (_DENSITY * math.exp(-_HALF * held * held)))


def forward(y: Any, x: Any, a: Any, b: Any) -> None:
    """y = x s(a x + b x^3)."""
    launch_each(_forward, y.size, y, x, float(a), float(b))


def backward(d_x: Any, d_y: Any, x: Any, a: Any, b: Any) -> None:
    """d_x = d_y (s + x s (1 - s) du/dx)."""
    launch_each(_backward, d_x.size, d_x, d_y, x, float(a), float(b))


def normal_forward(y: Any, x: Any) -> None:
    """y = x Phi(x)."""
    launch_each(_normal_forward, y.size, y, x)


def normal_backward(d_x: Any, d_y: Any, x: Any) -> None:
    """d_x = d_y (Phi(x) + x phi(x))."""
    launch_each(_normal_backward, d_x.size, d_x, d_y, x)
