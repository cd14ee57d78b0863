"""Optimizer, the base class: rows of numbers beside the parameters' row, and one update pass for each learning rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ...graph import Graph
from ...limits import need_memory
from ...parameters import Group

Arrays = dict[str, Any]
"""NODE/PARAMETER -> array."""


class Optimizer(ABC):
    """Updates a graph's trainable parameters in place. What it remembers are `rows`, one number a parameter in each.

    A subclass names its `options` and its rows (`remembers`), and writes `numbers`, `_update` and `last_change`. What differs from step to step lies on
    the device, so that a step may be recorded and repeated. Weight decay leaves out what starts at a fixed value
    (biases, PReLU's slopes, batch normalisation's scale and shift), unless it is even (`even_decay`): then a step pulls at
    all parameters by the same share, whatever their factor of the learning rate. Raises NotEnoughMemory.
    """

    name: ClassVar[str]
    options: ClassVar[tuple[str, ...]]
    """The settings of a training that are arguments of the class."""
    remembers: ClassVar[tuple[str, ...]]
    """The names of its rows, as checkpoints have them."""

    def __init__(self, graph: Graph, *, weight_decay: float = 0.0, even_decay: bool = False) -> None:
        self.weight_decay, self.even_decay = weight_decay, even_decay
        self.epoch = 0.0
        """How far the training is: groups whose end of learning has come stay as they are."""
        self.graph, self.layout, self.device = graph, graph.layout, graph.device
        size = self.layout.size
        # The weights, what is remembered of them, and the weights of the best epoch.
        needed = (3 + len(self.remembers)) * size * graph.dtype.itemsize
        need_memory(needed, f"training {size:,} parameters takes")
        self.weights = graph.row_to_read
        self.rows = {
            name: self.device.zeros((max(self.layout.trained, 1),), graph.dtype) for name in self.remembers
        }
        self.updates = 0
        """Steps since the rows were last zero."""
        self._numbers = [self.device.zeros((3,), graph.dtype) for _ in self.layout.groups]

    @abstractmethod
    def numbers(self, learning_rate: float) -> tuple[float, float, float]:
        """The numbers that change from step to step: the learning rate, and up to two more. `updates` counts this step."""

    @abstractmethod
    def _update(
        self, weights: Any, rows: list[Any], gradient: Any, numbers: Any, decay: tuple[float, int]
    ) -> None:
        """Launches one step for some neighbouring parameters, whose elements all arrays but `numbers` hold; `decay`: by how much
        weight decay pulls, and at how many of the first of them.
        """

    def step(self, gradient: Any, learning_rate: float) -> None:
        """One step along the gradient of all trainable parameters, `Program.gradient`."""
        self.set_rate(learning_rate)
        self.update(gradient)

    def set_rate(self, learning_rate: float) -> None:
        """Sets the learning rate of the next `update`."""
        for numbers, target in zip(self.advance(learning_rate), self._numbers, strict=True):
            self.device.write(target, np.array(numbers))

    def advance(self, learning_rate: float) -> list[tuple[float, float, float]]:
        """The numbers that the next `update` has to read, for each group; the update counts as done from now on."""
        self.updates += 1
        return [self.numbers(learning_rate * group.rate) for group in self.layout.groups]

    def lay(self, numbers: list[Any]) -> None:
        """From now on an `update` reads each group's numbers in these arrays (3), which somebody else fills."""
        self._numbers = numbers

    def update(self, gradient: Any, learned: Sequence[tuple[int, int]] = ()) -> None:
        """Launches the update: a pass over the row for every factor of the learning rate, most often one. `learned` are elements,
        from … to, that have changed already (`Program.learned`).
        """
        for place, (group, learns) in enumerate(zip(self.layout.groups, self.learning, strict=True)):
            for first, last in _without(group, learned) if learns else ():
                self._change(place, self.weights[first:last], gradient[first:last], first)
        self.graph.loans.changed()

    def learn(self, weights: Any, gradient: Any, first: int) -> None:
        """Launches the update of some neighbouring parameters of one group, which begin at the element `first` of the row."""
        groups = self.layout.groups
        self._change(
            next(place for place, group in enumerate(groups) if group.first <= first < group.last),
            weights,
            gradient,
            first,
        )

    def _change(self, place: int, weights: Any, gradient: Any, first: int) -> None:
        group, size = self.layout.groups[place], weights.size
        pull, decayed = self.decay(group)
        rows = [row[first : first + size] for row in self.rows.values()]
        at = min(max(group.first + decayed - first, 0), size)
        self._update(weights, rows, gradient, self._numbers[place], (pull, at))

    @property
    def learning(self) -> tuple[bool, ...]:
        """Which groups an `update` changes."""
        return tuple(self.epoch < group.until for group in self.layout.groups)

    def decay(self, group: Group) -> tuple[float, int]:
        """Weight decay, and how many of a group's first elements it pulls at."""
        if not self.even_decay:
            return self.weight_decay, group.decayed
        return (self.weight_decay / group.rate if group.rate else 0.0), group.last - group.first

    def moves(self) -> bool:
        """Whether the last step changed any weight that decays (biases start at 0, where nothing is lost in rounding)."""
        weights, change = self.device.read(self.weights), self.last_change()
        decayed = [slice(group.first, group.first + group.decayed) for group in self.layout.groups]
        return any(bool(np.any(weights[own] - change[own] != weights[own])) for own in decayed)

    @abstractmethod
    def last_change(self) -> Any:
        """The change that the last step made to each trainable parameter, as one row on the host."""

    def rest(self) -> None:
        """Sets velocities and moments to zero."""
        self.updates = 0
        for row in self.rows.values():
            self.device.write(row, np.zeros(row.shape))


def _without(group: Group, learned: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What is left of a group's elements."""
    first = group.first
    for begin, end in learned:
        if group.first <= begin < group.last:
            if first < begin:
                yield first, begin
            first = end
    if first < group.last:
        yield first, group.last


def read_rows(graph: Graph, rows: Mapping[str, Any]) -> dict[str, Arrays]:
    """Row -> trainable parameter -> its numbers on the host as they are; on the CPU they go on changing."""
    trainable = {key: each for key, each in graph.parameters.items() if each.trainable}
    return {
        name: {key: graph.device.read(each.view(row)) for key, each in trainable.items()}
        for name, row in rows.items()
    }


def write_rows(graph: Graph, rows: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> None:
    """Puts what `read_rows` gave back, in place."""
    for name, found in arrays.items():
        for key, array in found.items():
            graph.device.write(graph.parameters[key].view(rows[name]), array)
