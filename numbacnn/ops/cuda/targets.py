"""Losses whose targets are more than one class a picture, on the GPU; see ops.targets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32, uint32

from .budget import Budget
from .reductions import stronger, team_sum
from .rows import MOST_THREADS, launch_rows, row_thread
from .softmax import row_strongest
from .toolchain import ONE, ZERO, device_function, kernel

BUDGETS = dict.fromkeys(
    ("_smoothed", "_distribution", "_binary", "_huber"), Budget(registers=40, shared_bytes=3072)
) | {"_pixels": Budget(registers=48, shared_bytes=3072)}
_FIRST, _NEXT, _NONE = np.uint32(0), np.uint32(1), np.uint32(0xFFFFFFFF)
_HALF = np.float32(0.5)


@device_function
def _row_softmax(p: Any, x: Any, begin: Any, end: Any, values: Any, places: Any) -> tuple[Any, Any, Any]:
    """p = softmax(x) from begin to end, shared out among the block's threads -> log(sum of e^x), the place of the likeliest
    class, and the probability of all others.
    """
    _, thread, threads = row_thread()
    best, largest = row_strongest(x, np.uint32(begin + thread), end, _NONE, values, places)
    own, k = ZERO, np.uint32(begin + thread)
    while k < end:
        p[k] = math.exp(x[k] - largest)
        own += p[k] if k != best else ZERO
        k = np.uint32(k + threads)
    others = team_sum(values, own, threads)
    total = ONE + others
    k = np.uint32(begin + thread)
    while k < end:
        p[k] /= total
        k = np.uint32(k + threads)
    return largest + math.log(total), best, others / total


@kernel
def _smoothed(losses: Any, d_x: Any, x: Any, labels: Any, smoothing: Any, scale: Any, classes: Any) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    begin = np.uint32(n * classes)
    end, label = np.uint32(begin + classes), np.uint32(begin + np.uint32(labels[n]))
    whole, best, others = _row_softmax(d_x, x, begin, end, values, places)
    even, sure = smoothing / np.float32(classes), ONE - smoothing
    own, k = ZERO, np.uint32(begin + thread)
    while k < end:
        own += even * (whole - x[k])
        target = even + sure if k == label else even
        rest = others if k == best else ONE - d_x[k]
        d_x[k] = (d_x[k] * (ONE - target) - target * rest) * scale
        k = np.uint32(k + threads)
    spread = team_sum(values, own, threads)
    if thread == _FIRST:
        losses[n] = sure * (whole - x[label]) + spread


@kernel
def _distribution(losses: Any, d_x: Any, x: Any, targets: Any, scale: Any, classes: Any) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    begin = np.uint32(n * classes)
    end = np.uint32(begin + classes)
    whole, best, others = _row_softmax(d_x, x, begin, end, values, places)
    own, own_targets, k = ZERO, ZERO, np.uint32(begin + thread)
    while k < end:
        own_targets += targets[k]
        if targets[k] != ZERO:
            own += targets[k] * (whole - x[k])
        k = np.uint32(k + threads)
    value, sum_of_targets = team_sum(values, own, threads), team_sum(values, own_targets, threads)
    k = np.uint32(begin + thread)
    while k < end:
        rest = others if k == best else ONE - d_x[k]
        d_x[k] = (d_x[k] * (sum_of_targets - targets[k]) - targets[k] * rest) * scale
        k = np.uint32(k + threads)
    if thread == _FIRST:
        losses[n] = value


@kernel
def _pixels(
    losses: Any, d_x: Any, x: Any, labels: Any, ignored: Any, scale: Any, positions: Any, classes: Any
) -> None:
    """A block a picture, whose threads share the pixels out."""
    values = cuda.shared.array(MOST_THREADS, float32)
    n, thread, threads = row_thread()
    first, end = np.uint32(n * positions + thread), np.uint32(n * positions + positions)
    own, p = ZERO, first
    while p < end:
        own += ONE if labels[p] != ignored else ZERO
        p = np.uint32(p + threads)
    # Of fewer than 2^24 pixels, as many as a float32 counts.
    count = max(team_sum(values, own, threads), ONE)
    share = scale / count
    own, p = ZERO, first
    while p < end:
        begin = np.uint32(p * classes)
        last = np.uint32(begin + classes)
        if labels[p] == ignored:
            k = begin
            while k < last:
                d_x[k] = ZERO
                k = np.uint32(k + _NEXT)
        else:
            own += _pixel(d_x, x, begin, last, np.uint32(begin + np.uint32(labels[p])), share)
        p = np.uint32(p + threads)
    total = team_sum(values, own, threads)
    if thread == _FIRST:
        losses[n] = total / count


@device_function
def _pixel(d_x: Any, x: Any, begin: Any, end: Any, label: Any, scale: Any) -> Any:
    """The cross-entropy of the scores from begin to end, by one thread; writes its gradient."""
    best, k = begin, np.uint32(begin + _NEXT)
    while k < end:
        if stronger(x[k], k, x[best], best):
            best = k
        k = np.uint32(k + _NEXT)
    others, k = ZERO, begin
    while k < end:
        d_x[k] = math.exp(x[k] - x[best])
        others += d_x[k] if k != best else ZERO
        k = np.uint32(k + _NEXT)
    total = ONE + others
    rest = others / total if label == best else ONE - d_x[label] / total
    k = begin
    while k < end:
        d_x[k] = d_x[k] / total * scale if k != label else -rest * scale
        k = np.uint32(k + _NEXT)
    return x[best] + math.log(total) - x[label]


@kernel
def _binary(losses: Any, d_x: Any, x: Any, targets: Any, scale: Any, numbers: Any) -> None:
    values = cuda.shared.array(MOST_THREADS, float32)
    n, thread, threads = row_thread()
    own, k, end = ZERO, np.uint32(n * numbers + thread), np.uint32(n * numbers + numbers)
    while k < end:
        score, target = x[k], targets[k]
        small = math.exp(-abs(score))
        own += math.log1p(small) + (score * (ONE - target) if score > ZERO else -score * target)
        above = (ONE if score > ZERO else small) / (ONE + small)
        below = (small if score > ZERO else ONE) / (ONE + small)
        d_x[k] = ((ONE - target) * above - target * below) * scale
        k = np.uint32(k + threads)
    total = team_sum(values, own, threads)
    if thread == _FIRST:
        losses[n] = total


@kernel
def _huber(
    losses: Any, d_x: Any, x: Any, targets: Any, delta: Any, factor: Any, scale: Any, numbers: Any
) -> None:
    values = cuda.shared.array(MOST_THREADS, float32)
    n, thread, threads = row_thread()
    own, k, end = ZERO, np.uint32(n * numbers + thread), np.uint32(n * numbers + numbers)
    while k < end:
        error = x[k] - targets[k]
        gradient = error
        if abs(error) > delta:
            own += delta * (abs(error) - delta * _HALF)
            gradient = delta if error > ZERO else -delta
        else:
            own += error * error * _HALF
        d_x[k] = gradient * (scale * factor)
        k = np.uint32(k + threads)
    total = team_sum(values, own, threads)
    if thread == _FIRST:
        losses[n] = total * factor


def smoothed(losses: Any, d_x: Any, x: Any, labels: Any, smoothing: Any, scale: Any) -> None:
    """The cross-entropy with t_k = (1 - s) delta_kc + s / K; a block a picture."""
    launch_rows(_smoothed, *x.shape, losses, d_x, x, labels, float(smoothing), float(scale), x.shape[1])


def distribution(losses: Any, d_x: Any, x: Any, targets: Any, scale: Any) -> None:
    """y = sum_k t_k (log(sum_j e^x_j) - x_k); a block a picture."""
    launch_rows(_distribution, *x.shape, losses, d_x, x, targets, float(scale), x.shape[1])


def pixels(losses: Any, d_x: Any, x: Any, labels: Any, ignored: Any, scale: Any) -> None:
    """The mean of the cross-entropies of a picture's pixels whose label is not the ignored one."""
    count, positions, classes = x.shape
    launch_rows(
        _pixels, count, positions, losses, d_x, x, labels, np.int64(ignored), float(scale), positions, classes
    )


def binary(losses: Any, d_x: Any, x: Any, targets: Any, scale: Any) -> None:
    """y = sum_k max(x_k, 0) - t_k x_k + log(1 + e^-|x_k|); a block a picture."""
    launch_rows(_binary, *x.shape, losses, d_x, x, targets, float(scale), x.shape[1])


def huber(losses: Any, d_x: Any, x: Any, targets: Any, delta: Any, factor: Any, scale: Any) -> None:
    """y = f sum_k h(x_k - t_k), h as ops.targets says; a block a picture."""
    launch_rows(
        _huber, *x.shape, losses, d_x, x, targets, float(delta), float(factor), float(scale), x.shape[1]
    )
