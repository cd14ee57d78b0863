"""Branches meet and part on the GPU; see ops.joins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32

from .budget import Budget
from .elements import BUDGET, EACH, element, launch_each, launch_few, own_elements
from .toolchain import ONE, ZERO, device_function, kernel

BUDGETS = dict.fromkeys(
    ("_copy", "_accumulate", "_add", "_copy_channels", "_take_channels", "_multiply"), BUDGET
) | {"_multiply_sums": Budget(registers=56, shared_bytes=0)}


@kernel
def _copy(target: Any, source: Any) -> None:
    (first, apart), size = own_elements(), np.uint32(target.size)
    values = cuda.local.array(EACH, float32)
    for j in range(EACH):
        i = np.uint32(first + np.uint32(j) * apart)
        values[j] = source[i] if i < size else ZERO
    for j in range(EACH):
        i = np.uint32(first + np.uint32(j) * apart)
        if i < size:
            target[i] = values[j]


@device_function
def _sums(target: Any, one: Any, other: Any, slope: Any) -> None:
    """target = f(one + other), f(v) = v above 0, else slope v; the target may be one of them."""
    (first, apart), size = own_elements(), np.uint32(target.size)
    totals = cuda.local.array(EACH, float32)
    for j in range(EACH):
        i = np.uint32(first + np.uint32(j) * apart)
        totals[j] = one[i] + other[i] if i < size else ZERO
    for j in range(EACH):
        i = np.uint32(first + np.uint32(j) * apart)
        if i < size:
            target[i] = totals[j] if totals[j] > ZERO else slope * totals[j]


@kernel
def _add(target: Any, one: Any, other: Any, slope: Any) -> None:
    _sums(target, one, other, slope)


@kernel
def _accumulate(target: Any, source: Any) -> None:
    _sums(target, target, source, ONE)


@kernel
def _copy_channels(target: Any, source: Any, first: Any, channels: Any, all_channels: Any) -> None:
    i = element()
    if i < np.uint32(source.size):
        row = np.uint32(i // channels)
        target[np.uint32(row * all_channels + first + (i - row * channels))] = source[i]


@kernel
def _take_channels(target: Any, source: Any, first: Any, channels: Any, all_channels: Any) -> None:
    i = element()
    if i < np.uint32(target.size):
        row = np.uint32(i // channels)
        target[i] = source[np.uint32(row * all_channels + first + (i - row * channels))]


@kernel
def _multiply(target: Any, source: Any, factors: Any, rows: Any, pixels: Any, channels: Any) -> None:
    i = element()
    if i < np.uint32(target.size):
        place = i
        if rows == np.uint32(1):
            row = np.uint32(i // channels)
            place = np.uint32(row // pixels * channels + (i - row * channels))
        target[i] = source[i] * factors[place]


@kernel
def _multiply_sums(target: Any, source: Any, factors: Any, pixels: Any, channels: Any) -> None:
    i = element()
    if i < np.uint32(target.size):
        n = np.uint32(i // channels)
        place = np.uint32(n * pixels * channels + (i - n * channels))
        total, left = ZERO, pixels
        while left > np.uint32(0):
            total += source[place] * factors[place]
            place, left = np.uint32(place + channels), np.uint32(left - np.uint32(1))
        target[i] = total


def copy(target: Any, source: Any) -> None:
    """target_i = source_i."""
    launch_few(_copy, target.size, target, source)


def accumulate(target: Any, source: Any) -> None:
    """target_i += source_i."""
    launch_few(_accumulate, target.size, target, source)


def add(target: Any, one: Any, other: Any, slope: Any) -> None:
    """target_i = f(one_i + other_i), f(v) = v above 0, else slope v."""
    launch_few(_add, target.size, target, one, other, float(slope))


def multiply(target: Any, source: Any, factors: Any) -> None:
    """target_npc = source_npc factors_npc, or factors_n0c where all pixels share them."""
    sizes = factors.shape[1], *source.shape[1:]
    launch_each(_multiply, target.size, target, source, factors, *sizes)


def multiply_sums(target: Any, source: Any, factors: Any) -> None:
    """target_n0c = the sum over p of source_npc factors_npc."""
    launch_each(_multiply_sums, target.size, target, source, factors, *source.shape[1:])


def copy_channels(target: Any, source: Any, first: Any) -> None:
    """target_m,first+c = source_mc."""
    launch_each(_copy_channels, source.size, target, source, int(first), source.shape[1], target.shape[1])


def take_channels(target: Any, source: Any, first: Any) -> None:
    """target_mc = source_m,first+c."""
    launch_each(_take_channels, target.size, target, source, int(first), target.shape[1], source.shape[1])
