"""numba-cuda's simulator with the threads of a block as greenlets of one thread, in an order that a test chooses.

The simulator itself starts a thread of the operating system for each CUDA thread and polls them: slow, and in an order
that nobody knows. Here every thread of a block runs until it waits or ends, then the next one, forward, backward or
shuffled. Of two threads with no barrier between them each runs first in one of the orders, so that what one of them
read before the other wrote it differs: shared and local memory hold NaN when a block starts (integers: a large odd
number). What a GPU would do in silence is an error: an index out of range or below zero, a barrier that some threads
never reach, a launch beyond what any GPU takes.

`install()` puts it in the simulator's place; `in_order(ORDERS["reversed"])` chooses.
"""

from __future__ import annotations

import contextvars
import functools
import itertools
import math
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from greenlet import GreenletExit, getcurrent, greenlet
from numba import cuda
from numba.cuda.np import numpy_support
from numba.cuda.simulator import kernel as simulator
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
from numba.cuda.simulator.kernelapi import Dim3, FakeCUDAModule
from numba.cuda.types import Type

WARP = 32
MOST_THREADS = 1024
MOST_SHARED = 48 * 1024
"""Bytes of shared memory in a block that every GPU grants without being asked."""
MOST_BLOCKS = (2**31 - 1, 65535, 65535)
_POISON = np.uint32(0x7FFFFFFF)
"""A NaN for floats of any width, a large odd number for integers."""


class Deadlock(RuntimeError):
    """Threads wait for others that will never come."""


# Orders


class Order:
    """The order that threads and blocks run in: `arrange` is asked anew after every barrier."""

    def __init__(self, name: str, arrange: Callable[[list[Any]], list[Any]]) -> None:
        self.name = name
        self.arrange = arrange


def shuffled(seed: int) -> Order:
    generator = random.Random(seed)
    return Order(f"shuffled by {seed}", lambda items: generator.sample(items, len(items)))


def forward() -> Order:
    return Order("forward", lambda items: items)


def backward() -> Order:
    return Order("reversed", lambda items: items[::-1])


ORDERS: dict[str, Callable[[], Order]] = {
    "forward": forward,
    "reversed": backward,
    "shuffled": lambda: shuffled(7),
}
"""Name -> a new order, as a shuffled one remembers how far it is."""


class _Chosen:
    order = forward()
    launch: _Launch | None = None
    steps = 0


@contextmanager
def in_order(order: Order) -> Iterator[None]:
    """Launches inside run in this order."""
    before, _Chosen.order = _Chosen.order, order
    try:
        yield
    finally:
        _Chosen.order = before


def steps() -> int:
    """How often a thread has begun or gone on after a barrier since this process began: what a simulation costs."""
    return _Chosen.steps


# Arrays


class Array:
    """What a kernel sees of an array: its numbers, and an error for an index that a GPU would follow anywhere."""

    __slots__ = ("values",)

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self.values = values

    def __getitem__(self, index: Any) -> Any:
        if index < 0:
            raise IndexError(f"index {index} is below zero")
        return self.values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        if index < 0:
            raise IndexError(f"index {index} is below zero")
        self.values[index] = value

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        return self.values.size

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape


class ArrayOfMoreDimensions(Array):
    """Likewise, with an index for each dimension."""

    __slots__ = ()

    def __getitem__(self, indices: Any) -> Any:
        self._check(indices)
        return self.values[indices]

    def __setitem__(self, indices: Any, value: Any) -> None:
        self._check(indices)
        self.values[indices] = value

    def _check(self, indices: tuple[Any, ...]) -> None:
        if len(indices) != self.values.ndim or min(indices) < 0:
            raise IndexError(f"indices {indices} for an array of {self.values.shape}")


def _seen(values: np.ndarray[Any, Any]) -> Array:
    return Array(values) if values.ndim == 1 else ArrayOfMoreDimensions(values)


