"""How exactly products are computed: the core that they take, and the tiles that go with it. A network's device says in
which precision its ops are launched (`gpu.CUDA.computing`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ....errors import DeviceError, nearest
from ..diagnosis import OLDEST, compute_capability
from . import warpgroups
from .core import MakeCore
from .ffma import ffma
from .tensor_cores import DEPTH, bf16, tf32
from .tile import WARPGROUP_TILES, Tile

WARPGROUPS = (9, 0)
"""The one compute capability that has `wgmma`: later ones do not."""


class Precision(NamedTuple):
    """`depth`: of the parts in shared memory; None: what the tile says. `by_warpgroups`: the core of such tiles; None: there is
    none.
    """

    name: str
    core: MakeCore
    depth: int | None
    least_capability: tuple[int, int]
    by_warpgroups: MakeCore | None = None

    def tile(self, tile: Tile) -> Tile:
        return tile if self.depth is None or tile.by_warpgroups else tile._replace(depth=self.depth)

    def core_of(self, tile: Tile) -> MakeCore:
        core = self.by_warpgroups if tile.by_warpgroups else self.core
        if core is None:
            raise ValueError(f"warpgroups do not multiply in {self.name}")
        return core


PRECISIONS = {
    each.name: each
    for each in (
        Precision("float32", ffma, None, OLDEST),
        Precision("tf32", tf32, DEPTH, (8, 0), warpgroups.tf32),
        Precision("bf16", bf16, DEPTH, (8, 0), warpgroups.bf16),
    )
}


def least_capability(kernel: str) -> tuple[int, int]:
    """The oldest compute capability that has what a kernel of that name needs beyond what all have: (0, 0) if nothing."""
    if any(f"_{tile.name}_" in kernel for tile in WARPGROUP_TILES):
        return WARPGROUPS
    found = [each.least_capability for each in PRECISIONS.values() if kernel.endswith(f"_{each.name}")]
    return found[0] if found else (0, 0)


class _InForce(threading.local):
    """What this thread's products are launched in."""

    precision = PRECISIONS["float32"]


_in_force = _InForce()


def precision() -> Precision:
    """The one in force in this thread."""
    return _in_force.precision


@contextmanager
def computing(name: str) -> Iterator[None]:
    """Products that this thread launches in between are computed in the precision of that name."""
    before, _in_force.precision = _in_force.precision, PRECISIONS[name]
    try:
        yield
    finally:
        _in_force.precision = before


def check_precision(name: str) -> None:
    """Raises DeviceError for an unknown precision, or one that the GPU has not."""
    if name not in PRECISIONS:
        raise DeviceError(f"unknown precision '{name}'{nearest(name, PRECISIONS)}")
    wanted = PRECISIONS[name]
    if compute_capability() < wanted.least_capability:
        has, needs = (".".join(map(str, pair)) for pair in (compute_capability(), wanted.least_capability))
        raise DeviceError(
            f"precision {name} needs tensor cores of compute capability {needs}, and this GPU has {has}: use float32"
        )
