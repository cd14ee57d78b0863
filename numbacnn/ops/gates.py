"""Activations that pass a share of x between 0 and 1, which x itself decides: SiLU and GELU.

forward           y = x s(u), s(u) = 1 / (1 + e^-u), u = a x + b x^3: SiLU with a = 1 and b = 0 (Elfwing et al., 2017), GELU's
                  approximation with tanh with a = 2 sqrt(2/pi), b = 0.044715 a (Hendrycks and Gimpel, 2016)
backward          d_x = d_y (s + x s (1 - s) (a + 3 b x^2))
normal_forward    y = x Phi(x), Phi the chance that a normally distributed number is below x: GELU itself
normal_backward   d_x = d_y (Phi(x) + x phi(x)), phi the density

All arrays are flat views of one length.
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .exponential import exponential
from .kernel import Kernel
from .normal import tail
from .parallel import parallel

_BLOCK = 128
"""The elements that are computed together, so that the loops over them are vectorised."""
_FAR = 1e6
"""Larger |x| are clipped to this before the share is computed, which is 0 or 1 there: 0 times infinity, or the square
of infinity, would give NaN.
"""


@jit(inline=True)
def _held(x: Any, far: Any) -> Any:
    low = -far if x < -far else x
    return far if low > far else low


@jit(inline=True)
def _shares(held: Any, a: Any, b: Any, one: Any) -> Any:
    """Returns (s(u), 1 - s(u), du/dx)."""
    square = held * held
    u = held * (a + b * square)
    small = exponential(-abs(u))
    below = small / (one + small)
    above = one / (one + small)
    slope = a + (one + one + one) * b * square
    return (above, below, slope) if u >= 0 else (below, above, slope)


@parallel(lambda y, *_: -(-y.size // _BLOCK))
def _forward_cpu(begin: Any, end: Any, y: Any, x: Any, a: Any, b: Any) -> None:
    """y = x s(a x + b x^3)."""
    for block in range(begin, end):
        first = block * _BLOCK
        last = min(first + _BLOCK, y.size)
        _forward_block(y[first:last], x[first:last], a, b)


@jit
def _forward_block(y: Any, x: Any, a: Any, b: Any) -> None:
    number = y.dtype.type
    for i in range(y.size):
        held = _held(x[i], number(_FAR))
        share, _, _ = _shares(held, number(a), number(b), number(1))
        y[i] = (x[i] if x[i] > 0 else held) * share


@parallel(lambda d_x, *_: -(-d_x.size // _BLOCK))
def _backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, x: Any, a: Any, b: Any) -> None:
    """d_x = d_y (s + x s (1 - s) du/dx)."""
    for block in range(begin, end):
        first = block * _BLOCK
        last = min(first + _BLOCK, d_x.size)
        _backward_block(d_x[first:last], d_y[first:last], x[first:last], a, b)


@jit
def _backward_block(d_x: Any, d_y: Any, x: Any, a: Any, b: Any) -> None:
    number = d_x.dtype.type
    for i in range(d_x.size):
        held = _held(x[i], number(_FAR))
        share, rest, slope = _shares(held, number(a), number(b), number(1))
        d_x[i] = d_y[i] * (share + share * (rest * (held * slope)))


@parallel(lambda y, *_: -(-y.size // _BLOCK))
def _normal_forward_cpu(begin: Any, end: Any, y: Any, x: Any) -> None:
    """y = x Phi(x)."""
    for block in range(begin, end):
        first = block * _BLOCK
        last = min(first + _BLOCK, y.size)
        _normal_forward_block(y[first:last], x[first:last])


@jit
def _normal_forward_block(y: Any, x: Any) -> None:
    one, far = y.dtype.type(1), y.dtype.type(_FAR)
    for i in range(y.size):
        held = _held(x[i], far)
        above, _ = tail(abs(held))
        y[i] = x[i] * (one - above) if x[i] > 0 else held * above


@parallel(lambda d_x, *_: -(-d_x.size // _BLOCK))
def _normal_backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, x: Any) -> None:
    """d_x = d_y (Phi(x) + x phi(x))."""
    for block in range(begin, end):
        first = block * _BLOCK
        last = min(first + _BLOCK, d_x.size)
        _normal_backward_block(d_x[first:last], d_y[first:last], x[first:last])


@jit
def _normal_backward_block(d_x: Any, d_y: Any, x: Any) -> None:
    one, far = d_x.dtype.type(1), d_x.dtype.type(_FAR)
    for i in range(d_x.size):
        held = _held(x[i], far)
        above, density = tail(abs(held))
        d_x[i] = d_y[i] * ((one - above if held > 0 else above) + held * density)


forward = Kernel("gates.forward", cpu=_forward_cpu)
backward = Kernel("gates.backward", cpu=_backward_cpu)
normal_forward = Kernel("gates.normal_forward", cpu=_normal_forward_cpu)
normal_backward = Kernel("gates.normal_backward", cpu=_normal_backward_cpu)