def _poisoned(shape: Any, dtype: Any) -> Array:
    dtype = np.dtype(numpy_support.as_dtype(dtype) if isinstance(dtype, Type) else dtype)
    extents = tuple(map(int, shape)) if isinstance(shape, tuple) else (int(shape),)
    size = math.prod(extents)
    words = np.full(-(-size * dtype.itemsize // 4), _POISON)
    return _seen(words.view(dtype)[:size].reshape(extents))


def _argument(value: Any) -> Any:
    """An argument of a launch as the kernel sees it: an array is written in place."""
    if isinstance(value, FakeCUDAArray):
        value = value._ary
    if not isinstance(value, np.ndarray) or not value.ndim:
        return value
    if not value.flags.c_contiguous:
        raise ValueError("an array of a launch is not contiguous")
    return _seen(value)


# Threads


@dataclass(eq=False)
class Request:
    """What a thread waits for: `site` is where in the program, `value` its part, `argument` what it asks of it."""

    kind: str
    site: tuple[Any, int]
    value: Any = None
    argument: Any = None
    mask: int = 0


@dataclass(eq=False)
class Thread:
    index: Dim3
    rank: int
    runs_in: greenlet | None = None
    request: Request | None = None

    @property
    def lane(self) -> int:
        return self.rank % WARP


_BLOCK: dict[str, Callable[[list[Any]], Any]] = {
    "syncthreads": lambda values: None,
    "syncthreads_and": lambda values: int(all(values)),
    "syncthreads_or": lambda values: int(any(values)),
    "syncthreads_count": lambda values: sum(map(bool, values)),
}
"""Barriers of a block: what every thread gets from all values."""


def _from_lane(source: Callable[[int, int], int]) -> Callable[[dict[int, Request], int], Any]:
    """A shuffle: the value of lane source(own, argument), one's own where that is outside the warp."""

    def shuffle(requests: dict[int, Request], lane: int) -> Any:
        wanted = source(lane, int(requests[lane].argument))
        if not 0 <= wanted < WARP:
            return requests[lane].value
        if wanted not in requests:
            raise Deadlock(f"lane {lane} asks for the value of lane {wanted}, which takes no part")
        return requests[wanted].value

    return shuffle


def _ballot(requests: dict[int, Request], lane: int) -> np.uint32:
    return np.uint32(sum(1 << other for other, request in requests.items() if request.value))


_IN_WARP: dict[str, Callable[[dict[int, Request], int], Any]] = {
    "syncwarp": lambda requests, lane: None,
    "shfl_sync": _from_lane(lambda lane, source: source % WARP),
    "shfl_up_sync": _from_lane(lambda lane, delta: lane - delta),
    "shfl_down_sync": _from_lane(lambda lane, delta: lane + delta),
    "shfl_xor_sync": _from_lane(lambda lane, bits: lane ^ bits),
    "ballot_sync": _ballot,
    "all_sync": lambda requests, lane: all(request.value for request in requests.values()),
    "any_sync": lambda requests, lane: any(request.value for request in requests.values()),
    "eq_sync": lambda requests, lane: len({bool(request.value) for request in requests.values()}) == 1,
}
"""What a warp does together: what a lane gets, from the requests of all lanes that take part."""


class Shared:
    """The shared memory of one block; an array is the same one for every thread that comes by the same place."""

    def __init__(self, dynamic_bytes: int) -> None:
        self._dynamic = _poisoned(dynamic_bytes, np.uint8).values
        self._arrays: dict[Any, Array] = {}

    @property
    def nbytes(self) -> int:
        return self._dynamic.nbytes + sum(array.values.nbytes for array in self._arrays.values())

    def array(self, shape: Any, dtype: Any, alignment: int = 0) -> Array:
        caller = sys._getframe(1)
        place = (caller.f_code, caller.f_lasti)
        if shape == 0:
            dtype = np.dtype(numpy_support.as_dtype(dtype) if isinstance(dtype, Type) else dtype)
            return Array(self._dynamic[: self._dynamic.size // dtype.itemsize * dtype.itemsize].view(dtype))
        if place not in self._arrays:
            self._arrays[place] = _poisoned(shape, dtype)
            if self.nbytes > MOST_SHARED:
                raise ValueError(
                    f"a block takes {self.nbytes} bytes of shared memory, {MOST_SHARED} is the most"
                )
        return self._arrays[place]


class Local:
    """The arrays of one thread."""

    def array(self, shape: Any, dtype: Any) -> Array:
        return _poisoned(shape, dtype)


class Module(FakeCUDAModule):
    """What the name `cuda` means inside a kernel: indices of the running thread as plain attributes, and waiting."""

    threadIdx: Any = None
    blockIdx: Any = None
    laneid: Any = None
    local: Any = Local()
    shared: Any = None
    warpsize: Any = WARP

    def activemask(self) -> None:
        raise NotImplementedError("which threads are active is for the hardware to choose: pass the mask on")


def _waits(kind: str) -> Callable[..., Any]:
    """The function of the module that waits for the block."""

    def wait(self: Module, value: Any = None) -> Any:
        caller = sys._getframe(1)
        return _wait(Request(kind, (caller.f_code, caller.f_lineno), value))

    return wait


def _waits_in_warp(kind: str) -> Callable[..., Any]:
    def wait(self: Module, mask: Any = 0xFFFFFFFF, value: Any = None, argument: Any = None) -> Any:
        caller = sys._getframe(1)
        return _wait(Request(kind, (caller.f_code, caller.f_lineno), value, argument, int(mask) & 0xFFFFFFFF))

    return wait


for _kind in _BLOCK:
    setattr(Module, _kind, _waits(_kind))
for _kind in _IN_WARP:
    setattr(Module, _kind, _waits_in_warp(_kind))


def _wait(request: Request) -> Any:
    launch = _Chosen.launch
    assert launch is not None
    thread = launch.running
    assert thread is not None
    thread.request, thread.runs_in = request, getcurrent()
    return launch.hub.switch()


# Launches


@dataclass(eq=False)
class _Launch:
    """One launch, from the globals that mean something else meanwhile to the last block."""

    function: Callable[..., None]
    grid: tuple[int, ...]
    block: tuple[int, ...]
    shared_bytes: int
    hub: greenlet = field(default_factory=getcurrent)
    running: Thread | None = None

    def __post_init__(self) -> None:
        if math.prod(self.block) > MOST_THREADS or self.shared_bytes > MOST_SHARED:
            raise ValueError(
                f"no GPU takes {self.block} threads with {self.shared_bytes} bytes of shared memory"
            )
        if any(not 0 < size <= most for size, most in zip(self.grid, MOST_BLOCKS, strict=True)):
            raise ValueError(f"no GPU takes {self.grid} blocks")
        self.module = Module(self.grid, self.block, self.shared_bytes)
        self.swaps = _Swaps(self.module)
        self.order = _Chosen.order
        self.indices = [Dim3(*index[::-1]) for index in np.ndindex(*self.block[::-1])]

    def run(self, arguments: list[Any]) -> None:
        blocks = [index[::-1] for index in np.ndindex(*self.grid[::-1])]
        try:
            self.swaps.enter(self.function)
            with np.errstate(all="ignore"):
                for block in self.order.arrange(blocks):
                    self.module.blockIdx = Dim3(*block)
                    self.module.shared = Shared(self.shared_bytes)
                    self._run_block(arguments)
        finally:
            self.swaps.leave()

    def _run_block(self, arguments: list[Any]) -> None:
        threads = [Thread(index, rank) for rank, index in enumerate(self.indices)]
        to_start = iter(self.order.arrange(threads))

        def start() -> None:
            # A thread that ends leaves its greenlet to the next one: without barriers one does for the whole block.
            for thread in to_start:
                self._activate(thread)
                self.function(*arguments)

        try:
            while True:
                worker = greenlet(start)
                worker.gr_context = contextvars.copy_context()
                worker.switch()
                if worker.dead:
                    break
            while waiting := [thread for thread in threads if thread.request]:
                for thread, answer in self.order.arrange(_released(waiting, len(threads))):
                    thread.request = None
                    self._activate(thread)
                    thread.runs_in.switch(answer)
        except Exception as error:
            assert self.running is not None
            error.add_note(f"thread {self.running.index} of block {self.module.blockIdx}, {self.order.name}")
            for thread in threads:
                if thread.runs_in and not thread.runs_in.dead:
                    thread.runs_in.throw(GreenletExit)
            raise

    def _activate(self, thread: Thread) -> None:
        _Chosen.steps += 1
        self.running = thread
        self.module.threadIdx = thread.index
        self.module.laneid = thread.lane


def _released(waiting: list[Thread], threads: int) -> list[tuple[Thread, Any]]:
    """The threads that need wait no longer, each with what its call returns: of one warp or more, else of the block."""
    released: list[tuple[Thread, Any]] = []
    for _, warp in itertools.groupby(waiting, key=lambda thread: thread.rank // WARP):
        released += _released_of_warp(list(warp), threads)
    if released:
        return released
    sites = {(thread.request.kind, thread.request.site) for thread in waiting if thread.request}
    if len(waiting) < threads or len(sites) > 1 or next(iter(sites))[0] not in _BLOCK:
        raise Deadlock(_told(waiting, threads))
    answer = _BLOCK[next(iter(sites))[0]]([thread.request.value for thread in waiting if thread.request])
    return [(thread, answer) for thread in waiting]


def _released_of_warp(warp: list[Thread], threads: int) -> list[tuple[Thread, Any]]:
    released = []
    first = warp[0].rank // WARP * WARP
    exist = (1 << min(WARP, threads - first)) - 1
    for thread in warp:
        request = thread.request
        assert request is not None
        if request.kind in _BLOCK:
            continue
        together = {
            other.lane: other.request
            for other in warp
            if other.request
            and (other.request.kind, other.request.site, other.request.mask)
            == (request.kind, request.site, request.mask)
        }
        if sum(1 << lane for lane in together) == request.mask & exist:
            released.append((thread, _IN_WARP[request.kind](together, thread.lane)))
    return released


def _told(waiting: list[Thread], threads: int) -> str:
    places: dict[str, list[int]] = {}
    for thread in waiting:
        request = thread.request
        assert request is not None
        code, line = request.site
        places.setdefault(f"{request.kind} in line {line} of {code.co_filename}", []).append(thread.rank)
    parts = [
        f"{len(ranks)} of {threads} threads (first: {ranks[0]}) wait at {place}"
        for place, ranks in places.items()
    ]
    if len(waiting) < threads:
        parts.append(f"{threads - len(waiting)} have ended")
    return "deadlock: " + ", ".join(parts)


class _Swaps:
    """Names that mean something else during a launch: `cuda` is the module above, a device function its plain function."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._seen: set[int] = set()
        self._undo: list[Callable[[], None]] = []

    def enter(self, function: Callable[..., Any]) -> None:
        """In the file of `function`, in what it closes over, and in all that both name."""
        names, cells = function.__globals__, function.__closure__ or ()
        if id(names) not in self._seen:
            self._seen.add(id(names))
            before = {
                name: value for name, value in names.items() if value is cuda or _is_device_function(value)
            }
            self._undo.append(lambda: names.update(before))
            for name, value in before.items():
                names[name] = self._module if value is cuda else self._plain(value)
        for cell in cells:
            value = cell.cell_contents
            if _is_device_function(value):
                self._undo.append(functools.partial(setattr, cell, "cell_contents", value))
                cell.cell_contents = self._plain(value)

    def _plain(self, function: Any) -> Callable[..., Any]:
        self.enter(function.fn)
        return function.fn

    def leave(self) -> None:
        while self._undo:
            self._undo.pop()()


def _is_device_function(value: Any) -> bool:
    return isinstance(value, simulator.FakeCUDAKernel) and value._device


def _call(self: simulator.FakeCUDAKernel, *arguments: Any) -> Any:
    if self._device:
        # One that the kernel reaches by other ways than a name of its own.
        assert _Chosen.launch is not None, "a device function is called by kernels only"
        _Chosen.launch.swaps.enter(self.fn)
        return self.fn(*arguments)
    grid, block = simulator.normalize_kernel_dimensions(self.grid_dim, self.block_dim)
    _Chosen.launch = _Launch(self.fn, grid, block, self.dynshared_size)
    try:
        _Chosen.launch.run([_argument(value) for value in arguments])
    finally:
        _Chosen.launch = None
    return None


def install() -> None:
    """Every kernel of this process runs here from now on."""
    simulator.FakeCUDAKernel.__call__ = _call
