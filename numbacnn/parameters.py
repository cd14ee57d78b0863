"""Parameters and buffers, the arrays that a graph owns: it learns parameters; buffers belong to it and are not learned.

All parameters of a graph lie in one row of numbers, so that one pass over the row updates them:

    | trainable, decayed | trainable, not decayed | frozen |

within each part in groups of one learning-rate factor and one end of learning. The gradient and an optimizer's arrays are rows of the trainable
parts alone: a frozen parameter costs neither.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from numpy.typing import DTypeLike

from .device import Array, Device
from .errors import NetworkError, cut, nearest
from .layers import BufferSpec, ParameterSpec, Shape
from .loans import Lendable, Loans

_ALIGNMENT = 16
"""Elements: every parameter begins with a cache line."""


class Group(NamedTuple):
    """Elements [first, last) of the row, which share a factor of the learning rate, and the epochs for which they learn; the
    first `decayed` of them decay.
    """

    first: int
    last: int
    rate: float
    decayed: int
    until: float = math.inf


@dataclass(eq=False)
class Parameter:
    """One array that a graph learns, under the name NODE/KEY of the first node that uses it.

    `trainable`, `decay` (whether weight decay pulls at it), `rate` (a factor of its learning rate) and `until` are changed
    through the graph (`Graph.set_trainable`, `Graph.set_rate`, …), which lays its row out anew.
    """

    node: str
    key: str
    spec: ParameterSpec
    trainable: bool = True
    decay: bool = True
    rate: float = 1.0
    until: float = math.inf
    """The epochs of a training in which it learns (`Graph.stop_learning`); not stored with a model."""
    first: int = 0
    """Its first element in the graph's row."""
    row: Lendable | None = None
    """The graph's row, once there is one."""

    @property
    def name(self) -> str:
        return f"{self.node}/{self.key}"

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def size(self) -> int:
        return math.prod(self.spec.shape)

    @property
    def value(self) -> Array:
        """Its numbers on the graph's device: a view, in its own shape, that may be written to. Raises KeyError before it has any."""
        array = self.array
        assert self.row is not None
        return self.row.loans.lend(array)

    @property
    def array(self) -> Array:
        """The same, to be read; who writes there calls `Loans.changed`."""
        if self.row is None:
            raise KeyError(self.name)
        return self.view(self.row.array)

    def view(self, row: Array) -> Array:
        """Its share of a row that is laid out as the graph's."""
        return row[self.first : self.first + self.size].reshape(self.spec.shape)


@dataclass(eq=False)
class Buffer:
    """One array that belongs to a graph and is saved, moved and restored with it, but not learned (running statistics)."""

    node: str
    key: str
    spec: BufferSpec
    held: Lendable

    @property
    def name(self) -> str:
        return f"{self.node}/{self.key}"

    @property
    def value(self) -> Array:
        """Its numbers on the graph's device, in its own shape; they may be written to."""
        return self.held.lent()

    @property
    def array(self) -> Array:
        """The same, to be read; who writes there calls `Loans.changed`."""
        return self.held.array


class Layout(NamedTuple):
    """Offsets of all parameters in one flat array."""

    groups: tuple[Group, ...]
    trained: int
    """Elements of the trainable ones: the length of a gradient."""
    size: int


def lay_out(parameters: Sequence[Parameter]) -> Layout:
    """Gives every parameter its place, in the order above. Parameters of one kind keep the graph's order."""
    groups: list[Group] = []
    place = 0
    trained = [parameter for parameter in parameters if parameter.trainable]
    for manner in dict.fromkeys((parameter.rate, parameter.until) for parameter in trained):
        first = place
        same = [parameter for parameter in trained if (parameter.rate, parameter.until) == manner]
        for parameter in (each for each in same if each.decay):
            place = _put(parameter, place)
        decayed = place - first
        for parameter in (each for each in same if not each.decay):
            place = _put(parameter, place)
        groups.append(Group(first, place, manner[0], decayed, manner[1]))
    end = place
    for parameter in parameters:
        if not parameter.trainable:
            place = _put(parameter, place)
    return Layout(tuple(groups), end, place)


def check_learning(
    frozen: Collection[str], rates: Mapping[str, float], known: Mapping[str, Parameter]
) -> None:
    """Raises NetworkError unless these are names of parameters, and factors of their learning rates."""
    for name in (*frozen, *rates):
        if name not in known:
            raise NetworkError(f"no parameter is named '{cut(name)}'{nearest(name, known)}")
    for name, factor in rates.items():
        if not 0 <= factor < math.inf:
            raise NetworkError(f"{name} learns at {factor:g} times the rate: at least 0 is expected")


def _put(parameter: Parameter, place: int) -> int:
    parameter.first = place
    return place + -(-parameter.size // _ALIGNMENT) * _ALIGNMENT


def new_row(
    parameters: Sequence[Parameter], size: int, device: Device, dtype: DTypeLike, loans: Loans
) -> Lendable:
    """A row on a device for parameters that have their places, which look at it from now on."""
    row = Lendable(device.zeros((max(size, 1),), dtype), loans)
    for parameter in parameters:
        parameter.row = row
    return row
