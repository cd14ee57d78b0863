"""Stochastic gradient descent (lecture: SGD), with momentum and weight decay as in AlexNet's paper.

sgd     weights, velocity, gradient (flat: all of a network's), rate (1) -> weights and velocity, in place; weight decay
        pulls at the first `decayed` of them
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .compilation import jit
from .kernel import Kernel


@jit(parallel=True)
def _sgd_cpu(
    weights: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
    decayed: Any,
) -> None:
    """v = momentum v - rate (dE/dw + decay w);  w = w + v (Krizhevsky et al., 2012, section 5)."""
    number = weights.dtype.type
    share, pull, none = number(momentum), number(decay), number(0)
    for i in prange(weights.size):
        own = pull if i < decayed else none
        velocity[i] = share * velocity[i] - rate[0] * (gradient[i] + own * weights[i])
        weights[i] += velocity[i]


sgd = Kernel("update.sgd", outputs=2, cpu=_sgd_cpu)
