"""Padding that other programs compute from the sizes ("same")."""

from __future__ import annotations

from collections.abc import Sequence


def same(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    *,
    more_after: bool = True,
) -> tuple[int, int, int, int]:
    """Returns (top, bottom, left, right) for an output of ceil(size / stride). The larger part of an odd number comes
    after the map, or before it if not `more_after`.
    """
    missing = [
        max(0, (-(-size // step) - 1) * step + apart * (length - 1) + 1 - size)
        for size, length, step, apart in zip(sizes, kernel, stride, dilation, strict=True)
    ]
    halves = [(each // 2, each - each // 2) for each in missing]
    (top, bottom), (left, right) = halves if more_after else [half[::-1] for half in halves]
    return top, bottom, left, right
