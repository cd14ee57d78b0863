"""Optimizers' updates of all parameters of a network, which are one flat row of numbers.

sgd       weights, velocity; gradient, rate (1): momentum and weight decay as in AlexNet's paper, or Nesterov's momentum
adam      weights, first, second; gradient, rates (3): moving averages of the gradient and of its square
clip      gradient, norm (1): a gradient whose norm exceeds a limit is scaled to it
average   average; weights: the average moves towards the weights by a share of the distance

Weight decay acts on the first `decayed` weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compilation import jit
from .kernel import Kernel, by_device
from .parallel import in_parallel, parallel, share

_BLOCKS = 64
"""The most partial sums of a norm. They depend on the size alone, so that the result does not depend on the threads."""
_LEAST = 1024
"""The fewest elements that each partial sum adds."""


@parallel(lambda weights, *_: weights.size)
def _sgd_cpu(
    begin: Any,
    end: Any,
    weights: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
    decayed: Any,
    nesterov: Any,
) -> None:
    """v = momentum v - rate (dE/dw + decay w);  w = w + v (Krizhevsky et al., 2012, section 5).

    With Nesterov's momentum w moves by one more step along the new v: w = w + momentum v - rate (dE/dw + decay w)
    (Sutskever et al., 2013, as PyTorch writes it).
    """
    number = weights.dtype.type
    share, pull, none = number(momentum), number(decay), number(0)
    for i in range(begin, end):
        own = pull if i < decayed else none
        change = rate[0] * (gradient[i] + own * weights[i])
        velocity[i] = share * velocity[i] - change
        weights[i] += share * velocity[i] - change if nesterov else velocity[i]


@parallel(lambda weights, *_: weights.size)
def _adam_cpu(
    begin: Any,
    end: Any,
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
    """m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w = w - rate m / (1-b1^t) / (sqrt(v / (1-b2^t)) + eps).

    Kingma and Ba (2015). `rates` holds the learning rate, 1 / (1-b1^t) and 1 / sqrt(1-b2^t). Weight decay is part of g,
    or, `decoupled`, w = w - rate decay w beside it (Loshchilov and Hutter, 2019).
    """
    number = weights.dtype.type
    one, none = number(1), number(0)
    share, squares, least, pull = number(beta1), number(beta2), number(eps), number(decay)
    for i in range(begin, end):
        own = pull if i < decayed else none
        slope, weight = gradient[i], weights[i]
        if decoupled:
            weight -= rates[0] * own * weight
        else:
            slope += own * weight
        first[i] = share * first[i] + (one - share) * slope
        second[i] = squares * second[i] + (one - squares) * slope * slope
        weights[i] = weight - rates[0] * (first[i] * rates[1]) / (np.sqrt(second[i]) * rates[2] + least)


def _workspace_size_cpu(size: int) -> int:
    """Returns the elements of workspace that `clip` needs."""
    return max(1, min(_BLOCKS, size // _LEAST))


def _clip_cpu(gradient: Any, norm: Any, limit: Any, workspace: Any) -> None:
    """norm = |g|;  g = g min(1, limit / norm) (Pascanu et al., 2013)."""
    _clip(gradient, norm, limit, workspace[: _workspace_size_cpu(gradient.size)])


@share
def _sum_squares(begin: Any, end: Any, partial: Any, gradient: Any) -> None:
    size, blocks = gradient.size, partial.size
    for block in range(begin, end):
        total = gradient.dtype.type(0)
        for i in range(size * block // blocks, size * (block + 1) // blocks):
            total += gradient[i] * gradient[i]
        partial[block] = total


@share
def _shorten(begin: Any, end: Any, gradient: Any, share: Any) -> None:
    for i in range(begin, end):
        gradient[i] *= share


@jit(parallel=True)
def _clip(gradient: Any, norm: Any, limit: Any, partial: Any) -> None:
    number = gradient.dtype.type
    in_parallel(_sum_squares, partial.size, (partial, gradient))
    whole = number(0)
    for block in range(partial.size):
        whole += partial[block]
    norm[0] = np.sqrt(whole)
    # Written so that a norm that is no number leaves the gradient as it is, to be seen in the loss.
    if norm[0] > number(limit):
        share = number(limit) / norm[0]
        in_parallel(_shorten, gradient.size, (gradient, share))


@parallel(lambda average, *_: average.size)
def _average_cpu(begin: Any, end: Any, average: Any, weights: Any, share: Any) -> None:
    """a = a + share (w - a)."""
    part = average.dtype.type(share)
    for i in range(begin, end):
        average[i] += part * (weights[i] - average[i])


workspace_size = by_device("update.workspace_size", cpu=_workspace_size_cpu)
"""A function of (device, size of the gradient) that returns the elements of workspace that `clip` needs."""

sgd = Kernel("update.sgd", outputs=2, cpu=_sgd_cpu)
adam = Kernel("update.adam", outputs=3, cpu=_adam_cpu)
clip = Kernel("update.clip", outputs=2, cpu=_clip_cpu)
average = Kernel("update.average", cpu=_average_cpu)
