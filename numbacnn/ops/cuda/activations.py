"""Functions applied to every element, and their derivatives, on the GPU; see ops.activations.

All share one kernel forward, y = f(x, constant), and one backward, d_x = f'(signal, x, constant), where the signal is what a rule lets through of d_y; a function without a constant is given zero, one without a rule the standard
one. PReLU's have their constants in an array, one a channel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32

from ..activations import DECONVNET as _DECONVNET
from ..activations import STANDARD as _STANDARD
from .budget import Budget
from .elements import BUDGET, element, few_at_a_time, launch_each, write_few
from .reductions import team_sum
from .toolchain import ONE, ZERO, device_function, grid, kernel, launch

BUDGETS = (
    {
        f"{name}_{way}": BUDGET
        for name in ("leaky_relu", "_prelu", "elu", "sigmoid", "tanh")
        for way in ("forward", "backward")
    }
    | {"_clip_forward": BUDGET, "_clip_backward": BUDGET}
    | {"_prelu_backward_slopes": Budget(registers=32, shared_bytes=3072)}
)
DECONVNET, STANDARD = np.uint32(_DECONVNET), np.uint32(_STANDARD)
TWO, FOUR = np.float32(2), np.float32(4)
_CHANNELS, _BLOCK = 8, 512
"""Of a block that sums channels: how many side by side, as many as memory is read in at once, and its threads."""
_LANES, _LINES = np.uint32(_CHANNELS), np.uint32(_BLOCK // _CHANNELS)


@device_function
def _signal(gradient: Any, rule: Any) -> Any:
    """The part of a gradient that a rule lets through a rectifier."""
    return gradient if rule == STANDARD or gradient > ZERO else gradient * ZERO


def _forward(name: str, function: Any) -> Any:
    """The kernel of y = function(x, constant)."""

    @device_function
    def value(x: Any, _: Any, __: Any, constant: Any, ___: Any) -> Any:
        return function(x, constant)

    return few_at_a_time(f"activations.{name}_forward", value, 1)


def _backward(name: str, derivative: Any) -> Any:
    """The kernel of d_x = derivative(signal, x, constant), of the signal that the rule lets through."""

    @device_function
    def value(gradient: Any, x: Any, _: Any, constant: Any, rule: Any) -> Any:
        signal = _signal(gradient, rule)
        return signal if rule == DECONVNET else derivative(signal, x, constant)

    return few_at_a_time(f"activations.{name}_backward", value, 2)


@device_function
def _leaky(value: Any, x: Any, slope: Any) -> Any:
    """The value where x > 0, else slope times it: of x itself the function, of a signal the derivative."""
    return value if x > ZERO else slope * value


@device_function
def _leaky_relu(x: Any, slope: Any) -> Any:
    return _leaky(x, x, slope)


@device_function
def _elu(x: Any, alpha: Any) -> Any:
    return x if x > ZERO else alpha * math.expm1(x)


@device_function
def _elu_derivative(signal: Any, x: Any, alpha: Any) -> Any:
    return signal if x > ZERO else signal * (alpha * math.exp(x))


@device_function
def _sigmoid(x: Any, _: Any) -> Any:
    small = math.exp(-abs(x))
    return (ONE if x >= ZERO else small) / (ONE + small)


@device_function
def _sigmoid_derivative(signal: Any, x: Any, _: Any) -> Any:
    # Of the input, as the output has no digits of it left where it is rounded to 1; the waiting is for memory anyway.
    small = math.exp(-abs(x))
    return signal * (small / ((ONE + small) * (ONE + small)))


@device_function
def _tanh(x: Any, _: Any) -> Any:
    return math.tanh(x)


@device_function
def _tanh_derivative(signal: Any, x: Any, _: Any) -> Any:
    small = math.exp(-TWO * abs(x))
    return signal * (FOUR * small / ((ONE + small) * (ONE + small)))


_leaky_relu_forward = _forward("leaky_relu", _leaky_relu)
_leaky_relu_backward = _backward("leaky_relu", _leaky)
_elu_forward = _forward("elu", _elu)
_elu_backward = _backward("elu", _elu_derivative)
_sigmoid_forward = _forward("sigmoid", _sigmoid)
_sigmoid_backward = _backward("sigmoid", _sigmoid_derivative)
_tanh_forward = _forward("tanh", _tanh)
_tanh_backward = _backward("tanh", _tanh_derivative)


def leaky_relu_forward(y: Any, x: Any, slope: Any) -> None:
    """y = x where x > 0, else slope * x; a slope of 0 is ReLU, max(0, x)."""
    write_few(_leaky_relu_forward, y, x, p=float(slope))


def leaky_relu_backward(d_x: Any, d_y: Any, x: Any, slope: Any, rule: Any) -> None:
    """f'(x) = 1 where x > 0, else slope; at x = 0, where there is no derivative, the subgradient `slope`."""
    write_few(_leaky_relu_backward, d_x, d_y, x, p=float(slope), q=rule)


def elu_forward(y: Any, x: Any, alpha: Any) -> None:
    """y = x where x > 0, else alpha (e^x - 1) (Clevert et al., 2015)."""
    write_few(_elu_forward, y, x, p=float(alpha))


