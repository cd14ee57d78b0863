"""Losses whose targets are more than one class a picture, each with its gradient in the same pass.

smoothed       scores x (N,K), labels (N,), smoothing, scale -> losses (N,), d_x (N,K)
distribution   scores x (N,K), targets (N,K), probabilities of the classes, scale
pixels         scores x (N,P,K), labels (N,P), a label to ignore, scale
binary         scores x (N,K), targets (N,K) from 0 to 1, scale
huber          numbers x (N,K), targets (N,K), delta, factor, scale

The gradient is that of scale * (sum of losses), as in ops.losses, which has the losses of one class a picture.
"""

from __future__ import annotations

import math
from typing import Any

from .compilation import jit
from .kernel import Kernel
from .parallel import parallel


@jit
def _softmax(p: Any, x: Any) -> Any:
    """Sets p = softmax(x), and returns log(sum_k e^x_k), the likeliest class, and the probability of all others
    together, which has correct digits even where that of the likeliest class is rounded to 1.
    """
    best = 0
    for k in range(1, x.size):
        if x[k] > x[best] or x[k] != x[k]:
            best = k
    total, others = x.dtype.type(1), x.dtype.type(0)
    for k in range(x.size):
        p[k] = math.exp(x[k] - x[best])
        others += p[k] if k != best else 0
    total += others
    for k in range(x.size):
        p[k] /= total
    return x[best] + math.log(total), best, others / total


@parallel(lambda losses, *_: losses.size)
def _smoothed_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, smoothing: Any, scale: Any
) -> None:
    """The cross-entropy with t_k = (1 - s) delta_kc + s / K (Szegedy et al., 2016, section 7)."""
    for n in range(begin, end):
        number = x.dtype.type
        d_y, even = number(scale), number(smoothing) / x.shape[1]
        whole, best, others = _softmax(d_x[n], x[n])
        value = (1 - number(smoothing)) * (whole - x[n, labels[n]])
        for k in range(x.shape[1]):
            value += even * (whole - x[n, k])
        losses[n] = value
        for k in range(x.shape[1]):
            target = even + (1 - number(smoothing) if k == labels[n] else 0)
            rest = others if k == best else 1 - d_x[n, k]
            d_x[n, k] = (d_x[n, k] * (1 - target) - target * rest) * d_y


@parallel(lambda losses, *_: losses.size)
def _distribution_cpu(begin: Any, end: Any, losses: Any, d_x: Any, x: Any, targets: Any, scale: Any) -> None:
    """y = sum_k t_k (log(sum_j e^x_j) - x_k);  dE/dx_k = (p_k sum_j t_j - t_k) dE/dy, p = softmax(x)."""
    for n in range(begin, end):
        d_y = x.dtype.type(scale)
        whole, best, others = _softmax(d_x[n], x[n])
        value, sum_of_targets = x.dtype.type(0), x.dtype.type(0)
        for k in range(x.shape[1]):
            sum_of_targets += targets[n, k]
            if targets[n, k] != 0:
                value += targets[n, k] * (whole - x[n, k])
        losses[n] = value
        for k in range(x.shape[1]):
            target = targets[n, k]
            rest = others if k == best else 1 - d_x[n, k]
            d_x[n, k] = (d_x[n, k] * (sum_of_targets - target) - target * rest) * d_y


@parallel(lambda losses, *_: losses.size)
def _pixels_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, ignored: Any, scale: Any
) -> None:
    """The mean cross-entropy of a picture's pixels whose label is not the ignored one; 0 if there is none (Long et al.,
    2015).
    """
    for n in range(begin, end):
        count = 0
        for p in range(x.shape[1]):
            count += 1 if labels[n, p] != ignored else 0
        d_y, value = x.dtype.type(scale) / max(count, 1), x.dtype.type(0)
        for p in range(x.shape[1]):
            label = labels[n, p]
            if label == ignored:
                d_x[n, p] = 0
                continue
            whole, best, others = _softmax(d_x[n, p], x[n, p])
            value += whole - x[n, p, label]
            own = others if label == best else 1 - d_x[n, p, label]
            for k in range(x.shape[2]):
                d_x[n, p, k] *= d_y
            d_x[n, p, label] = -own * d_y
        losses[n] = value / max(count, 1)


@parallel(lambda losses, *_: losses.size)
def _binary_cpu(begin: Any, end: Any, losses: Any, d_x: Any, x: Any, targets: Any, scale: Any) -> None:
    """y = sum_k max(x_k, 0) - t_k x_k + log(1 + e^-|x_k|);  dE/dx_k = (sigmoid(x_k) - t_k) dE/dy."""
    for n in range(begin, end):
        d_y, value = x.dtype.type(scale), x.dtype.type(0)
        for k in range(x.shape[1]):
            score, target = x[n, k], targets[n, k]
            small = math.exp(-abs(score))
            value += math.log1p(small) + (score * (1 - target) if score > 0 else -score * target)
            above = (1 if score > 0 else small) / (1 + small)
            below = (small if score > 0 else 1) / (1 + small)
            d_x[n, k] = ((1 - target) * above - target * below) * d_y
        losses[n] = value


@parallel(lambda losses, *_: losses.size)
def _huber_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, targets: Any, delta: Any, factor: Any, scale: Any
) -> None:
    """y = f sum_k h(x_k - t_k), h(e) = 1/2 e^2 where |e| <= delta, else delta (|e| - delta / 2) (Huber, 1964).

    An infinite delta makes it half the squared error, f = 1 / delta the smooth L1 loss (Girshick, 2015).
    """
    for n in range(begin, end):
        number = x.dtype.type
        d_y, value, most = number(scale) * number(factor), number(0), number(delta)
        for k in range(x.shape[1]):
            error = x[n, k] - targets[n, k]
            if abs(error) > most:
                value += most * (abs(error) - most / 2)
                d_x[n, k] = most * d_y if error > 0 else -most * d_y
            else:
                value += error * error / 2
                d_x[n, k] = error * d_y
        losses[n] = value * number(factor)


smoothed = Kernel("targets.smoothed", outputs=2, cpu=_smoothed_cpu)
distribution = Kernel("targets.distribution", outputs=2, cpu=_distribution_cpu)
pixels = Kernel("targets.pixels", outputs=2, work=lambda losses, d_x, *_: d_x.size, cpu=_pixels_cpu)
binary = Kernel("targets.binary", outputs=2, work=lambda losses, d_x, *_: d_x.size, cpu=_binary_cpu)
huber = Kernel("targets.huber", outputs=2, work=lambda losses, d_x, *_: d_x.size, cpu=_huber_cpu)
