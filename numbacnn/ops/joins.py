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

from .kernel import Kernel
from .masking import masked
from .parallel import parallel


@parallel(lambda target, source, *_: source.shape[0])
def _copy_channels_cpu(begin: Any, end: Any, target: Any, source: Any, first: Any) -> None:
    """target_m,first+c = source_mc."""
    for m in range(begin, end):
        for c in range(source.shape[1]):
            target[m, first + c] = source[m, c]


@parallel(lambda target, *_: target.shape[0])
def _take_channels_cpu(begin: Any, end: Any, target: Any, source: Any, first: Any) -> None:
    """target_mc = source_m,first+c."""
    for m in range(begin, end):
        for c in range(target.shape[1]):
            target[m, c] = source[m, first + c]


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
