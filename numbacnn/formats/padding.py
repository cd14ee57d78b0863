"""Padding that other programs leave to be computed."""

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
    """Top, bottom, left, right, for an output of ⌈size / stride⌉; where it is odd, the larger part comes after, or before."""
    missing = [
        max(0, (-(-size // step) - 1) * step + apart * (length - 1) + 1 - size)
        for size, length, step, apart in zip(sizes, kernel, stride, dilation, strict=True)
    ]
    halves = [(each // 2, each - each // 2) for each in missing]
    (top, bottom), (left, right) = halves if more_after else [half[::-1] for half in halves]
    return top, bottom, left, right
