"""Joins and branches of a network.

copy_channels   target (M,K) columns first..first+C = source (M,C): one part of a concatenation
take_channels   target (M,C) = source (M,K) columns first..first+C: its gradient
copy            target = source, flat
accumulate      target += source, flat: adds the gradients of an output that several layers read
multiply        target (N,P,C) = source (N,P,C) times factors (N,P,C), or (N,1,C), which all pixels share; its gradients too
multiply_sums   target (N,1,C) = the sums over P of source times factors, both (N,P,C): the gradient of shared factors
add             target = f(one + other), flat, f(v) = v above 0, else slope v: a sum, and the rectifier after it
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .kernel import Kernel
from .masking import masked
from .parallel import parallel
from .product import copy_panel


@parallel(lambda target, source, *_: source.shape[0])
def _copy_channels_cpu(begin: Any, end: Any, target: Any, source: Any, first: Any) -> None:
    """target_m,first+c = source_mc."""
    row, channels = target.shape[1], source.shape[1]
    into, out_of = target.reshape(target.size), source.reshape(source.size)
    for m in range(begin, end):
        _copy_row(into, m * row + first, out_of, m * channels, channels)


@parallel(lambda target, *_: target.shape[0])
def _take_channels_cpu(begin: Any, end: Any, target: Any, source: Any, first: Any) -> None:
    """target_mc = source_m,first+c."""
    row, channels = source.shape[1], target.shape[1]
    into, out_of = target.reshape(target.size), source.reshape(source.size)
    for m in range(begin, end):
        _copy_row(into, m * channels, out_of, m * row + first, channels)


@jit
def _copy_row(target: Any, target_at: Any, source: Any, source_at: Any, count: Any) -> None:
    """So many numbers of flat arrays, as vectors: the last of them has numbers that were copied already, where there are several."""
    lanes = 64 // source.itemsize
    whole = count // lanes * lanes
    for c in range(0, whole, lanes):
        copy_panel(target, target_at + c, source, source_at + c)
    if whole < count and whole > 0:
        copy_panel(target, target_at + count - lanes, source, source_at + count - lanes)
    elif whole == 0:
        for c in range(count):
            target[target_at + c] = source[source_at + c]


@parallel(lambda target, *_: target.size)
def _copy_cpu(begin: Any, end: Any, target: Any, source: Any) -> None:
    """target_i = source_i."""
    for i in range(begin, end):
        target[i] = source[i]


@parallel(lambda target, *_: target.size)
def _accumulate_cpu(begin: Any, end: Any, target: Any, source: Any) -> None:
    """target_i += source_i."""
    for i in range(begin, end):
        target[i] += source[i]


@parallel(lambda target, *_: target.size)
def _add_cpu(begin: Any, end: Any, target: Any, one: Any, other: Any, slope: Any) -> None:
    """target_i = f(one_i + other_i), f(v) = v above 0, else slope v."""
    share = target.dtype.type(slope)
    for i in range(begin, end):
        total = one[i] + other[i]
        target[i] = total if total > 0 else share * total


@parallel(lambda target, source, *_: source.shape[0] * source.shape[1])
def _multiply_cpu(begin: Any, end: Any, target: Any, source: Any, factors: Any) -> None:
    """target_npc = source_npc factors_npc, or factors_n0c where all pixels share them."""
    pixels, shared = source.shape[1], factors.shape[1] == 1
    for m in range(begin, end):
        n = m // pixels
        p = m - n * pixels
        line, row, own = target[n, p], source[n, p], factors[n, 0 if shared else p]
        for c in range(line.size):
            line[c] = row[c] * own[c]


@parallel(lambda target, source, *_: source.shape[0])
def _multiply_sums_cpu(begin: Any, end: Any, target: Any, source: Any, factors: Any) -> None:
    """target_n0c = the sum over p of source_npc factors_npc."""
    for n in range(begin, end):
        total = target[n, 0]
        total[:] = 0
        for p in range(source.shape[1]):
            row, own = source[n, p], factors[n, p]
            for c in range(total.size):
                total[c] += row[c] * own[c]


copy_channels = Kernel("joins.copy_channels", cpu=_copy_channels_cpu)
take_channels = Kernel("joins.take_channels", cpu=_take_channels_cpu)
copy = Kernel("joins.copy", cpu=_copy_cpu)
accumulate = Kernel("joins.accumulate", cpu=_accumulate_cpu)
accumulate_masked = masked(accumulate)
multiply = Kernel("joins.multiply", cpu=_multiply_cpu)
multiply_sums = Kernel("joins.multiply_sums", work=lambda _, source, *__: source.size, cpu=_multiply_sums_cpu)
add = Kernel("joins.add", cpu=_add_cpu)
