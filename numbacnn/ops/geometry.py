"""Windows that slide over a picture. The formula (I - F + 2P)/S + 1 is in this module only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import ShapeError, cut

Rounding = Literal["exact", "floor", "ceil"]
Pair = tuple[int, int]


class Padding(NamedTuple):
    """The rows and columns of zeros around a picture."""

    top: int
    bottom: int
    left: int
    right: int


NO_PADDING = Padding(0, 0, 0, 0)

_LARGEST_NUMBER = 2**31 - 1
_LARGEST_TERM = 1 << 16
"""The most rows or columns of a window, a stride or a dilation that fits any picture; larger ones are only compared
with the padding.
"""


@dataclass(frozen=True)
class Window:
    """A window of R x S cells, `dilation` apart, that moves by a stride over an input padded with zeros.

    `rounding` says what happens if the last step does not end on the border: "exact" raises ShapeError (the lecture's
    rule), "floor" leaves the rest out, "ceil" adds a window that overhangs the border (Caffe's pooling). A window that
    would start beyond the input is never added.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    dilation: Pair = (1, 1)
    rounding: Rounding = "exact"
    noun: str = "filter"

    def __post_init__(self) -> None:
        for name, least in (("kernel", 1), ("stride", 1), ("dilation", 1), ("padding", 0)):
            given = getattr(self, name)
            if any(value < least for value in given):
                raise ShapeError(f"{name} {given} of a {self.noun}: at least {least} is expected everywhere")
            if any(value > _LARGEST_NUMBER for value in given):
                raise ShapeError(
                    f"{name} {cut(given)} of a {self.noun}: at most {_LARGEST_NUMBER} is expected"
                )

    @property
    def extent(self) -> Pair:
        """The rows and columns that one window covers: D (F - 1) + 1."""
        return (
            self.dilation[0] * (self.kernel[0] - 1) + 1,
            self.dilation[1] * (self.kernel[1] - 1) + 1,
        )

    @property
    def corner(self) -> Pair:
        """The padding above and left of the input."""
        return self.padding.top, self.padding.left

    @property
    def terms(self) -> tuple[int, ...]:
        """Returns (R, S, stride 2x, padding 4x, dilation 2x) as one flat tuple, the form that kernels take."""
        return (*self.kernel, *self.stride, *self.padding, *self.dilation)

    def output_size(self, height: int, width: int) -> Pair:
        """Returns (P, Q) for an input of (height, width): (I - F + 2P)/S + 1 on each axis (the lecture's formula).

        Raises ShapeError with the formula, its numbers, and a padding that would fit.
        """
        rows = self._positions(height, 0, self.padding.top, self.padding.bottom)
        columns = self._positions(width, 1, self.padding.left, self.padding.right)
        if rows is None or columns is None:
            raise ShapeError(self._misfit(height, width))
        if max(self.terms) > _LARGEST_TERM:
            raise ShapeError(
                f"a {self.noun} with {max(self.terms)} as its kernel, stride, padding or dilation: at most "
                f"{_LARGEST_TERM} is expected"
            )
        return rows, columns

    def formula(self, height: int, width: int) -> str:
        """Returns the formula with its numbers, `(227 - 11 + 2*0)/4 + 1 = 55`, for both axes where they differ."""
        rows, columns = self.output_size(height, width)
        first = f"{self._expression(height, 0)} = {rows}"
        if self._expression(width, 1) == self._expression(height, 0):
            return first
        return f"{first}, {self._expression(width, 1)} = {columns}"

    def _positions(self, size: int, axis: int, before: int, after: int) -> int | None:
        """Returns the positions along one axis; None if the window does not fit."""
        room = size + before + after - self.extent[axis]
        stride = self.stride[axis]
        if room < 0 or (room % stride and self.rounding == "exact"):
            return None
        positions = room // stride + 1
        hangs_over = self.rounding == "ceil" and room % stride and positions * stride < size + before
        return positions + 1 if hangs_over else positions

    def _expression(self, size: int, axis: int) -> str:
        before, after = (self.padding[:2], self.padding[2:])[axis]
        pads = f"2*{before}" if before == after else f"{before} + {after}"
        inner = f"({size} - {self.extent[axis]} + {pads})/{self.stride[axis]}"
        brackets = {"exact": inner, "floor": f"floor({inner})", "ceil": f"ceil({inner})"}
        return f"{brackets[self.rounding]} + 1"

    def _misfit(self, height: int, width: int) -> str:
        for axis, size in enumerate((height, width)):
            before, after = (self.padding[:2], self.padding[2:])[axis]
            if self._positions(size, axis, before, after) is None:
                value = (size - self.extent[axis] + before + after) / self.stride[axis] + 1
                break
        axes = "x".join(str(size) for size in self.kernel)
        stride = str(self.stride[0]) if self.stride[0] == self.stride[1] else str(self.stride)
        dilation = "" if self.dilation == (1, 1) else f" with dilation {max(self.dilation)}"
        return (
            f"{axes} {self.noun}{dilation} at stride {stride} does not fit a {height}x{width} input: "
            f"{self._expression(size, axis)} = {round(value, 2):g}{self._remedy(height, width)}"
        )

    def _remedy(self, height: int, width: int) -> str:
        pad = self._fitting_padding(height, width)
        if pad is not None:
            rows = self._positions(height, 0, pad, pad)
            columns = self._positions(width, 1, pad, pad)
            return f"; padding {pad} gives {rows}x{columns}"
        if self.rounding == "exact" and min(height - self.extent[0], width - self.extent[1]) >= 0:
            return '; no equal padding fits: set rounding to "floor" or "ceil"'
        return "; no equal padding fits: use a smaller kernel or a larger input"

    def _fitting_padding(self, height: int, width: int) -> int | None:
        """Returns the smallest equal padding, below the window's extent, with which the window fits both axes; None if
        there is none.

        With exact rounding, the padding p solves height - extent + 2 p = 0 modulo the stride, and the same for columns.
        """
        missing = [extent - size for extent, size in zip(self.extent, (height, width), strict=True)]
        least = max(0, *(-(-short // 2) for short in missing))
        step = 1
        if self.rounding == "exact":
            solutions = [_halved(short, stride) for short, stride in zip(missing, self.stride, strict=True)]
            if None in solutions:
                return None
            common = _common([solution for solution in solutions if solution is not None])
            if common is None:
                return None
            first, step = common
            least += (first - least) % step
        return least if least < max(self.extent) <= _LARGEST_TERM else None


def _halved(wanted: int, modulus: int) -> tuple[int, int] | None:
    """Returns the numbers p with 2 p = wanted modulo `modulus`, as (smallest p, distance between them); None if there
    are none.
    """
    if modulus % 2:
        return wanted * pow(2, -1, modulus) % modulus, modulus
    return None if wanted % 2 else (wanted // 2 % (modulus // 2), modulus // 2)


def _common(progressions: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Returns the numbers that are in both of two arithmetic progressions (first, step), as a progression (Chinese
    remainder theorem); None if there are none.
    """
    (first, step), (other, stride) = progressions
    shared = math.gcd(step, stride)
    if (other - first) % shared:
        return None
    turns = (other - first) // shared * pow(step // shared, -1, stride // shared) % (stride // shared)
    return first + turns * step, step // shared * stride


@lru_cache(maxsize=256)
def covering(size: int, outputs: int, kernel: int, stride: int, padding: int) -> Any:
    """Returns int (size, 3), a row for each input position on an axis: the first window that covers it, the number of
    windows that do, and the position's offset in the first.

    The offset in window j after the first is that minus j times the stride.
    """
    places = np.arange(size) + padding
    first = np.maximum(0, -(-(places - kernel + 1) // stride))
    last = np.minimum(outputs - 1, places // stride)
    return np.stack([first, np.maximum(0, last - first + 1), places - first * stride], axis=1)
