"""The memory of a compiled graph, and its steps carried out on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ..device import Array
from ..errors import NetworkError, NotEnoughMemory
from ..graph import Graph, Node
from ..layers import Call
from ..loans import Loan, Loans
from ..ops.activations import RULES
from ..ops.launches import Launches, launch
from ..ops.operands import Key, Operand, Step
from .binding import bound
from .compiled import Asked, Compiled, tables_of, too_large
from .emission import LABELS, RANDOM, Emission
from .settled import divided, writes_to_graph


class Pass:
    """What a kind of pass launches: before it what is settled, then all else."""

    def __init__(self, settle: Callable[[], None] | None, act: Callable[[], None], writes: bool) -> None:
        self._settle, self._act, self._writes = settle, act, writes
        self._settled_for: object | None = None
        """The state of the graph's numbers (`Loans.state`) for which all is settled."""

    def run(self, loans: Loans) -> None:
        """Carries it out."""
        if self._settle is not None:
            state = loans.state
            if state is None or state is not self._settled_for:
                self._settle()
                self._settled_for = state
        if not self._writes:
            self._act()
            return
        try:
            self._act()
        finally:
            loans.changed()


class Machine:
    """A graph compiled for at most `batch_size` pictures, `count` of which are in hand."""

    def __init__(self, graph: Graph, batch_size: int, asked: Asked, *, eager: bool) -> None:
        self.graph = graph
        self.batch_size = batch_size
        self.count = batch_size
        self.device = graph.device
        self._asked, self._eager = asked, eager
        self._tables = tables_of(graph)
        self._compiled = self._compile(batch_size)
        self._training = False
        """Whether the present pass is one of training."""
        self._beside: Machine | None = None
        self._passes: dict[tuple[Any, ...], Pass] = {}
        """Kind of pass -> its compiled launches, which are repeated when it comes again."""
        self._outside: Loan | None = None
        self._emissions: dict[tuple[int, bool, int], Emission] = {}
        self._arrays: dict[tuple[int, Key], Array] = {}
        self._drawn_from: tuple[int, int] | None = None
        """Key and step, as the device has them."""
        self._lent = False

    @property
    def bytes(self) -> int:
        """Bytes of all arrays, known before they are allocated at the first use."""
        return self._compiled.used

    def _compile(self, count: int) -> Compiled:
        return Compiled(self.graph, count, self._tables, self._asked)

    # Memory

    @cached_property
    def _memory(self) -> dict[Key, Array]:
        """Every Storage as a flat array."""
        free = self.device.free_bytes()
        if free is not None and self._bytes_of(self.batch_size) > free:
            message = too_large(self._bytes_of, self.batch_size, free, self.device.name)
            raise NotEnoughMemory(message, by_pictures=True)
        memory = self.device.zeros((self._compiled.size,), np.uint8)
        arrays: dict[Key, Array] = {}
        for key, block in self._compiled.blocks.items():
            first = self._compiled.offsets[key]
            arrays[key] = memory[first : first + block.size].view(self._compiled.storages[key].dtype)
        return arrays

    def take(self, beside: Machine | None = None) -> None:
        """Allocates the arrays now, not at their first use, and those of another for as many pictures or fewer.

        Raises NotEnoughMemory that names a batch size for which there is room.
        """
        self._beside = beside
        _ = self._memory
        if beside is not None:
            beside.take()

    def _bytes_of(self, count: int) -> int:
        """The message of NotEnoughMemory for so many pictures, with the Program beside."""
        beside = self._beside
        other = 0 if beside is None else beside._compile(min(count, beside.batch_size)).used
        return self._compile(count).used + other

    def set_random(self, key: int, step: int) -> None:
        """Sets the key and the step number from which the next pass draws its random numbers."""
        if self._lent or self._drawn_from != (key, step):
            self.device.write(self._memory[RANDOM], np.array([key, step], np.uint64))
            self._drawn_from = key, step

    def lay(self, random: Array, labels: Array) -> None:
        """From now on passes read what randomness is drawn from (2,) uint64, key and step, and `labels` (batch size,) int64 in
        these arrays, which somebody else may write too.
        """
        self._memory[RANDOM], self._memory[LABELS], self._lent = random, labels, True
        self._passes.clear()
        self._arrays.clear()

    # Steps with their arrays

    def _emission(self, training: bool, rule: int = RULES["standard"]) -> Emission:
        """The steps that the layers emit for passes over the pictures in hand."""
        place = self.count, training, rule
        known = self._emissions.get(place)
        if known is None:
            compiled = self._compiled
            self._emissions[place] = known = Emission(
                self.graph,
                self.count,
                self._asked.wanted,
                compiled.prepared,
                self._tables,
                training=training,
                rule=rule,
            )
        return known

    def _bind(self, value: Any) -> Any:
        """Arrays in place of Operands, whatever they stand in."""
        return bound(value, lambda key: self._memory[self._compiled.rewrites.root(key)])

    def _perform(self, place: tuple[Any, ...], steps: Callable[[], Iterable[Step]]) -> None:
        """Carries steps out, whose compiled functions and arguments are written down at the first time, in the form that the
        device repeats at the least cost. A layer's method in Python may do something else each time, and is called.
        """
        if self._eager:
            for step in steps():
                self._run(step)
            self.graph.loans.changed()
            return
        known = self._passes.get(place)
        if known is None:
            if not self.graph.has_values:
                raise NetworkError(
                    "the network has no weights yet: Graph.initialise gives every parameter its first values"
                )
            self._passes[place] = known = self._pass(list(steps()))
        known.run(self.graph.loans)

    def _pass(self, steps: list[Step]) -> Pass:
        before, left = divided(steps, self._compiled.settled)
        return Pass(
            self._repeatable(before) if before else None, self._repeatable(left), writes_to_graph(left)
        )

    def _repeatable(self, steps: list[Step]) -> Callable[[], None]:
        launches = Launches()
        with launches.recorded():
            for step in steps:
                self._run(step)
        always_the_same = all(step.kernel is not None for step in steps)
        return self.device.recorded(launches.run) if always_the_same else launches.run

    def _run(self, step: Step) -> None:
        arguments = self._bind(step.arguments)
        if step.kernel is not None:
            with self.device.computing():
                step.kernel(*arguments)
            return
        assert step.function is not None
        if getattr(step.function, "launches", False):
            step.function(*arguments)
        else:
            launch(step.function, *arguments)

    def launches_of(self, step: Step) -> Launches:
        """The launches of a step, collected without carrying them out. Whoever does that may change the graph's buffers."""
        self._outside = self._outside or Loan(self.graph.loans)
        launches = Launches()
        with launches.recorded():
            self._run(step)
        return launches

    def rehearse(self) -> None:
        """Runs what a backward pass runs, the first layers first, on whatever the arrays hold: to compile it all, in the
        order in which a pass needs it last (`training.beside`).
        """
        emitted = self._emission(self._asked.wanted.learns).backward(self.graph.output.name)
        for step in reversed(self._compiled.rewrites.backward(emitted)):
            self._run(step)
        self.graph.loans.changed()

    def call(self, node: Node) -> Call:
        """The Call of a node in the present pass, with arrays in it."""
        call: Call = self._bind(self._emission(self._training).call(node))
        lend = self.graph.loans.lend
        return replace(
            call,
            parameters={key: lend(array) for key, array in call.parameters.items()},
            buffers={key: lend(array) for key, array in call.buffers.items()},
        )

    def _array(self, key: Key, operand: Callable[[Emission], Operand]) -> Array:
        """The array of an Operand, made at the first call for as many pictures and kept, as passes ask for some every time."""
        place = self.count, key
        known = self._arrays.get(place)
        if known is None:
            self._arrays[place] = known = self._bind(operand(self._emission(self._training)))
        return known
