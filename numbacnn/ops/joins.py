"""Where branches of a network meet, and where they part.

copy_channels   target (M,K) columns first..first+C = source (M,C): one share of a concatenation
take_channels   target (M,C) = source (M,K) columns first..first+C: its gradient
copy            target = source, flat
accumulate      target += source, flat: the gradient where one output feeds several layers
add             target = f(one + other), flat, f(v) = v above 0, else slope v: the add join, and a rectifier after it
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .compilation import jit
from .kernel import Kernel


@jit(parallel=True)
def _copy_channels_cpu(target: Any, source: Any, first: Any) -> None:
    """target_m,first+c = source_mc."""
    for m in prange(source.shape[0]):
        for c in range(source.shape[1]):
            target[m, first + c] = source[m, c]


@jit(parallel=True)
def _take_channels_cpu(target: Any, source: Any, first: Any) -> None:
    """target_mc = source_m,first+c."""
    for m in prange(target.shape[0]):
        for c in range(target.shape[1]):
            target[m, c] = source[m, first + c]


@jit(parallel=True)
def _copy_cpu(target: Any, source: Any) -> None:
    """target_i = source_i."""
    for i in prange(target.size):
        target[i] = source[i]


@jit(parallel=True)
def _accumulate_cpu(target: Any, source: Any) -> None:
    """target_i += source_i."""
    for i in prange(target.size):
        target[i] += source[i]


@jit(parallel=True)
def _add_cpu(target: Any, one: Any, other: Any, slope: Any) -> None:
    """target_i = f(one_i + other_i), f(v) = v above 0, else slope v."""
    share = target.dtype.type(slope)
    for i in prange(target.size):
        total = one[i] + other[i]
        target[i] = total if total > 0 else share * total


copy_channels = Kernel("joins.copy_channels", cpu=_copy_channels_cpu)
take_channels = Kernel("joins.take_channels", cpu=_take_channels_cpu)
copy = Kernel("joins.copy", cpu=_copy_cpu)
accumulate = Kernel("joins.accumulate", cpu=_accumulate_cpu)
add = Kernel("joins.add", cpu=_add_cpu)
