"""Functions applied to every element, and their derivatives (lecture: activation functions).

NAME_forward    x -> y
NAME_backward   d_y, and what was read and written forward, x or y or both -> d_x

All arrays are flat views of one length M; PReLU's are (M/C, C), one slope a channel. A rectifier takes
the rule of its backward pass as a number, so that one walk through a network serves three pictures:

    STANDARD    the derivative                  d_x = d_y f'(x)          (backpropagation)
    DECONVNET   rectify the signal itself       d_x = max(d_y, 0)        (Zeiler and Fergus, 2013)
    GUIDED      both                            d_x = max(d_y, 0) f'(x)  (Springenberg et al., 2015)
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .exponential import exponential, exponential_less_one, hyperbolic_tangent
from .kernel import Kernel
from .parallel import parallel
from .rectifying import rectify, rectify_back

STANDARD, DECONVNET, GUIDED = 0, 1, 2
SATURATED = 127 / 128
"""From this output on, the derivative of a sigmoid or tanh is computed from the input: the closer an output y is to 1,
the fewer correct digits 1 - y has, and none where y is rounded to 1. Below it, computing from the output is much
faster.
"""
BLOCK = 128
"""The number of elements that are checked together for a saturated one."""
RULES = {"standard": STANDARD, "deconvnet": DECONVNET, "guided": GUIDED}


@jit
def _signal(gradient: Any, rule: Any) -> Any:
    """Returns the part of a gradient that a rule lets through a rectifier."""
    return gradient if rule == STANDARD or gradient > 0 else gradient * 0


@parallel(lambda y, *_: y.size)
def _leaky_relu_forward_cpu(begin: Any, end: Any, y: Any, x: Any, slope: Any) -> None:
    """y = x where x > 0, else slope * x; a slope of 0 is ReLU, max(0, x)."""
    for i in range(begin, end, 64 // y.itemsize):
        rectify(
            y, x, i, slope, end - i
        )  # slope in x's precision, as the ops take it that rectify what they store


@parallel(lambda d_x, *_: d_x.size)
def _leaky_relu_backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, x: Any, slope: Any, rule: Any) -> None:
    """f'(x) = 1 where x > 0, else slope; at x = 0, where there is no derivative, the subgradient `slope`."""
    if rule == STANDARD and slope == 0:
        for i in range(begin, end, 64 // d_x.itemsize):
            rectify_back(d_x, d_y, x, i, end - i)
        return
    for i in range(begin, end):
        signal = _signal(d_y[i], rule)
        d_x[i] = signal if x[i] > 0 or rule == DECONVNET else slope * signal


@parallel(lambda y, *_: y.shape[0])
def _prelu_forward_cpu(begin: Any, end: Any, y: Any, x: Any, slopes: Any) -> None:
    """y = x where x > 0, else slope_c * x (He et al., 2015)."""
    for m in range(begin, end):
        for c in range(y.shape[1]):
            y[m, c] = x[m, c] if x[m, c] > 0 else slopes[c] * x[m, c]


@parallel(lambda d_x, *_: d_x.shape[0])
def _prelu_backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, x: Any, slopes: Any, rule: Any) -> None:
    """f'(x) = 1 where x > 0, else slope_c."""
    for m in range(begin, end):
        for c in range(d_x.shape[1]):
            signal = _signal(d_y[m, c], rule)
            d_x[m, c] = signal if x[m, c] > 0 or rule == DECONVNET else slopes[c] * signal


@parallel(lambda d_slopes, *_: d_slopes.size)
def _prelu_backward_slopes_cpu(begin: Any, end: Any, d_slopes: Any, d_y: Any, x: Any) -> None:
    """d_slope_c = sum over m of d_y_mc min(x_mc, 0) (He et al., 2015, eq. 9); one thread owns one channel."""
    for c in range(begin, end):
        d_slopes[c] = 0
        for m in range(x.shape[0]):
            if not x[m, c] > 0:
                d_slopes[c] += d_y[m, c] * x[m, c]


@parallel(lambda y, *_: y.size)
def _elu_forward_cpu(begin: Any, end: Any, y: Any, x: Any, alpha: Any) -> None:
    """y = x where x > 0, else alpha (e^x - 1) (Clevert et al., 2015)."""
    share = y.dtype.type(alpha)
    for i in range(begin, end):
        below = share * exponential_less_one(x[i])
        y[i] = x[i] if x[i] > 0 else below


