"""The lecture's loss bricks on the GPU, each with its gradient in the same pass; see ops.losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda, float32, uint32

from .reductions import LOWEST, NONE, stronger, team_strongest, team_sum
from .rows import BUDGET, MOST_THREADS, launch_rows, row_thread
from .softmax import exponentials, row_strongest
from .toolchain import ONE, ZERO, device_function, kernel

BUDGETS = dict.fromkeys(
    ("square", "log", "hinge", "_log_softmax", "_max_margin", "_log_direction", "_log_softmax_direction"),
    BUDGET,
)
_HALF = np.float32(0.5)
_FIRST = np.uint32(0)


@device_function
def _square_brick(x: Any, is_class: Any, margin: Any) -> Any:
    error = x - ONE if is_class else x
    return error * error * _HALF, error


@device_function
def _log_brick(x: Any, is_class: Any, margin: Any) -> Any:
    signed = x if is_class else -x
    small = math.exp(-abs(x))
    value = (ZERO if signed > ZERO else -signed) + math.log1p(small)
    share = (small if signed > ZERO else ONE) / (ONE + small)
    return value, -share if is_class else share


@device_function
def _hinge_brick(x: Any, is_class: Any, margin: Any) -> Any:
    signed = x if is_class else -x
    missing = margin - signed
    # Written so that a NaN stays.
    value = ZERO if missing < ZERO else missing
    if signed < margin:
        return value, -ONE if is_class else ONE
    return value, ZERO


def _of_classes(name: str, brick: Any) -> Callable[..., None]:
    """The loss that is a sum over the classes of brick(score, whether it is the label's, margin) -> (value, gradient)."""

    @kernel(name=f"losses.{name}")
    def loss(losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any, classes: Any) -> None:
        values = cuda.shared.array(MOST_THREADS, float32)
        n, thread, threads = row_thread()
        begin, label = np.uint32(n * classes), np.uint32(labels[n])
        own, k = ZERO, thread
        while k < classes:
            value, gradient = brick(x[np.uint32(begin + k)], k == label, margin)
            own += value
            d_x[np.uint32(begin + k)] = gradient * scale
            k = np.uint32(k + threads)
        total = team_sum(values, own, threads)
        if thread == _FIRST:
            losses[n] = total

    return _launched(loss)


def _launched(loss: Any) -> Callable[..., None]:
    """The op that a kernel computes, a block a picture."""

    def variant(losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any) -> None:
        launch_rows(loss, *x.shape, losses, d_x, x, labels, float(margin), float(scale), x.shape[1])

    return variant


@kernel
def _log_softmax(losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any, classes: Any) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    begin = np.uint32(n * classes)
    end, target = np.uint32(begin + classes), np.uint32(begin + np.uint32(labels[n]))
    largest, total = exponentials(d_x, x, begin, end, values, places)
    own, k = ZERO, np.uint32(begin + thread)
    while k < end:
        gradient = d_x[k] / total * scale
        d_x[k] = gradient
        if k != target:
            own += gradient
        k = np.uint32(k + threads)
    others = team_sum(values, own, threads)
    if thread == _FIRST:
        losses[n] = math.log(total) + (largest - x[target])
        # All threads have passed a barrier since they wrote d_x.
        d_x[target] = -others


@kernel
def _max_margin(losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any, classes: Any) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    begin = np.uint32(n * classes)
    end, target = np.uint32(begin + classes), np.uint32(begin + np.uint32(labels[n]))
    k = np.uint32(begin + thread)
    while k < end:
        d_x[k] = ZERO
        k = np.uint32(k + threads)
    # Its barriers also stand between the zeros and what thread 0 writes over them.
    rival, strongest = row_strongest(x, np.uint32(begin + thread), end, target, values, places)
    if thread == _FIRST:
        value = strongest + margin - x[target]
        losses[n] = ZERO if value < ZERO else value
        if strongest + margin > x[target]:
            d_x[rival] = scale
            d_x[target] = -scale


@kernel
def _log_softmax_direction(
    losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any, classes: Any
) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    begin = np.uint32(n * classes)
    first, end = np.uint32(begin + thread), np.uint32(begin + classes)
    target = np.uint32(begin + np.uint32(labels[n]))
    _, largest = row_strongest(x, first, end, target, values, places)
    own, k = ZERO, first
    while k < end:
        if k != target:
            d_x[k] = math.exp(x[k] - largest)
            own += d_x[k]
        k = np.uint32(k + threads)
    total = team_sum(values, own, threads)
    k = first
    while k < end:
        d_x[k] = d_x[k] / total * scale if k != target else -scale
        k = np.uint32(k + threads)
    if thread == _FIRST:
        odds = math.log(total) + (largest - x[target])
        losses[n] = (odds if odds > ZERO else ZERO) + math.log1p(math.exp(-abs(odds)))


@kernel
def _log_direction(losses: Any, d_x: Any, x: Any, labels: Any, margin: Any, scale: Any, classes: Any) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    begin = np.uint32(n * classes)
    first, end = np.uint32(begin + thread), np.uint32(begin + classes)
    target = np.uint32(begin + np.uint32(labels[n]))
    # Of what is strongest against a class, the place and how strong: minus the smallest of the signed scores.
    own, against, place, k = ZERO, LOWEST, NONE, first
    while k < end:
        value, _ = _log_brick(x[k], k == target, margin)
        own += value
        wrong = -x[k] if k == target else x[k]
        if stronger(wrong, k, against, place):
            against, place = wrong, k
        k = np.uint32(k + threads)
    total = team_sum(values, own, threads)
    _, against = team_strongest(values, places, against, place, threads)
    k = first
    while k < end:
        _, gradient = _log_brick(x[k], k == target, margin)
        if against < ZERO:
            wrong = -x[k] if k == target else x[k]
            share = math.exp(wrong - against) * (ONE + math.exp(against)) / (ONE + math.exp(-abs(x[k])))
            gradient = -share if k == target else share
        d_x[k] = gradient * scale
        k = np.uint32(k + threads)
    if thread == _FIRST:
        losses[n] = total


square = _of_classes("square", _square_brick)
log = _of_classes("log", _log_brick)
hinge = _of_classes("hinge", _hinge_brick)
log_softmax = _launched(_log_softmax)
max_margin = _launched(_max_margin)
log_direction = _launched(_log_direction)
log_softmax_direction = _launched(_log_softmax_direction)
