"""Stochastic gradient descent (lecture: SGD), with momentum and weight decay as in AlexNet's paper.

sgd     weights, velocity, gradient (flat) -> weights and velocity, in place
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .compilation import jit
from .kernel import Kernel


@jit(parallel=True)
def _sgd_cpu(
    weights: Any, velocity: Any, gradient: Any, learning_rate: Any, momentum: Any, decay: Any
) -> None:
    """v = momentum v - learning_rate (dE/dw + decay w);  w = w + v (Krizhevsky et al., 2012, section 5)."""
    for i in prange(weights.size):
        velocity[i] = momentum * velocity[i] - learning_rate * (gradient[i] + decay * weights[i])
        weights[i] += velocity[i]


sgd = Kernel("update.sgd", cpu=_sgd_cpu)
