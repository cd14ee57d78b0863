"""How much of a product a block of threads takes, and each of its threads."""

from __future__ import annotations

from typing import NamedTuple

LANES_DOWN, LANES_ACROSS = 8, 4
"""A warp's threads on its part of the tile: what they read of A and of B at a time, in fours, fits the 32 banks."""


class Tile(NamedTuple):
    """A block's part of C (rows, columns), the depth that it holds in shared memory, and a thread's part of C; `by_warpgroups`: it
    is multiplied by whole warpgroups (warpgroups.py), whose warps have 16 rows each and all columns.
    """

    rows: int
    columns: int
    depth: int
    down: int
    across: int
    by_warpgroups: bool = False

    @property
    def name(self) -> str:
        return f"{self.rows}x{self.columns}{'_wgmma' if self.by_warpgroups else ''}"

    @property
    def warps(self) -> tuple[int, int]:
        return self.rows // self.warp[0], self.columns // self.warp[1]

    @property
    def warp(self) -> tuple[int, int]:
        """Rows and columns of a warp's part."""
        return LANES_DOWN * self.down, LANES_ACROSS * self.across

    @property
    def threads(self) -> int:
        return 32 * self.warps[0] * self.warps[1]


TILES = (
    Tile(128, 128, 8, 8, 8),
    Tile(128, 96, 8, 4, 24),
    Tile(128, 64, 8, 8, 8),
    Tile(64, 64, 8, 8, 8),
    Tile(128, 32, 8, 8, 8),
    Tile(128, 16, 16, 4, 4),
    Tile(32, 32, 32, 4, 4),
)
"""The widest first; of 96 columns a warp has all, as tensor cores read whole powers of two of them. Of few columns the rows are many, or the product is small. Where there are few blocks, the time is that
in which numbers come from memory, so that small tiles ask for more of them at a time.
"""
WARPGROUP_TILES = (
    Tile(128, 256, 32, 2, 64, by_warpgroups=True),
    Tile(128, 128, 32, 2, 32, by_warpgroups=True),
)
"""Of two warpgroups, each of which multiplies 64 rows. Taken only where a tuning run has found them right, and faster than any
other (tuning.py).
"""
