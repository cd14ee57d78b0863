"""Placeholders for arrays, which ops are called with while a program is being compiled.

An op that is called with Operands computes nothing: the call becomes a Step of the list that is being recorded on this
thread. Once it is known which Storages are in use at the same time, each gets memory, and each Operand its array.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    from .kernel import Kernel

Shape = tuple[int, ...]
Key = tuple[str, str]
"""(node, purpose); ("", purpose) for what belongs to no node."""


class NotThereYet(Exception):
    """Raised when the numbers of an Operand are used: a layer computes by itself instead of calling ops."""


@dataclass(eq=False)
class Storage:
    """Memory that a program will have: `size` elements under a key. `array` is set if it exists already (a parameter, a
    table).
    """

    key: Key
    size: int
    dtype: np.dtype[Any]
    array: Callable[[], Any] | None = None


class Operand:
    """A contiguous array in a Storage, from its element `first` on. It has a shape and a type, but no numbers yet."""

    __slots__ = ("dtype", "first", "shape", "storage")

    def __init__(self, storage: Storage, shape: Shape, first: int = 0) -> None:
        self.storage, self.shape, self.first = storage, tuple(shape), first
        self.dtype = storage.dtype

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def reshape(self, *shape: Any) -> Operand:
        """Returns the same memory in another shape, in which one length may be -1."""
        wanted = list(shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)
        if -1 in wanted:
            known = -math.prod(wanted)
            wanted[wanted.index(-1)] = self.size // known if known else 0
        if math.prod(wanted) != self.size:
            raise ValueError(f"{self.shape} cannot be seen as {tuple(wanted)}")
        return Operand(self.storage, tuple(wanted), self.first)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise NotThereYet

    # Whatever would look at the numbers.
    __array__ = __array_ufunc__ = __array_function__ = __getitem__ = __setitem__ = __iter__ = __bool__ = (
        _refuse
    )
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __neg__ = __abs__ = __pow__ = __matmul__ = __lt__ = __le__ = __gt__ = __ge__ = __float__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotThereYet(name)


@dataclass(frozen=True)
class Step:
    """A call of an op on Operands; if `kernel` is None, a call of a layer's own Python method, which every pass
    repeats.
    """

    kernel: Kernel | None
    arguments: tuple[Any, ...]
    function: Callable[..., None] | None = None
    node: str = ""
    time: int = 0

    def accesses(self) -> Iterator[Operand]:
        """Yields every Operand that the step reads or writes."""
        yield from _operands(self.arguments)

    def writes(self) -> Iterator[Operand]:
        """Yields the Operands that the op writes; for a Python method, all that it may write."""
        outputs = None if self.kernel is None else self.kernel.outputs
        yield from _operands(self.arguments[:outputs])


def _operands(value: Any) -> Iterator[Operand]:
    if isinstance(value, Operand):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _operands(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _operands(each)
    elif hasattr(value, "operands"):
        yield from _operands(value.operands())


@dataclass
class _Writing(threading.local):
    steps: list[tuple[Kernel, tuple[Any, ...]]] | None = field(default=None)


_writing = _Writing()


@contextmanager
def written() -> Iterator[list[tuple[Kernel, tuple[Any, ...]]]]:
    """Yields a list that collects the calls of ops on Operands that this thread makes within the context."""
    before, _writing.steps = _writing.steps, []
    try:
        yield _writing.steps
    finally:
        _writing.steps = before


def write_down(kernel: Kernel, arguments: tuple[Any, ...]) -> None:
    """Adds a call to the list that is being recorded."""
    if _writing.steps is None:
        raise NotThereYet(f"{kernel.name} is called with operands, and no program is being compiled")
    _writing.steps.append((kernel, arguments))
