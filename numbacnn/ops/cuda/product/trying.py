"""Plans of warpgroups' products (`wgmma`) are tried before they are measured: each must give what the plan of the model gives, on the
same numbers. They go a way that no GPU had gone when it was written, and what does not end well there must end nowhere else.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from ....device import Device, get_device
from ....errors import DeviceError
from ...other_processes import another_process
from .. import dense
from ..diagnosis import compute_capability
from .launching import Call
from .plan import Plan, candidates, plan_of
from .precision import PRECISIONS, WARPGROUPS, computing
from .tile import WARPGROUP_TILES
from .tuned import Shape

_PERIOD = 65537
"""Numbers after which those repeat that products are compared on: a prime, so that no two rows are the same."""
TOLERANCE = {"tf32": 2.0**-11, "bf16": 2.0**-8}
"""How far apart numbers of two plans may be, of the root mean square of all: what the precision itself leaves out of one. Both
round the same numbers to the same, so that only the order of additions differs.
"""
_LONGEST = 300.0
"""Seconds for another process to compile and try a product."""
_TRIED = Shape(140, 264, 104)
"""Larger than every tile, and no multiple of one."""
_ANY_ROOM, _SLOWER = 1 << 62, 1.7


def plans_to_try(call: Call, precision: str) -> list[Plan]:
    """Of warpgroups, that the model finds worth trying: none where the GPU or the precision has none, or where numbers are found
    one by one.
    """
    has_any = PRECISIONS[precision].by_warpgroups is not None and call.product.in_fours
    if not has_any or compute_capability() != WARPGROUPS:
        return []
    room = 0 if call.workspace is None else _ANY_ROOM
    return candidates(
        *call.shape, room, precision, most=len(WARPGROUP_TILES), slower=_SLOWER, tiles=WARPGROUP_TILES
    )


def complaint(call: Call, plan: Plan, usual: Plan, precision: str, device: Device) -> str | None:
    """Why a plan is not to be taken, in words; None: it gives what the usual plan gives. Raises DeviceError only where the GPU
    cannot be used at all any more.
    """
    c, *others = call.arrays
    noise = [_noise(device, array.size, seed) for seed, array in enumerate(others)]

    def computed(by: Plan) -> Iterator[np.ndarray[Any, Any]]:
        own = device.zeros((c.size,), np.float32)
        sums = None if call.sums is None else device.zeros((call.sums.size,), np.float32)
        with computing(precision):
            call._replace(arrays=(own, *noise), sums=sums).launch(by)
        yield device.read(own)
        if sums is not None:
            yield device.read(sums)

    expected = list(computed(usual))
    try:
        apart = max(map(_apart, computed(plan), expected))
    except DeviceError as error:
        return str(error)
    if not apart <= TOLERANCE[precision]:  # as a NaN is not
        return f"its numbers are {apart:.2g} of their size from those of {usual.tile.name}"
    return None


def _noise(device: Device, size: int, seed: int) -> Any:
    array = device.zeros((size,), np.float32)
    device.write(array, np.resize(np.random.default_rng(seed).standard_normal(_PERIOD, np.float32), size))
    return array


def _apart(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """The largest difference, of the other's root mean square."""
    size = float(np.sqrt(np.mean(np.square(other, dtype=np.float64))))
    return float(abs(one.astype(np.float64) - other).max() / max(size, 1e-30))


@cache
def trouble(precision: str) -> str | None:
    """Why nothing may be tried in this process, in words: another process, which may crash or wait for ever, tries every tile first."""
    with another_process(_try_every_tile, precision) as process:
        try:
            code = process.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            return f"a product that another process tried was not done after {_LONGEST:.0f} seconds"
    return f"a product failed that another process tried (exit status {code})" if code else None


def _try_every_tile(precision: str) -> None:
    """Raises RuntimeError where a tile gives other numbers than it should."""
    gpu = get_device("cuda")
    rows, columns, depth, _ = _TRIED
    c, x, weights = (
        gpu.zeros((size,), np.float32) for size in (rows * columns, rows * depth, depth * columns)
    )
    bias = _noise(gpu, columns, 2)
    (product,) = (each for each in dense.products() if each.name == "dense.forward_in_fours")
    call = Call(product, _TRIED, (c, x, weights), columns, (depth, columns, 0), bias, 0.5, None)
    for tile in WARPGROUP_TILES:
        found = complaint(call, Plan(tile, 1, depth), plan_of(*_TRIED, 0, precision), precision, gpu)
        if found:
            raise RuntimeError(found)
