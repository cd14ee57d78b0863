"""Branches meet and part on the GPU; see ops.joins."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import BUDGET, element, launch_each
from .toolchain import ZERO, kernel

BUDGETS = dict.fromkeys(("_copy", "_accumulate", "_add", "_copy_channels", "_take_channels"), BUDGET)


@kernel
def _copy(target: Any, source: Any) -> None:
    i = element()
    if i < np.uint32(target.size):
        target[i] = source[i]


@kernel
def _accumulate(target: Any, source: Any) -> None:
    i = element()
    if i < np.uint32(target.size):
        target[i] += source[i]


@kernel
def _add(target: Any, one: Any, other: Any, slope: Any) -> None:
    i = element()
    if i < np.uint32(target.size):
        total = one[i] + other[i]
        target[i] = total if total > ZERO else slope * total


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


def copy(target: Any, source: Any) -> None:
    """target_i = source_i."""
    launch_each(_copy, target.size, target, source)


def accumulate(target: Any, source: Any) -> None:
    """target_i += source_i."""
    launch_each(_accumulate, target.size, target, source)


def add(target: Any, one: Any, other: Any, slope: Any) -> None:
    """target_i = f(one_i + other_i), f(v) = v above 0, else slope v."""
    launch_each(_add, target.size, target, one, other, float(slope))


def copy_channels(target: Any, source: Any, first: Any) -> None:
    """target_m,first+c = source_mc."""
    launch_each(_copy_channels, source.size, target, source, int(first), source.shape[1], target.shape[1])


def take_channels(target: Any, source: Any, first: Any) -> None:
    """target_mc = source_m,first+c."""
    launch_each(_take_channels, target.size, target, source, int(first), target.shape[1], source.shape[1])
