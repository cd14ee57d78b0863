"""The lecture's table of loss bricks.

NAME_forward    scores x (N,K), labels (N,), margin m -> losses (N,)
NAME_backward   d_losses (N,), scores, labels, margin -> d_scores (N,K)

`labels` are class indices c. Square, log and hinge are the lecture's two-class bricks with one output a
class: the target d is 1 for the class and 0 elsewhere, the sign c is +1 for the class and -1 elsewhere,
and a picture's loss is the sum over the classes. Only hinge and max-margin look at the margin.
"""

from __future__ import annotations

import math
from typing import Any

from numba import prange

from .compilation import jit
from .kernel import Kernel


@jit(parallel=True)
def _square_forward_cpu(losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """y = 1/2 (x - d)^2."""
    for n in prange(losses.size):
        total = x[n, 0] * 0
        for k in range(x.shape[1]):
            error = x[n, k] - (1 if k == labels[n] else 0)
            total += error * error / 2
        losses[n] = total


@jit(parallel=True)
def _square_backward_cpu(d_x: Any, d_losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """dE/dx = (x - d) dE/dy."""
    for n in prange(x.shape[0]):
        for k in range(x.shape[1]):
            d_x[n, k] = (x[n, k] - (1 if k == labels[n] else 0)) * d_losses[n]


@jit(parallel=True)
def _log_forward_cpu(losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """y = log(1 + e^-cx), as max(-cx, 0) + log(1 + e^-|x|), which does not overflow."""
    for n in prange(losses.size):
        total = x[n, 0] * 0
        for k in range(x.shape[1]):
            signed = x[n, k] if k == labels[n] else -x[n, k]
            total += max(-signed, 0) + math.log1p(math.exp(-abs(signed)))
        losses[n] = total


@jit(parallel=True)
def _log_backward_cpu(d_x: Any, d_losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """dE/dx = -c / (1 + e^cx) dE/dy."""
    for n in prange(x.shape[0]):
        for k in range(x.shape[1]):
            c = 1 if k == labels[n] else -1
            small = math.exp(-abs(x[n, k]))
            share = small / (1 + small) if c * x[n, k] > 0 else 1 / (1 + small)
            d_x[n, k] = -c * share * d_losses[n]


@jit(parallel=True)
def _hinge_forward_cpu(losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """y = max(0, m - cx)."""
    for n in prange(losses.size):
        total = x[n, 0] * 0
        for k in range(x.shape[1]):
            signed = x[n, k] if k == labels[n] else -x[n, k]
            total += max(margin - signed, 0)
        losses[n] = total


@jit(parallel=True)
def _hinge_backward_cpu(d_x: Any, d_losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """dE/dx = -c dE/dy where cx < m, else 0."""
    for n in prange(x.shape[0]):
        for k in range(x.shape[1]):
            c = 1 if k == labels[n] else -1
            d_x[n, k] = -c * d_losses[n] if c * x[n, k] < margin else 0


@jit(parallel=True)
def _log_softmax_forward_cpu(losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """y = log(sum_k e^x_k) - x_c, with the largest score taken out of the sum."""
    for n in prange(losses.size):
        largest = x[n].max()
        total = x[n, 0] * 0
        for k in range(x.shape[1]):
            total += math.exp(x[n, k] - largest)
        losses[n] = math.log(total) + (largest - x[n, labels[n]])


@jit(parallel=True)
def _log_softmax_backward_cpu(d_x: Any, d_losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """dE/dx_s = (e^x_s / sum_k e^x_k - delta_sc) dE/dy.

    For s = c that is minus the sum of the others: taken so, it does not vanish where a sure network's own
    probability rounds to 1, and an attack still finds its way.
    """
    for n in prange(x.shape[0]):
        largest = x[n].max()
        total = x[n, 0] * 0
        for k in range(x.shape[1]):
            d_x[n, k] = math.exp(x[n, k] - largest)
            total += d_x[n, k]
        others = x[n, 0] * 0
        for k in range(x.shape[1]):
            d_x[n, k] = d_x[n, k] / total * d_losses[n]
            if k != labels[n]:
                others += d_x[n, k]
        d_x[n, labels[n]] = -others


@jit
def _strongest_rival(scores: Any, label: Any) -> Any:
    """The class other than the label with the largest score; the first where several are equal. A NaN is the largest."""
    rival = 1 if label == 0 else 0
    for k in range(scores.size):
        if k != label and (scores[k] > scores[rival] or scores[k] != scores[k]):
            rival = k
    return rival


@jit(parallel=True)
def _max_margin_forward_cpu(losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """y = [max over k != c of (x_k + m) - x_c]_+."""
    for n in prange(losses.size):
        value = x[n, _strongest_rival(x[n], labels[n])] + margin - x[n, labels[n]]
        losses[n] = max(value, 0) if value == value else value


@jit(parallel=True)
def _max_margin_backward_cpu(d_x: Any, d_losses: Any, x: Any, labels: Any, margin: Any) -> None:
    """dE/dx_s = (delta_sk* - delta_sc) dE/dy where E > 0, else 0; k* is the strongest rival."""
    for n in prange(x.shape[0]):
        d_x[n] = 0
        rival = _strongest_rival(x[n], labels[n])
        if x[n, rival] + margin > x[n, labels[n]]:
            d_x[n, rival] = d_losses[n]
            d_x[n, labels[n]] = -d_losses[n]


FORWARD = {
    "square": Kernel("losses.square_forward", cpu=_square_forward_cpu),
    "log": Kernel("losses.log_forward", cpu=_log_forward_cpu),
    "hinge": Kernel("losses.hinge_forward", cpu=_hinge_forward_cpu),
    "log-softmax": Kernel("losses.log_softmax_forward", cpu=_log_softmax_forward_cpu),
    "max-margin": Kernel("losses.max_margin_forward", cpu=_max_margin_forward_cpu),
}
BACKWARD = {
    "square": Kernel("losses.square_backward", cpu=_square_backward_cpu),
    "log": Kernel("losses.log_backward", cpu=_log_backward_cpu),
    "hinge": Kernel("losses.hinge_backward", cpu=_hinge_backward_cpu),
    "log-softmax": Kernel("losses.log_softmax_backward", cpu=_log_softmax_backward_cpu),
    "max-margin": Kernel("losses.max_margin_backward", cpu=_max_margin_backward_cpu),
}
