"""Branches meet and part on the GPU; see ops.joins."""

from __future__ import annotations

from typing import Any

import numpy as np

from .budget import Budget
from .elements import BUDGET, element, few_at_a_time, launch_each, write_few
from .toolchain import ONE, ZERO, device_function, kernel

BUDGETS = dict.fromkeys(
    ("copy", "add", "add_masked", "_copy_channels", "_take_channels", "_multiply"), BUDGET
) | {"_multiply_sums": Budget(registers=56, shared_bytes=0)}


@device_function
def _itself(value: Any, _: Any, __: Any, ___: Any, ____: Any) -> Any:
    return value


@device_function
def _rectified_sum(one: Any, other: Any, _: Any, slope: Any, __: Any) -> Any:
    total = one + other
    return total if total > ZERO else slope * total


@device_function
def _masked_sum(one: Any, other: Any, sign: Any, slope: Any, _: Any) -> Any:
    total = one + other
    return total if sign > ZERO else slope * total


_copy = few_at_a_time("joins.copy", _itself, 1)
_add = few_at_a_time("joins.add", _rectified_sum, 2)
_add_masked = few_at_a_time("joins.add_masked", _masked_sum, 3)


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
    write_few(_copy, target, source)


def accumulate(target: Any, source: Any) -> None:
    """target_i += source_i."""
    write_few(_add, target, target, source, p=ONE)


def accumulate_masked(target: Any, source: Any, signs: Any, slope: Any) -> None:
    """target_i += source_i, then times slope where signs_i is not above 0."""
    write_few(_add_masked, target, target, source, signs, p=float(slope))


def add(target: Any, one: Any, other: Any, slope: Any) -> None:
    """target_i = f(one_i + other_i), f(v) = v above 0, else slope v."""
    write_few(_add, target, one, other, p=float(slope))


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
