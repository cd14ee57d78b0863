"""Products as ops launch them: the plan is chosen by the shape, as it was tuned or by the model, its tile's kernel made when it
is first wanted.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..toolchain import launch
from .combine import combine, combine_finished
from .finishing import Finish, as_it_is
from .kernel import RowOf, make_product
from .loaders import Loader
from .plan import Plan, plan_of
from .precision import Precision, precision
from .tile import Tile
from .tuned import Shape, tuned


class Product:
    """C = A B of one op, in one manner of reading A and B; `name` tells it from all others."""

    def __init__(
        self,
        name: str,
        load_a: Loader,
        load_b: Loader,
        finish: Finish,
        row_of: RowOf | None = None,
        *,
        sums_columns: bool = False,
    ) -> None:
        self.name = name
        self._loaders, self.finish, self._row_of = (load_a, load_b), finish, row_of
        self._sums_columns = sums_columns
        self._kernels: dict[tuple[Tile, str, bool], Any] = {}

    def kernel(self, tile: Tile, wanted: Precision, *, partial: bool) -> Any:
        """Of a tile and a precision. `partial`: sums are stored as they are, to be finished when parts are added up."""
        partial = partial and not self.finish.is_plain
        key = tile, wanted.name, partial
        if key not in self._kernels:
            kind = "" if wanted.name == "float32" else f"_{wanted.name}"
            name = f"{self.name}{'_part' if partial else ''}_{tile.name}{kind}"
            finish = as_it_is if partial else self.finish
            shape = wanted.tile(tile)
            made = make_product(
                name,
                *self._loaders,
                finish,
                shape,
                wanted.core_of(tile),
                self._row_of,
                sums_columns=self._sums_columns,
            )
            self._kernels[key] = made
        return self._kernels[key]

    def plan(self, shape: Shape, room: float, wanted: str) -> Plan:
        """What a tuning run found for a product of that shape, or else what the model finds. Parts, with the sums of B's columns,
        take no more than `room` elements.
        """
        room = room * shape.rows / (shape.rows + self._further_rows)
        return tuned(self.name, shape, room, wanted) or plan_of(*shape, room, wanted, self.in_fours)

    @property
    def _further_rows(self) -> int:
        """Of a part in the workspace, beside those of C."""
        return 1 if self._sums_columns else 0

    @property
    def in_fours(self) -> bool:
        """Whether both matrices are read four numbers at a time."""
        return all(loader.fours for loader in self._loaders)

    def room(self, rows: int, columns: int, depth: int, groups: int = 1, limit: float = math.inf) -> int:
        """Elements of workspace, at most `limit`, that such a product takes for its parts in the precision in force."""
        shape = Shape(rows, columns, depth, groups)
        parts = self.plan(shape, limit, precision().name).parts
        return parts * (rows + self._further_rows) * columns * groups if parts > 1 else 0

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
        group_size: int | None = None,
        start: Any = None,
        slope: float = 1.0,
        workspace: Any = None,
        sums: Any = None,
    ) -> None:
        """C (rows, columns) of each group, its rows `row_size` elements apart, `group_size` elements behind that of the group before
        (None: beside it): all of C is that. Where the depth is cut
        into parts, their sums go to the workspace, as many as fit it, and are then added and finished.

        `sums`, of a product that `sums_columns` and has no `start`: the sums of the columns of B, of all groups.
        """
        shape = Shape(rows, columns, depth, groups)
        call = Call(self, shape, (c, a, b), row_size, geometry, start, slope, workspace, sums, group_size)
        if _noted.calls is not None:
            _noted.calls.append(call)
        room = 0 if workspace is None else workspace.size
        call.launch(self.plan(shape, room, precision().name))


class Call(NamedTuple):
    """A product with all that it is given: `arrays` are C, A and B."""

    product: Product
    shape: Shape
    arrays: tuple[Any, Any, Any]
    row_size: int
    geometry: tuple[int, ...]
    start: Any
    slope: float
    workspace: Any
    sums: Any = None
    group_size: int | None = None

    def launch(self, plan: Plan) -> None:
        """Computes it in the precision in force, laid out so."""
        (tile, parts, part_depth), (c, a, b) = plan, self.arrays
        rows, columns, depth, groups = self.shape
        tiles_across = -(-columns // tile.columns)
        blocks = -(-rows // tile.rows) * tiles_across
        summed = 0 if self.sums is None else groups * columns
        part_size = c.size + summed
        beyond = columns if self.group_size is None else self.group_size
        sizes = (
            *(rows, columns, depth, self.row_size, groups, part_depth, part_size, tiles_across),
            *(summed > 0, beyond),
        )
        start = c if self.start is None else self.start
        if summed:
            start = self.sums if parts == 1 else self.workspace[c.size :]
        launch(
            self.product.kernel(tile, precision(), partial=parts > 1),
            (blocks, groups * parts),
            tile.threads,
            c if parts == 1 else self.workspace,
            a,
            b,
            start,
            1.0 if parts > 1 else float(self.slope),
            sizes,
            self.geometry,
        )
        if parts > 1 and self.start is None:
            combine(c, self.workspace, parts, self.sums)
        elif parts > 1:
            finish, slope = self.product.finish, float(self.slope)
            combine_finished(c, self.workspace, parts, finish, self.start, slope, groups * columns)


class _Noted(threading.local):
    calls: list[Call] | None = None


_noted = _Noted()


@contextmanager
def noted_calls() -> Iterator[list[Call]]:
    """The products that this thread launches in between."""
    before, _noted.calls = _noted.calls, []
    try:
        yield _noted.calls
    finally:
        _noted.calls = before
