"""Which plan of a product is fastest on this GPU: those that the model finds best, of several tiles, are timed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ....device import Device, get_device
from ....errors import DeviceError
from ....measured import MeasuredPlan, MeasuredProduct
from ...launches import Launches
from ...other_processes import in_processes
from .. import convolution, dense
from ..memory import zeroed_bytes
from .launching import Call, noted_calls
from .plan import Plan, candidates
from .precision import computing
from .trying import complaint, plans_to_try, trouble
from .tuned import key_of

_MOST, _SLOWER = 4, 1.7
"""Plans of a product that are timed, and how many times slower than the best one the model may find them."""
_ROUNDS, _MOST_REPEATS = 3, 200
_BETTER = 0.97
"""The share of the model's plan's time that another must stay below: what is no faster for certain is not taken."""
_ANY_ROOM = 1 << 62


def products_of(act: Callable[[], None], precision: str) -> list[Call]:
    """The products that `act` launches in a precision, one of each name and shape."""
    with noted_calls() as calls, computing(precision):
        act()
    return list({key_of(call.product.name, call.shape, precision): call for call in calls}.values())


def plans_of(call: Call, precision: str) -> list[Plan]:
    """The plans of a product that are worth timing, the model's own first."""
    room = 0 if call.workspace is None else _ANY_ROOM
    in_fours = call.product.in_fours
    return candidates(*call.shape, room, precision, in_fours, most=_MOST, slower=_SLOWER)


class _Job(NamedTuple):
    """A product to be compiled by another process: the call without its arrays."""

    name: str
    call: tuple[Any, ...]
    has_start: bool
    plan: Plan
    precision: str


def compile_plans(calls: list[Call], precision: str) -> None:
    """Has what `measured` will launch compiled by several processes, as far as that can be."""
    jobs: dict[tuple[Any, ...], _Job] = {}
    for call in calls:
        for plan in (*plans_of(call, precision), *plans_to_try(call, precision)):
            name, has_start = call.product.name, call.start is not None
            rest = call.shape, call.row_size, call.geometry, call.slope
            kernel = name, plan.tile, plan.parts > 1 and has_start
            jobs[kernel] = _Job(name, rest, has_start, plan, precision)
    in_processes(compile_jobs, list(jobs.values()))


def compile_jobs(jobs: list[_Job]) -> None:
    """What another process does: it compiles, and launches nothing."""
    get_device("cuda")
    products = {product.name: product for product in (*convolution.products(), *dense.products())}
    array = zeroed_bytes(4).view(np.float32)
    for job in jobs:
        shape, row_size, geometry, slope = job.call
        start = array if job.has_start else None
        call = Call(products[job.name], shape, (array,) * 3, row_size, geometry, start, slope, array)
        # What does not compile is said where it is to be launched.
        with suppress(DeviceError), Launches().recorded(), computing(job.precision):
            call.launch(job.plan)


def measured(calls: list[Call], precision: str, device: Device, seconds: float) -> Iterator[MeasuredProduct]:
    """Times the plans of each product, which takes about `seconds` in all beside compiling; yields a product when it is done.
    Plans of warpgroups that do not give what the others give are not among them, and the product says why.
    """
    plans = [plans_of(call, precision) for call in calls]
    to_try = [plans_to_try(call, precision) for call in calls]
    both = [(*usual, *others) for usual, others in zip(plans, to_try, strict=True)]
    share = seconds / max(1, sum(map(len, both)))
    rooms = [
        plan.parts * (call.shape.size + call.shape.groups * call.shape.columns)
        for call, own in zip(calls, both, strict=True)
        for plan in own
        if plan.parts > 1
    ]
    workspace = device.zeros((max(rooms, default=1),), np.float32)
    for call, own, others in zip(calls, plans, to_try, strict=True):
        with_room = call._replace(workspace=workspace)
        refused = []
        for plan in others:
            reason = trouble(precision) or complaint(with_room, plan, own[0], precision, device)
            if reason is None:
                own.append(plan)
            else:
                refused.append(f"{plan.tile.name}: {reason}")
        found = tuple(_measured(with_room, plan, precision, device, share) for plan in own)
        best = min(found, key=lambda plan: plan.seconds)
        chosen = best if best.seconds < _BETTER * found[0].seconds else found[0]
        yield MeasuredProduct(call.product.name, precision, *call.shape, found, chosen, tuple(refused))


def _measured(call: Call, plan: Plan, precision: str, device: Device, share: float) -> MeasuredPlan:
    def act() -> None:
        with computing(precision):
            call.launch(plan)

    act()  # it is compiled and loaded outside of the clock
    once = max(*device.timed(act, 1, 1), 1e-6)
    repeats = min(_MOST_REPEATS, max(1, round(share / _ROUNDS / once)))
    seconds = statistics.median(device.timed(act, repeats, _ROUNDS)) / repeats
    return MeasuredPlan(plan.tile.name, plan.parts, seconds)
