"""Products as ops launch them: the tile is chosen by the shape, its kernel made when it is first wanted."""

from __future__ import annotations

from typing import Any

from ..toolchain import launch
from .combine import combine
from .kernel import Finish, make_product
from .loaders import Loader
from .precision import Precision, precision
from .tile import ENOUGH_BLOCKS, Tile, choose_tile

_LEAST_DEPTH = 256
"""Of a part of a sum: a block that starts and ends costs as much as some depth."""
_MOST = 1 << 40
_STEP = 32
"""Parts begin at multiples of this: of every tile's depth, and of four."""


class Product:
    """C = A B of one op, in one manner of reading A and B; `name` tells it from all others."""

    def __init__(self, name: str, load_a: Loader, load_b: Loader, finish: Finish) -> None:
        self._name = name
        self._functions = load_a, load_b, finish
        self._kernels: dict[tuple[Tile, str], Any] = {}

    def _kernel(self, tile: Tile, wanted: Precision) -> Any:
        key = tile, wanted.name
        if key not in self._kernels:
            kind = "" if wanted.name == "float32" else f"_{wanted.name}"
            name = f"{self._name}_{tile.name}{kind}"
            self._kernels[key] = make_product(name, *self._functions, wanted.tile(tile), wanted.core)
        return self._kernels[key]

    def __call__(
        self,
        c: Any,
        a: Any,
        b: Any,
        *,
        rows: int,
        columns: int,
        depth: int,
        row_size: int,
        geometry: tuple[int, ...],
        groups: int = 1,
        start: Any = None,
        slope: float = 1.0,
        parts: int = 1,
        workspace: Any = None,
    ) -> None:
        """C (rows, columns) of each group, its rows `row_size` elements apart. With several `parts` of the depth their
        sums go to the workspace, parts * c.size elements, and are then added.
        """
        tile = choose_tile(rows, columns, groups * parts)
        part_depth = -(-depth // parts // _STEP) * _STEP if parts > 1 else depth
        tiles_across = -(-columns // tile.columns)
        blocks = -(-rows // tile.rows) * tiles_across
        target = c if parts == 1 else workspace
        sizes = (rows, columns, depth, row_size, groups, part_depth, c.size, tiles_across)
        launch(
            self._kernel(tile, precision()),
            (blocks, groups * parts),
            tile.threads,
            target,
            a,
            b,
            a if start is None else start,
            float(slope),
            sizes,
            geometry,
        )
        if parts > 1:
            combine(c, workspace, parts)


def parts_of(rows: int, columns: int, depth: int, groups: int, room: float) -> int:
    """Into how many parts a sum over the depth is cut, so that a small C has enough blocks: by the shape alone, and no
    more than `room` elements hold.
    """
    tile = choose_tile(rows, columns, groups)
    blocks = groups * -(-rows // tile.rows) * -(-columns // tile.columns)
    wanted = min(
        2 * ENOUGH_BLOCKS // blocks,
        depth // _LEAST_DEPTH,
        int(min(room, _MOST)) // (rows * columns * groups),
    )
    if wanted < 2:
        return 1
    # No part is empty: their depths are rounded up.
    part_depth = -(-depth // wanted // _STEP) * _STEP
    return -(-depth // part_depth)
