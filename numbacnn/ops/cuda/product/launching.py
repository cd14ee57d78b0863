"""Products as ops launch them: the plan is chosen by the shape, its tile's kernel made when it is first wanted."""

from __future__ import annotations

from typing import Any

from ..toolchain import launch
from .combine import combine, combine_finished
from .kernel import Finish, RowOf, as_it_is, make_product
from .loaders import Loader
from .plan import plan_of
from .precision import Precision, precision
from .tile import Tile


class Product:
    """C = A B of one op, in one manner of reading A and B; `name` tells it from all others."""

    def __init__(
        self, name: str, load_a: Loader, load_b: Loader, finish: Finish, row_of: RowOf | None = None
    ) -> None:
        self._name = name
        self._loaders, self._finish, self._row_of = (load_a, load_b), finish, row_of
        self._kernels: dict[tuple[Tile, str, bool], Any] = {}

    def _kernel(self, tile: Tile, wanted: Precision, *, partial: bool) -> Any:
        """`partial`: sums are stored as they are, to be finished when parts are added up."""
        partial = partial and self._finish is not as_it_is
        key = tile, wanted.name, partial
        if key not in self._kernels:
            kind = "" if wanted.name == "float32" else f"_{wanted.name}"
            name = f"{self._name}{'_part' if partial else ''}_{tile.name}{kind}"
            finish = as_it_is if partial else self._finish
            shape = wanted.tile(tile)
            made = make_product(name, *self._loaders, finish, shape, wanted.core, self._row_of)
            self._kernels[key] = made
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
        workspace: Any = None,
    ) -> None:
        """C (rows, columns) of each group, its rows `row_size` elements apart: all of C is that. Where the depth is cut
        into parts, their sums go to the workspace, as many as fit it, and are then added and finished.
        """
        tile, parts, part_depth = plan_of(
            rows, columns, depth, groups, 0 if workspace is None else workspace.size
        )
        tiles_across = -(-columns // tile.columns)
        blocks = -(-rows // tile.rows) * tiles_across
        target = c if parts == 1 else workspace
        sizes = (rows, columns, depth, row_size, groups, part_depth, c.size, tiles_across)
        launch(
            self._kernel(tile, precision(), partial=parts > 1),
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
        if parts > 1 and self._finish is as_it_is:
            combine(c, workspace, parts)
        elif parts > 1:
            combine_finished(c, workspace, parts, start, float(slope), groups * columns)
