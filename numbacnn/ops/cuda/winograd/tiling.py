"""In which tiles a convolution is computed on the GPU, if in any, and how many of them are worked on at a time.

By itself ("auto") a pass takes the tiles that a model of the time finds quicker than its product of patches: the same
multiprocessors' cycles that choose a product's tile (product/plan.py), and memory's for the tiles, their products and the
filters, all of which are written and read again. Nothing here needs numba-cuda.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, NamedTuple

from ...convolution.choice import TILES
from ...convolution.tiles import suits
from ...geometry import Window
from ..product.plan import BYTES, LAUNCH, cycles, plan_of

Pass = Literal["forward", "backward_input", "backward_weights"]
Volume = tuple[int, ...]
"""(N,H,W,C) of an input, or (N,P,Q,K) of an output."""
_MOST = 1 << 26
"""Elements of transformed tiles and their products that there are at a time, at most: enough of them for all multiprocessors."""
_ROWS = 128
"""Rows of the largest of a product's tiles, of which Winograd's tiles are a multiple where not all fit."""
_LAUNCHES = 3
"""Beside the product's."""
_BETTER = 0.9
"""The share of the time of the product of patches that Winograd's way must stay below by the model."""


class Tiling(NamedTuple):
    """Tiles of size x size outputs of filters with so many taps each way, and how many lie down and across a picture."""

    size: int
    taps: int
    down: int
    across: int

    @property
    def extent(self) -> int:
        """Inputs under a tile, in one dimension."""
        return self.size + self.taps - 1

    @property
    def positions(self) -> int:
        return self.extent**2

    def count(self, pictures: int) -> int:
        return pictures * self.down * self.across


def tiling_of(outputs: Volume, size: int, taps: int) -> Tiling:
    return Tiling(size, taps, -(-outputs[1] // size), -(-outputs[2] // size))


class Job(NamedTuple):
    """A pass of a convolution in tiles, and what it takes of the workspace."""

    tiling: Tiling
    tiles: int
    inputs: int
    """Channels of the tiles that are transformed; of a weight gradient, of x."""
    outputs: int
    """Channels of what is made of them; of a weight gradient, of d_y."""
    is_gradient: bool
    """Whether it is of the weights."""

    @property
    def filters(self) -> int:
        """Elements of transformed filters, or of their gradients."""
        return self.tiling.positions * self.inputs * self.outputs

    @property
    def product(self) -> tuple[int, int, int]:
        """(rows, columns, depth) of the product of each position, of all tiles at once."""
        if self.is_gradient:
            return self.inputs, self.outputs, self.tiles
        return self.tiles, self.outputs, self.inputs

    @property
    def each(self) -> int:
        """Elements that a tile takes."""
        return self.tiling.positions * (self.inputs + self.outputs)

    def at_a_time(self, room: float) -> int:
        """Tiles, of which there are not too many for `room` elements beside the filters; at least one. A weight gradient in more than
        one turn takes twice the room for the filters' gradients, as each turn's are added to those before.
        """
        if self.tiles * self.each <= min(room - self.filters, _MOST):
            return self.tiles
        turns = 2 if self.is_gradient else 1
        fit = max(1, int(min(room - turns * self.filters, _MOST)) // self.each)
        if fit > _ROWS:
            fit -= fit % _ROWS
            even = -(-self.tiles // -(-self.tiles // fit))
            return min(fit, -(-even // _ROWS) * _ROWS)
        return fit

    def room(self, limit: float) -> int:
        """Elements of workspace that it takes, at most `limit` unless the least is more; the parts of a product's sums come beside."""
        taken = self.at_a_time(limit)
        turns = 2 if self.is_gradient and taken < self.tiles else 1
        return turns * self.filters + taken * self.each


def job_of(act: Pass, x: Volume, y: Volume, size: int, taps: int) -> Job:
    """A pass of a convolution of an input (N,H,W,C) and an output (N,P,Q,K) in tiles of that size."""
    inputs, outputs, target = (y[3], x[3], x) if act == "backward_input" else (x[3], y[3], y)
    tiling = tiling_of(target, size, taps)
    return Job(tiling, tiling.count(x[0]), inputs, outputs, act == "backward_weights")


@lru_cache(maxsize=2048)
def quickest(act: Pass, x: Volume, y: Volume, window: Window, groups: int) -> Job | None:
    """What such a pass takes under "auto" where there is room for it, told by the model; None: the product of patches."""
    sizes = [size for size in set(TILES.values()) if size and suits(size, x[3], y[3], window, groups)]
    jobs = [job_of(act, x, y, size, window.kernel[0]) for size in sizes]
    if not jobs:
        return None
    best = min(jobs, key=lambda job: cycles_of(job, x, y))
    return best if cycles_of(best, x, y) < _BETTER * cycles_of_patches(act, x, y, window) else None


def cycles_of(job: Job, x: Volume, y: Volume) -> float:
    """Of a multiprocessor, by the model."""
    positions, taps = job.tiling.positions, job.tiling.taps**2
    rows, columns, depth = job.product
    plan = plan_of(rows, columns, depth, positions, math.inf if job.is_gradient else 0)
    product = cycles(rows, columns, positions, plan)
    filters = job.inputs * job.outputs * (taps + positions)
    # What is transformed is written and then read by the product, or the other way round.
    elements = math.prod(x) + math.prod(y) + 2 * job.tiles * job.each + filters
    if job.is_gradient:
        elements += math.prod(y)  # of which the bias is summed apart
    return product + 4 * elements / BYTES + _LAUNCHES * LAUNCH


def cycles_of_patches(act: Pass, x: Volume, y: Volume, window: Window) -> float:
    """Likewise of the product of patches."""
    taps, cells = math.prod(window.kernel), math.prod(y[:3])
    if act == "forward":
        shape = cells, y[3], taps * x[3]
    elif act == "backward_input":
        shape = math.prod(x[:3]), x[3], taps * y[3]
    else:
        shape = taps * x[3], y[3], cells
    return cycles(*shape[:2], 1, plan_of(*shape, 1, math.inf))
