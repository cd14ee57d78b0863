"""Stochastic gradient descent on the GPU, one launch for all parameters; see ops.update."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import BUDGET, element, launch_each
from .toolchain import ZERO, kernel

BUDGETS = {"_sgd": BUDGET}


@kernel
def _sgd(
    weights: Any, velocity: Any, gradient: Any, rate: Any, momentum: Any, decay: Any, decayed: Any
) -> None:
    i = element()
    if i < np.uint32(weights.size):
        pull = decay if i < decayed else ZERO
        weight = weights[i]
        change = momentum * velocity[i] - rate[0] * (gradient[i] + pull * weight)
        velocity[i] = change
        weights[i] = weight + change


def sgd(
    weights: Any, velocity: Any, gradient: Any, rate: Any, momentum: Any, decay: Any, decayed: Any
) -> None:
    """v = momentum v - rate (dE/dw + decay w);  w = w + v (Krizhevsky et al., 2012, section 5)."""
    launch_each(
        _sgd, weights.size, weights, velocity, gradient, rate, float(momentum), float(decay), int(decayed)
    )