@parallel(lambda d_x, *_: -(-d_x.size // BLOCK))
def _elu_backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, x: Any, alpha: Any, rule: Any) -> None:
    """f'(x) = 1 where x > 0, else alpha e^x. It is computed from x, as y + alpha has no correct digits once y is
    rounded to -alpha.
    """
    for block in range(begin, end):
        first = block * BLOCK
        last = min(first + BLOCK, d_x.size)
        _elu_block(d_x[first:last], d_y[first:last], x[first:last], alpha, rule)


@jit
def _elu_block(d_x: Any, d_y: Any, x: Any, alpha: Any, rule: Any) -> None:
    share = x.dtype.type(alpha)
    for i in range(x.size):
        signal = x.dtype.type(_signal(d_y[i], rule))
        below = signal * (share * exponential(x[i]))
        d_x[i] = signal if x[i] > 0 or rule == DECONVNET else below


@parallel(lambda y, *_: y.size)
def _sigmoid_forward_cpu(begin: Any, end: Any, y: Any, x: Any) -> None:
    """y = 1 / (1 + e^-x), in the form that does not overflow for either sign of x."""
    one = y.dtype.type(1)
    for i in range(begin, end):
        small = exponential(-abs(x[i]))
        share = one / (one + small)
        y[i] = share if x[i] >= 0 else small * share


@jit(inline=True)
def _slope(x: Any, one: Any) -> Any:
    """Returns a sigmoid's derivative e^-|x| / (1 + e^-|x|)^2; `one` is 1 in x's type."""
    small = exponential(-abs(x))
    more = one + small
    return small / (more * more)


@parallel(lambda d_x, *_: -(-d_x.size // BLOCK))
def _sigmoid_backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, y: Any, x: Any) -> None:
    """f'(x) = 1 / ((1 + e^x)(1 + e^-x)) = y (1 - y)."""
    for block in range(begin, end):
        first = block * BLOCK
        last = min(first + BLOCK, d_x.size)
        _sigmoid_block(d_x[first:last], d_y[first:last], y[first:last], x[first:last])


@jit
def _sigmoid_block(d_x: Any, d_y: Any, y: Any, x: Any) -> None:
    one, limit = y.dtype.type(1), y.dtype.type(SATURATED)
    saturated = False
    for i in range(y.size):
        d_x[i] = d_y[i] * y[i] * (one - y[i])
        saturated |= y[i] >= limit
    if saturated:
        for i in range(y.size):
            there = d_y[i] * _slope(x[i], one)
            d_x[i] = there if y[i] >= limit else d_x[i]


@parallel(lambda y, *_: y.size)
def _tanh_forward_cpu(begin: Any, end: Any, y: Any, x: Any) -> None:
    """y = tanh x."""
    for i in range(begin, end):
        y[i] = hyperbolic_tangent(x[i])


@parallel(lambda d_x, *_: -(-d_x.size // BLOCK))
def _tanh_backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, y: Any, x: Any) -> None:
    """f'(x) = 1 / cosh^2 x = 1 - y^2, and four times a sigmoid's at 2 x."""
    for block in range(begin, end):
        first = block * BLOCK
        last = min(first + BLOCK, d_x.size)
        _tanh_block(d_x[first:last], d_y[first:last], y[first:last], x[first:last])


@jit
def _tanh_block(d_x: Any, d_y: Any, y: Any, x: Any) -> None:
    one, limit = y.dtype.type(1), y.dtype.type(SATURATED)
    two, four = y.dtype.type(2), y.dtype.type(4)
    saturated = False
    for i in range(y.size):
        d_x[i] = d_y[i] * (one - y[i] * y[i])
        saturated |= abs(y[i]) >= limit
    if saturated:
        for i in range(y.size):
            there = d_y[i] * four * _slope(two * x[i], one)
            d_x[i] = there if abs(y[i]) >= limit else d_x[i]


@parallel(lambda y, *_: y.size)
def _clip_forward_cpu(begin: Any, end: Any, y: Any, x: Any, low: Any, high: Any) -> None:
    """y = max(low, min(high, x)): the lecture's ramp from -1 to 1, or ReLU6 from 0 to 6. (The lecture's slide has min
    and max exchanged; its derivative belongs to this formula.)
    """
    lowest, highest = y.dtype.type(low), y.dtype.type(high)
    for i in range(begin, end):
        y[i] = min(max(x[i], lowest), highest) if x[i] == x[i] else x[i]


@parallel(lambda d_x, *_: d_x.size)
def _clip_backward_cpu(
    begin: Any, end: Any, d_x: Any, d_y: Any, x: Any, low: Any, high: Any, rule: Any
) -> None:
    """f'(x) = 1 where low < x < high, else 0 (also at the two kinks)."""
    lowest, highest = x.dtype.type(low), x.dtype.type(high)
    for i in range(begin, end):
        signal = _signal(d_y[i], rule)
        d_x[i] = signal if lowest < x[i] < highest or rule == DECONVNET else 0


leaky_relu_forward = Kernel("activations.leaky_relu_forward", cpu=_leaky_relu_forward_cpu)
leaky_relu_backward = Kernel("activations.leaky_relu_backward", cpu=_leaky_relu_backward_cpu)
prelu_forward = Kernel("activations.prelu_forward", cpu=_prelu_forward_cpu)
prelu_backward = Kernel("activations.prelu_backward", cpu=_prelu_backward_cpu)
prelu_backward_slopes = Kernel(
    "activations.prelu_backward_slopes", work=lambda _, d_y, *__: d_y.size, cpu=_prelu_backward_slopes_cpu
)
elu_forward = Kernel("activations.elu_forward", cpu=_elu_forward_cpu)
elu_backward = Kernel("activations.elu_backward", cpu=_elu_backward_cpu)
sigmoid_forward = Kernel("activations.sigmoid_forward", cpu=_sigmoid_forward_cpu)
sigmoid_backward = Kernel("activations.sigmoid_backward", cpu=_sigmoid_backward_cpu)
tanh_forward = Kernel("activations.tanh_forward", cpu=_tanh_forward_cpu)
tanh_backward = Kernel("activations.tanh_backward", cpu=_tanh_backward_cpu)
clip_forward = Kernel("activations.clip_forward", cpu=_clip_forward_cpu)
clip_backward = Kernel("activations.clip_backward", cpu=_clip_backward_cpu)
