"""One step of training: a batch comes in, goes forward and back, and the parameters are updated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from ..device import Array
from ..errors import UsageError
from ..network import Network
from ..ops import joins, update
from ..ops.launches import Launches
from ..program import Head, Loss, Program
from .averaging import Average
from .lookahead import NAME as LOOKAHEAD
from .lookahead import Lookahead
from .optimizers import Arrays, Optimizer, read_rows, write_rows

Hook = Callable[[Array], None]
"""Sees the gradient of all trainable parameters, one row on the device (`Graph.layout`), and may change it in place."""


def learner_for(
    optimizer: Optimizer, *, clip_norm: float = 0.0, accumulate: int = 1, hook: Hook | None = None
) -> Optimizer | None:
    """The optimizer as `Program`'s `learner`, where nobody looks at the whole gradient before the parameters are updated and all of
    them learn to the end; else None.
    """
    to_the_end = all(group.until == math.inf for group in optimizer.layout.groups)
    return optimizer if to_the_end and not clip_norm and accumulate == 1 and hook is None else None


def program_of(
    network: Network,
    batch_size: int,
    *,
    heads: tuple[tuple[str, Head], ...] = (),
    learner: Optimizer | None = None,
) -> Program:
    """The Program of a training, which belongs to that alone: it may change the network's weights by the training's optimizer."""
    return Program(
        network.graph,
        batch_size,
        gradients="parameters",
        keep=(),
        heads=dict(heads),
        workspace_bytes=network.workspace_bytes,
        learner=learner,
    )


class TrainingStep:
    """Forward, backward, `hook`, update, for what the program's `input` and `labels` hold (and its heads' `targets`).

    The `loss` is that at the scores; a program with heads has each head's instead.

    `clip_norm`: a gradient that is longer is shortened to it (0: never). `accumulate`: the gradients of so many batches
    are averaged before the parameters are updated. `average`: a share of the weights' average that each update keeps (0:
    there is no average). A program with a `learner` has none of these but the average (`learner_for`). `lookahead` follows every update, at the `progress` of the training that it is told. Steps that launch the same are recorded on the device and repeated.
    Raises UsageError where the program keeps no whole gradient for who looks at it.
    """

    def __init__(
        self,
        program: Program,
        loss: Loss,
        optimizer: Optimizer,
        *,
        clip_norm: float = 0.0,
        accumulate: int = 1,
        average: float = 0.0,
        lookahead: Lookahead | None = None,
        hook: Hook | None = None,
    ) -> None:
        looked_at = learner_for(optimizer, clip_norm=clip_norm, accumulate=accumulate, hook=hook) is None
        if program.learned and looked_at:
            raise UsageError(
                "clip_norm, accumulate, hook and whoever stops learning look at the whole gradient, and this program's large weights learn in the pass back: "
                "Program(…, learner=None) has it"
            )
        self.program, self.optimizer = program, optimizer
        self._loss, self._clip_norm, self._accumulate, self._hook = loss, clip_norm, accumulate, hook
        device, dtype, size = program.device, program.graph.dtype, optimizer.layout.trained
        self.average = Average(program.graph, average) if average else None
        self.lookahead = lookahead
        self.progress = 0.0
        """The part of the training that is done after the next step."""
        self._sum = device.zeros((size,), dtype) if accumulate > 1 else None
        self._norm = device.zeros((1,), dtype)
        self._workspace = device.zeros((update.workspace_size(device.name, max(size, 1)),), dtype)
        self.batches = 0
        """The number of batches whose gradients have been added since the last update."""
        self._recorded: dict[tuple[Any, ...], Callable[[int], None]] = {}

    def __call__(
        self,
        learning_rate: float,
        metrics: Array,
        *,
        last: bool = False,
        bring: Callable[[], None] | None = None,
    ) -> None:
        """One batch; `last`: of the epoch, so that what has been added is used. `metrics` gets the batch's row. `bring`, always
        the same, launches what brings the batch in, and with it what `ahead` told of the rate.
        """
        first = self.batches == 0
        self.batches += 1
        updates = last or self.batches == self._accumulate
        if updates:
            (self.optimizer.set_rate if bring is None else self.optimizer.advance)(learning_rate)
            self.batches = 0
        self._repeat(bring, metrics, first, updates, 1)
        if updates and self.lookahead is not None:
            self.lookahead.follow(self.optimizer.updates, self.progress)

    @property
    def in_a_row(self) -> bool:
        """Whether `several` batches may follow each other: an update follows each, and nobody looks at the network in between."""
        return self._accumulate == 1 and self._hook is None and self.lookahead is None

    def several(self, learning_rates: Sequence[float], metrics: Array, bring: Callable[[], None]) -> None:
        """As many batches as there are learning rates, one after another, as `bring` brings them in; only where steps may
        follow each other (`in_a_row`). On the CPU it is one call of machine code, once a step was repeated often (ops.replay).
        """
        for rate in learning_rates:
            self.optimizer.advance(rate)
        self._repeat(bring, metrics, True, True, len(learning_rates))

    def _repeat(
        self, bring: Callable[[], None] | None, metrics: Array, first: bool, updates: bool, times: int
    ) -> None:
        place = self.program.count, first, updates, self.optimizer.learning
        if place not in self._recorded:
            self._recorded[place] = self._record(lambda: self._pass(bring, metrics, first, updates))
        self._recorded[place](times)

    def ahead(self, learning_rates: Sequence[float]) -> np.ndarray[Any, Any]:
        """The numbers that the optimizer will read at each of the batches to come, the last of which ends an epoch: (batches, groups,
        3), 0 where nothing is updated.
        """
        optimizer, batches = copy(self.optimizer), self.batches
        told = np.zeros((len(learning_rates), len(optimizer.layout.groups), 3))
        for place, rate in enumerate(learning_rates):
            batches += 1
            if batches == self._accumulate or place + 1 == len(learning_rates):
                told[place] = optimizer.advance(rate)
                batches = 0
        return told

    def _pass(self, bring: Callable[[], None] | None, metrics: Array, first: bool, updates: bool) -> None:
        """Launches everything for one batch; numbers that differ from batch to batch lie on the device."""
        program = self.program
        if bring is not None:
            bring()
        self._learn(metrics)
        gradient = program.gradient
        if self._sum is not None:
            (joins.copy if first else joins.accumulate)(self._sum, gradient)
            gradient = self._sum
        if not updates:
            return
        if self._hook is not None:
            self._hook(gradient)
        if self._clip_norm:
            update.clip(gradient, self._norm, self._clip_norm, self._workspace)
        self.optimizer.update(gradient, program.learned)
        if self.average is not None:
            self.average.follow()

    def _record(self, act: Callable[[], None]) -> Callable[[int], None]:
        """A function that repeats a pass so many times: on the CPU what it launches is asked for once, on a GPU it is a recorded
        CUDA graph.
        """
        device, changed = self.program.device, self.program.graph.loans.changed
        if device.own_memory or self._hook is not None:
            return times(device.recorded(act))
        launches = Launches()
        with launches.recorded():
            act()

        def carry_out(times: int) -> None:
            try:
                launches.run(times)
            finally:
                changed()

        return carry_out

    def _learn(self, metrics: Array) -> None:
        """Runs the forward and the backward pass, which fill the program's `gradient` and the batch's row of `metrics`."""
        program = self.program
        program.learn(self._loss, weight=1 / self._accumulate)
        program.write_metrics(metrics)

    # What a checkpoint holds

    @property
    def rows(self) -> dict[str, Array]:
        """Name -> one number a trainable parameter: what the optimizer remembers, the gradients added so far, the average."""
        found = dict(self.optimizer.rows)
        if self._sum is not None:
            found["accumulated"] = self._sum
        if self.average is not None:
            found["average"] = self.average.row
        return found

    def on_host(self) -> dict[str, Arrays]:
        """Name of a row -> parameter -> its numbers as they are; on the CPU they go on changing."""
        found = read_rows(self.program.graph, self.rows)
        if self.lookahead is not None:
            found[LOOKAHEAD] = self.lookahead.on_host()
        return found

    def expected(self) -> dict[str, dict[str, Any]]:
        """Arrays of the names and shapes of `on_host`."""
        graph = self.program.graph
        trainable = {name: each.value for name, each in graph.parameters.items() if each.trainable}
        found = dict.fromkeys(self.rows, trainable)
        return found if self.lookahead is None else {**found, LOOKAHEAD: self.lookahead.expected()}

    def restore(self, arrays: dict[str, Arrays], updates: int, batches: int) -> None:
        """Takes what `on_host` gave, and how far the optimizer and the sum of gradients were."""
        self.optimizer.updates, self.batches = updates, batches
        arrays = dict(arrays)
        if self.lookahead is not None:
            self.lookahead.restore(arrays.pop(LOOKAHEAD))
        write_rows(self.program.graph, self.rows, arrays)

    def rest(self) -> None:
        """After other weights were put in place: the optimizer forgets, and the average begins there."""
        self.optimizer.rest()
        self.batches = 0
        if self.average is not None:
            self.average.begin()
        if self.lookahead is not None:
            self.lookahead.begin()


def times(act: Callable[[], None]) -> Callable[[int], None]:
    """A function that calls another one so many times."""

    def repeat(times: int) -> None:
        for _ in range(times):
            act()

    return repeat
