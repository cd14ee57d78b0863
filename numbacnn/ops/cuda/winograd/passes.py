"""The passes of a convolution in Winograd's tiles (see the package), and which of them are computed so."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from ...convolution.choice import TILES
from ...convolution.tiles import suits
from ...geometry import Window
from ..product.combine import combine
from ..product.finishing import Finish, as_it_is, biased_and_rectified, masked
from ..product.launching import Product
from ..product.loaders import across_depth, along_depth
from ..product.precision import precision
from .tiling import Job, Pass, Volume, job_of, quickest
from .transforms import (
    filters_back,
    transform_back,
    transform_filters,
    transform_gradients,
    transform_inputs,
)

_A, _A_GROUP, _B, _B_GROUP = range(4)
"""Places in a product's geometry: elements between two rows of what A is read from, and between two groups; and B."""
_PASSES: tuple[Pass, ...] = ("forward", "backward_input", "backward_weights")


@cache
def _product(act: Pass) -> Product:
    if act == "backward_weights":
        loads = across_depth(_A, _A_GROUP, True), across_depth(_B, _B_GROUP, True)
    else:
        read_filters = across_depth if act == "forward" else along_depth
        loads = along_depth(_A, _A_GROUP, True), read_filters(_B, _B_GROUP, True)
    return Product(f"winograd.{act}", *loads, as_it_is)


def products() -> list[Product]:
    return [_product(act) for act in _PASSES]


def job_for(
    act: Pass, x: Volume, y: Volume, window: Window, groups: int, algorithm: str, room: float
) -> Job | None:
    """What such a pass is computed by under that algorithm, with so many elements of workspace; None: by the product of patches, as
    every pass is on tensor cores.
    """
    if precision().name != "float32":
        return None
    if algorithm != "auto":
        size = TILES[algorithm]
        # The CPU has a way of its own for three channels in such tiles.
        fits = size and suits(size, x[3], y[3], window, groups)
        return job_of(act, x, y, size, window.kernel[0]) if fits else None
    found = quickest(act, x, y, window, groups)
    return found if found is not None and found.room(math.inf) <= room else None


def room(x: Volume, y: Volume, window: Window, groups: int, algorithm: str, limit: float) -> int:
    """Elements of workspace that those passes take which are computed so under the algorithm: at most `limit`, unless the least is
    more.
    """
    rooms = [0]
    for act in _PASSES:
        job = job_for(act, x, y, window, groups, algorithm, limit)
        if job is None:
            continue
        own = job.room(limit)
        if job.is_gradient:
            shape = job.inputs, job.outputs, job.at_a_time(limit)
            own += _product(act).room(*shape, job.tiling.positions, max(0, limit - own))
        rooms.append(own)
    return max(rooms)


def forward(
    y: Any, x: Any, weights: Any, bias: Any, slope: float, window: Window, job: Job, workspace: Any
) -> None:
    """y = f(x * weights + bias)."""
    _convolve(
        job, (y, x, weights), window.corner, (biased_and_rectified, bias, slope), workspace, mirrored=False
    )


def backward_input(
    d_x: Any, d_y: Any, weights: Any, signs: Any, slope: float, window: Window, job: Job, workspace: Any
) -> None:
    """d_x where signs is above 0, else slope times that; a slope of 1 needs no signs."""
    outside = window.kernel[0] - 1 - window.padding.top, window.kernel[1] - 1 - window.padding.left
    _convolve(job, (d_x, d_y, weights), outside, (masked, signs, slope), workspace, mirrored=True)


def _convolve(
    job: Job,
    arrays: tuple[Any, Any, Any],
    outside: tuple[int, int],
    finishing: tuple[Finish, Any, float],
    workspace: Any,
    *,
    mirrored: bool,
) -> None:
    """arrays: what is written, what is read, filters (R,R,C,K)."""
    (y, x, weights), tiling = arrays, job.tiling
    positions, inputs, outputs = tiling.positions, job.inputs, job.outputs
    u, rest = workspace[: job.filters], workspace[job.filters :]
    transform_filters(u, weights, tiling, mirrored=mirrored)
    together = job.at_a_time(workspace.size)
    for begin in range(0, job.tiles, together):
        taken = min(together, job.tiles - begin)
        v_plane, m_plane = taken * inputs, taken * outputs
        v, m = rest[: positions * v_plane], rest[positions * v_plane :][: positions * m_plane]
        transform_inputs(v, x, tiling, outside, begin, v_plane)
        _product("backward_input" if mirrored else "forward")(
            m,
            v,
            u,
            rows=taken,
            columns=outputs,
            depth=inputs,
            row_size=outputs,
            geometry=(inputs, v_plane, weights.shape[3], inputs * outputs),
            groups=positions,
            group_size=m_plane,
        )
        transform_back(y, m, tiling, *finishing, begin, m_plane)


def backward_weights(d_weights: Any, x: Any, d_y: Any, window: Window, job: Job, workspace: Any) -> None:
    """d_weights, summed over all tiles."""
    tiling, inputs, outputs = job.tiling, job.inputs, job.outputs
    positions, together = tiling.positions, job.at_a_time(workspace.size)
    turns = -(-job.tiles // together)
    sums, rest = workspace[: min(turns, 2) * job.filters], workspace[min(turns, 2) * job.filters :]
    total = sums[: job.filters]
    for begin in range(0, job.tiles, together):
        taken = min(together, job.tiles - begin)
        v_plane, w_plane = taken * inputs, taken * outputs
        v, others = rest[: positions * v_plane], rest[positions * v_plane :]
        w, parts = others[: positions * w_plane], others[positions * w_plane :]
        transform_inputs(v, x, tiling, window.corner, begin, v_plane)
        transform_gradients(w, d_y, tiling, begin, w_plane)
        _product("backward_weights")(
            sums[job.filters :] if begin else total,
            v,
            w,
            rows=inputs,
            columns=outputs,
            depth=taken,
            row_size=outputs,
            geometry=(inputs, v_plane, outputs, w_plane),
            groups=positions,
            group_size=inputs * outputs,
            workspace=parts,
        )
        if begin:
            combine(total, sums, 2)
    filters_back(d_weights, total, tiling)