def elu_backward(d_x: Any, d_y: Any, x: Any, alpha: Any, rule: Any) -> None:
    """f'(x) = 1 where x > 0, else alpha e^x."""
    write_few(_elu_backward, d_x, d_y, x, p=float(alpha), q=rule)


def sigmoid_forward(y: Any, x: Any) -> None:
    """y = 1 / (1 + e^-x), by the form that does not overflow on either side."""
    write_few(_sigmoid_forward, y, x)


def sigmoid_backward(d_x: Any, d_y: Any, y: Any, x: Any) -> None:
    """f'(x) = 1 / ((1 + e^x)(1 + e^-x)) = e^-|x| / (1 + e^-|x|)^2; y is not needed here."""
    write_few(_sigmoid_backward, d_x, d_y, x, q=STANDARD)


def tanh_forward(y: Any, x: Any) -> None:
    """y = tanh x."""
    write_few(_tanh_forward, y, x)


def tanh_backward(d_x: Any, d_y: Any, y: Any, x: Any) -> None:
    """f'(x) = 1 / cosh^2 x = 4 e^-2|x| / (1 + e^-2|x|)^2; y is not needed here."""
    write_few(_tanh_backward, d_x, d_y, x, q=STANDARD)


@kernel
def _clip_forward(y: Any, x: Any, low: Any, high: Any) -> None:
    i = element()
    if i < np.uint32(y.size):
        # A NaN is on neither side of the kinks, and stays.
        upper = high if x[i] > high else x[i]
        y[i] = low if upper < low else upper


@kernel
def _clip_backward(d_x: Any, d_y: Any, x: Any, low: Any, high: Any, rule: Any) -> None:
    i = element()
    if i < np.uint32(d_x.size):
        signal = _signal(d_y[i], rule)
        d_x[i] = signal if low < x[i] < high or rule == DECONVNET else ZERO


def clip_forward(y: Any, x: Any, low: Any, high: Any) -> None:
    """y = max(low, min(high, x))."""
    launch_each(_clip_forward, y.size, y, x, float(low), float(high))


def clip_backward(d_x: Any, d_y: Any, x: Any, low: Any, high: Any, rule: Any) -> None:
    """f'(x) = 1 where low < x < high, else 0 (also at the two kinks)."""
    launch_each(_clip_backward, d_x.size, d_x, d_y, x, float(low), float(high), rule)


# PReLU


@kernel
def _prelu_forward(y: Any, x: Any, slopes: Any) -> None:
    i = element()
    if i < np.uint32(y.size):
        y[i] = _leaky(x[i], x[i], slopes[np.uint32(i % np.uint32(slopes.size))])


@kernel
def _prelu_backward(d_x: Any, d_y: Any, x: Any, slopes: Any, rule: Any) -> None:
    i = element()
    if i < np.uint32(d_x.size):
        signal = _signal(d_y[i], rule)
        slope = slopes[np.uint32(i % np.uint32(slopes.size))]
        d_x[i] = signal if rule == DECONVNET else _leaky(signal, x[i], slope)


@kernel
def _prelu_backward_slopes(d_slopes: Any, d_y: Any, x: Any, channels: Any) -> None:
    values = cuda.shared.array(_BLOCK, float32)
    thread = np.uint32(cuda.threadIdx.x)
    # Neighbouring threads read neighbouring channels; to be added they change places, a channel's becoming neighbours.
    lane, line = np.uint32(thread % _LANES), np.uint32(thread // _LANES)
    c = np.uint32(np.uint32(cuda.blockIdx.x) * _LANES + lane)
    own = ZERO
    if c < channels:
        i, size = np.uint32(line * channels + c), np.uint32(x.size)
        while i < size:
            if not x[i] > ZERO:
                own += d_y[i] * x[i]
            i = np.uint32(i + _LINES * channels)
    values[np.uint32(lane * _LINES + line)] = own
    cuda.syncthreads()
    own = values[thread]
    cuda.syncthreads()
    total = team_sum(values, own, _LINES)
    c = np.uint32(np.uint32(cuda.blockIdx.x) * _LANES + thread // _LINES)
    if c < channels and thread % _LINES == np.uint32(0):
        d_slopes[c] = total


def prelu_forward(y: Any, x: Any, slopes: Any) -> None:
    """y = x where x > 0, else slope_c * x (He et al., 2015)."""
    launch_each(_prelu_forward, y.size, y, x, slopes)


def prelu_backward(d_x: Any, d_y: Any, x: Any, slopes: Any, rule: Any) -> None:
    """f'(x) = 1 where x > 0, else slope_c."""
    launch_each(_prelu_backward, d_x.size, d_x, d_y, x, slopes, rule)


def prelu_backward_slopes(d_slopes: Any, d_y: Any, x: Any) -> None:
    """d_slope_c = sum over m of d_y_mc min(x_mc, 0) (He et al., 2015, eq. 9); a block has eight channels."""
    channels = d_slopes.size
    launch(_prelu_backward_slopes, grid(channels, _CHANNELS), _BLOCK, d_slopes, d_y, x, channels)
