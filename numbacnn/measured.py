"""What a tuning run measures: the plans of a device's products, and which of them was the fastest."""

from __future__ import annotations

from typing import NamedTuple


class MeasuredPlan(NamedTuple):
    """How a product was laid out: its tile ("128x64", rows and columns of the result a block of threads), the parts that the
    sum over the depth was cut into, and the seconds that it took, adding up the parts included.
    """

    tile: str
    parts: int
    seconds: float


class MeasuredProduct(NamedTuple):
    """A product C (rows, columns) over a depth, `groups` of them at once, by the name of the op that computes it. `plans`: the one
    that is taken without tuning first; `chosen`: the one that is taken from now on.
    """

    name: str
    precision: str
    rows: int
    columns: int
    depth: int
    groups: int
    plans: tuple[MeasuredPlan, ...]
    chosen: MeasuredPlan
    refused: tuple[str, ...] = ()

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.columns * self.depth * self.groups
