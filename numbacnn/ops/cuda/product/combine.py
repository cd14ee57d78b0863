"""Partial sums, added in the order of the parts: the same bits in every run, as no thread adds to another's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..budget import Budget
from ..elements import element, launch_each
from ..toolchain import kernel

BUDGETS = {"combine._combine": Budget(registers=24, shared_bytes=0)}


@kernel
def _combine(total: Any, parts: Any, size: Any, count: Any) -> None:
    i = element()
    if i < size:
        own = parts[i]
        place = i
        for _ in range(1, count):
            place = np.uint32(place + size)
            own += parts[place]
        total[i] = own


def combine(total: Any, parts: Any, count: int) -> None:
    """total = parts[0] + parts[1] + …, of `count` arrays as large as the total, one after the other."""
    launch_each(_combine, total.size, total, parts, total.size, count)
