"""Takes a training step's pictures and numbers out of those of a whole epoch, which lie on the device.

take    numbers uint32 (M,W), place uint32 (1,) -> row uint32 (W,) = numbers_place, and place + 1
gather  rows uint8 (D,...), indices int64 (N,) -> chosen uint8 (N,...) = rows_indices; on the CPU of any type
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .kernel import Kernel
from .vectors import copy


@jit(from_python=True)
def _take_cpu(row: Any, place: Any, numbers: Any) -> None:
    """row = numbers_place;  place = place + 1."""
    source = numbers[place[0]]
    for i in range(row.size):
        row[i] = source[i]
    place[0] += 1


@jit(from_python=True)
def _gather_cpu(chosen: Any, rows: Any, indices: Any) -> None:
    """chosen_n = rows_indices_n."""
    length = chosen.size // chosen.shape[0]
    target, source = chosen.reshape(chosen.size), rows.reshape(rows.size)
    for n in range(chosen.shape[0]):
        begin = indices[n] * length
        copy(target[n * length : (n + 1) * length], source[begin : begin + length])


take = Kernel("batches.take", cpu=_take_cpu, outputs=2)
gather = Kernel("batches.gather", cpu=_gather_cpu)
