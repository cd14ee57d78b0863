"""The losses of the lecture's table, each with its gradient in the same pass.

NAME    scores x (N,K), labels (N,), margin m, scale -> losses (N,), d_x (N,K), the gradient of scale * (sum of losses)

`labels` are class indices c. Square, log and hinge are the lecture's two-class losses with one output for each class:
the target d is 1 for the class and 0 for the others, the sign c is +1 for the class and -1 for the others, and a
picture's loss is the sum over the classes. Only hinge and max-margin use the margin.

An attack needs only the direction in which a picture's loss rises, which is well defined even where the gradient is
smaller than any float32. NAME_direction gives the same losses, and each picture's gradient divided by a positive
factor, the same for all its classes, that makes it small.
"""

from __future__ import annotations

import math
from typing import Any

from .compilation import jit
from .kernel import Kernel
from .parallel import parallel
from .vectors import largest


@parallel(lambda losses, *_: losses.size)
def _square_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any
) -> None:
    """y = 1/2 (x - d)^2;  dE/dx = (x - d) dE/dy."""
    for n in range(begin, end):
        d_y, total = x.dtype.type(scale), x.dtype.type(0)
        for k in range(x.shape[1]):
            error = x[n, k] - (1 if k == labels[n] else 0)
            total += error * error / 2
            d_x[n, k] = error * d_y
        losses[n] = total


@parallel(lambda losses, *_: losses.size)
def _log_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any
) -> None:
    """y = log(1 + e^-cx), as max(-cx, 0) + log(1 + e^-|x|), which does not overflow;  dE/dx = -c / (1 + e^cx) dE/dy."""
    for n in range(begin, end):
        d_y, total = x.dtype.type(scale), x.dtype.type(0)
        for k in range(x.shape[1]):
            c = 1 if k == labels[n] else -1
            small = math.exp(-abs(x[n, k]))
            total += max(-c * x[n, k], 0) + math.log1p(small)
            share = small / (1 + small) if c * x[n, k] > 0 else 1 / (1 + small)
            d_x[n, k] = -c * share * d_y
        losses[n] = total


@parallel(lambda losses, *_: losses.size)
def _hinge_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any
) -> None:
    """y = max(0, m - cx);  dE/dx = -c dE/dy where cx < m, else 0."""
    for n in range(begin, end):
        d_y, total = x.dtype.type(scale), x.dtype.type(0)
        for k in range(x.shape[1]):
            c = 1 if k == labels[n] else -1
            total += max(margin - c * x[n, k], 0)
            d_x[n, k] = -c * d_y if c * x[n, k] < margin else 0
        losses[n] = total


@parallel(lambda losses, *_: losses.size)
def _log_softmax_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any
) -> None:
    """y = log(sum_k e^x_k) - x_c, with the largest score taken out of the sum.

    dE/dx_s = (e^x_s / sum_k e^x_k - delta_sc) dE/dy. For s = c that is minus the sum of the others: taken so, it does
    not vanish where a sure network's own probability rounds to 1, and an attack still finds its way.
    """
    for n in range(begin, end):
        d_y, most = x.dtype.type(scale), largest(x[n])
        total = x.dtype.type(0)
        for k in range(x.shape[1]):
            d_x[n, k] = math.exp(x[n, k] - most)
            total += d_x[n, k]
        losses[n] = math.log(total) + (most - x[n, labels[n]])
        others = x.dtype.type(0)
        for k in range(x.shape[1]):
            d_x[n, k] = d_x[n, k] / total * d_y
            if k != labels[n]:
                others += d_x[n, k]
        d_x[n, labels[n]] = -others


@jit
def _strongest_rival(scores: Any, label: Any) -> Any:
    """Returns the class other than the label with the largest score, the first of several that are equal. A NaN counts
    as the largest.
    """
    rival = 1 if label == 0 else 0
    for k in range(scores.size):
        if k != label and (scores[k] > scores[rival] or scores[k] != scores[k]):
            rival = k
    return rival


