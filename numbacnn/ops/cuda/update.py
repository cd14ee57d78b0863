"""Optimizers on the GPU, one launch for a row of parameters; see ops.update."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32

from .budget import Budget
from .elements import BUDGET, EACH, THREADS, element, launch_each, launch_few, own_elements
from .reductions import team_sum
from .toolchain import ONE, ZERO, kernel, launch

BUDGETS = {
    "_sgd": Budget(registers=40, shared_bytes=0),
    "_adam": BUDGET,
    "_average": BUDGET,
    "_shorten": BUDGET,
    "_part_squares": Budget(registers=32, shared_bytes=2048),
    "_length": Budget(registers=32, shared_bytes=2048),
}

_MOST_PARTS = 256
_YES = np.uint32(1)


@kernel
def _sgd(
    weights: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
    decayed: Any,
    nesterov: Any,
) -> None:
    (first, apart), size = own_elements(), np.uint32(weights.size)
    slopes, speeds = cuda.local.array(EACH, float32), cuda.local.array(EACH, float32)
    values = cuda.local.array(EACH, float32)
    for j in range(EACH):
        i = np.uint32(first + np.uint32(j) * apart)
        if i < size:
            slopes[j], speeds[j], values[j] = gradient[i], velocity[i], weights[i]
    for j in range(EACH):
        i = np.uint32(first + np.uint32(j) * apart)
        if i < size:
            pull = decay if i < decayed else ZERO
            step = rate[0] * (slopes[j] + pull * values[j])
            change = momentum * speeds[j] - step
            velocity[i] = change
            weights[i] = values[j] + (momentum * change - step if nesterov == _YES else change)


@kernel
def _adam(
    weights: Any,
    first: Any,
    second: Any,
    gradient: Any,
    rates: Any,
    beta1: Any,
    beta2: Any,
    eps: Any,
    decay: Any,
    decayed: Any,
    decoupled: Any,
) -> None:
    i = element()
    if i < np.uint32(weights.size):
        pull = decay if i < decayed else ZERO
        slope, weight = gradient[i], weights[i]
        if decoupled == _YES:
            weight -= rates[0] * pull * weight
        else:
            slope += pull * weight
        mean = beta1 * first[i] + (ONE - beta1) * slope
        square = beta2 * second[i] + (ONE - beta2) * slope * slope
        first[i], second[i] = mean, square
        weights[i] = weight - rates[0] * (mean * rates[1]) / (math.sqrt(square) * rates[2] + eps)


@kernel
def _part_squares(partial: Any, gradient: Any, part: Any) -> None:
    """partial_b = the sum of squares of `part` elements from b part on."""
    shared = cuda.shared.array(THREADS, float32)
    size, threads = np.uint32(gradient.size), np.uint32(THREADS)
    first = np.uint32(np.uint32(cuda.blockIdx.x) * part)
    end = min(np.uint32(first + part), size)
    i = np.uint32(first + np.uint32(cuda.threadIdx.x))
    total = ZERO
    while i < end:
        total += gradient[i] * gradient[i]
        i = np.uint32(i + threads)
    whole = team_sum(shared, total, threads)
    if np.uint32(cuda.threadIdx.x) == np.uint32(0):
        partial[np.uint32(cuda.blockIdx.x)] = whole


@kernel
def _length(norm: Any, partial: Any, parts: Any) -> None:
    """norm_0 = the root of the sum of the parts."""
    shared = cuda.shared.array(THREADS, float32)
    thread = np.uint32(cuda.threadIdx.x)
    whole = team_sum(shared, partial[thread] if thread < parts else ZERO, np.uint32(THREADS))
    if thread == np.uint32(0):
        norm[0] = math.sqrt(whole)


@kernel
def _shorten(gradient: Any, norm: Any, limit: Any) -> None:
    i = element()
    if i < np.uint32(gradient.size) and norm[0] > limit:
        gradient[i] = gradient[i] * (limit / norm[0])


@kernel
def _average(average: Any, weights: Any, share: Any) -> None:
    i = element()
    if i < np.uint32(average.size):
        average[i] += share * (weights[i] - average[i])


def sgd(
    weights: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
    decayed: Any,
    nesterov: Any,
) -> None:
    """v = momentum v - rate (dE/dw + decay w);  w = w + v, or Nesterov's step."""
    arrays = weights, velocity, gradient, rate
    launch_few(_sgd, weights.size, *arrays, float(momentum), float(decay), int(decayed), int(nesterov))


def adam(
    weights: Any,
    first: Any,
    second: Any,
    gradient: Any,
    rates: Any,
    beta1: Any,
    beta2: Any,
    eps: Any,
    decay: Any,
    decayed: Any,
    decoupled: Any,
) -> None:
    """The moving averages of the gradient and of its square, and the step that they make."""
    numbers = float(beta1), float(beta2), float(eps), float(decay), int(decayed), int(decoupled)
    launch_each(_adam, weights.size, weights, first, second, gradient, rates, *numbers)


def workspace_size(size: int) -> int:
    """Elements of workspace that `clip` needs."""
    return -(-size // _part(size))


def _part(size: int) -> int:
    return max(4 * THREADS, -(-size // _MOST_PARTS))


def clip(gradient: Any, norm: Any, limit: Any, workspace: Any) -> None:
    """norm = |g|;  g = g min(1, limit / norm)."""
    part, parts = _part(gradient.size), workspace_size(gradient.size)
    launch(_part_squares, parts, THREADS, workspace, gradient, part)
    launch(_length, 1, THREADS, norm, workspace, parts)
    launch_each(_shorten, gradient.size, gradient, norm, float(limit))


def average(average: Any, weights: Any, share: Any) -> None:
    """a = a + share (w - a)."""
    launch_each(_average, average.size, average, weights, float(share))
