"""Updates of weights, and what a step says of itself."""

from __future__ import annotations

import numpy as np


def sgd(weights, velocity, gradient, rate, momentum, decay, decayed, nesterov):
    pull = np.where(np.arange(weights.size) < decayed, decay, 0)
    slope = gradient + pull * weights
    velocity = momentum * velocity - rate * slope
    return weights + (momentum * velocity - rate * slope if nesterov else velocity), velocity


def adam(weights, first, second, gradient, rates, beta1, beta2, eps, decay, decayed, decoupled):
    pull = np.where(np.arange(weights.size) < decayed, decay, 0)
    if decoupled:
        weights = weights * (1 - rates[0] * pull)
    else:
        gradient = gradient + pull * weights
    first = beta1 * first + (1 - beta1) * gradient
    second = beta2 * second + (1 - beta2) * gradient**2
    return weights - rates[0] * first * rates[1] / (np.sqrt(second) * rates[2] + eps), first, second


def clip(gradient, limit):
    norm = np.sqrt((gradient**2).sum())
    return gradient * min(1, limit / norm), np.array([norm])


def tally(rows, losses, scores, labels, step):
    rows = rows.copy()
    rows[int(step[1]) % len(rows)] = losses.sum(), (scores.argmax(axis=1) != labels).sum()
    return (rows,)