@parallel(lambda losses, *_: losses.size)
def _max_margin_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any
) -> None:
    """y = [max over k != c of (x_k + m) - x_c]_+;  dE/dx_s = (delta_sk* - delta_sc) dE/dy where y > 0, else 0; k* is
    the strongest rival.
    """
    for n in range(begin, end):
        d_y = x.dtype.type(scale)
        rival = _strongest_rival(x[n], labels[n])
        value = x[n, rival] + margin - x[n, labels[n]]
        losses[n] = max(value, 0) if value == value else value
        d_x[n] = 0
        if x[n, rival] + margin > x[n, labels[n]]:
            d_x[n, rival] = d_y
            d_x[n, labels[n]] = -d_y


@parallel(lambda losses, *_: losses.size)
def _log_softmax_direction_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any
) -> None:
    """y = log(1 + e^z), z = log(sum over k != c of e^x_k) - x_c, the log of the odds against the class.

    dE/dx is dz/dx dE/dy times e^z / (1 + e^z) = 1 - p_c. Without that factor, dz/dx_s = e^x_s / (sum over k != c of
    e^x_k) for s != c, and -1 for c. There are two classes or more.
    """
    for n in range(begin, end):
        d_y, label = x.dtype.type(scale), labels[n]
        largest, total = x[n, _strongest_rival(x[n], label)], x.dtype.type(0)
        for k in range(x.shape[1]):
            if k != label:
                d_x[n, k] = math.exp(x[n, k] - largest)
                total += d_x[n, k]
        odds = math.log(total) + (largest - x[n, label])
        losses[n] = (odds if odds > 0 else 0) + math.log1p(math.exp(-abs(odds)))
        for k in range(x.shape[1]):
            d_x[n, k] = d_x[n, k] / total * d_y if k != label else -d_y


@parallel(lambda losses, *_: losses.size)
def _log_direction_cpu(
    begin: Any, end: Any, losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any
) -> None:
    """y = log(1 + e^-cx), as `log`;  dE/dx = -c / (1 + e^cx) dE/dy, times 1 + e^m where m, the smallest cx of the
    picture's classes, is above 0: the largest is then 1.
    """
    for n in range(begin, end):
        d_y, total, least = x.dtype.type(scale), x.dtype.type(0), x[n, labels[n]]
        for k in range(x.shape[1]):
            c = 1 if k == labels[n] else -1
            total += max(-c * x[n, k], 0) + math.log1p(math.exp(-abs(x[n, k])))
            least = min(least, c * x[n, k])
        losses[n] = total
        for k in range(x.shape[1]):
            c = 1 if k == labels[n] else -1
            small = math.exp(-abs(x[n, k]))
            if least > 0:
                share = math.exp(least - c * x[n, k]) * (1 + math.exp(-least)) / (1 + small)
            else:
                share = small / (1 + small) if c * x[n, k] > 0 else 1 / (1 + small)
            d_x[n, k] = -c * share * d_y


LOSSES = {
    "square": Kernel("losses.square", outputs=2, cpu=_square_cpu),
    "log": Kernel("losses.log", outputs=2, cpu=_log_cpu),
    "hinge": Kernel("losses.hinge", outputs=2, cpu=_hinge_cpu),
    "log-softmax": Kernel("losses.log_softmax", outputs=2, cpu=_log_softmax_cpu),
    "max-margin": Kernel("losses.max_margin", outputs=2, cpu=_max_margin_cpu),
}
DIRECTIONS = LOSSES | {
    "log": Kernel("losses.log_direction", outputs=2, cpu=_log_direction_cpu),
    "log-softmax": Kernel("losses.log_softmax_direction", outputs=2, cpu=_log_softmax_direction_cpu),
}
"""Maps each loss to the one with the direction of its gradient; a loss whose gradient does not become small maps to
itself.
"""
