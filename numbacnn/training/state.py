"""Everything a run needs in order to go on bit for bit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from .optimizers import Arrays
from .restoring import INFINITE, checked_arrays, checked_numbers
from .step import TrainingStep


@dataclass
class State:
    """The progress of a run: `batch` batches into `epoch` (both from 0), and the best weights so far.

    Of the epoch's `seconds` so far, the steps spent `waiting` for data. Of the optimizer, the `updates` since it last
    rested, the batches `added` to its next gradient, and what it remembers, `kept` (`TrainingStep.on_host`).
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    wrong: int = 0
    seen: int = 0
    seconds: float = 0.0
    waiting: float = 0.0
    best_error: float = INFINITE
    best_loss: float = INFINITE
    best_epoch: int = 0
    schedule: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    updates: int = 0
    added: int = 0
    best_weights: Arrays = field(default_factory=dict)
    """All parameters and buffers of the best epoch (`Graph.snapshot`)."""
    kept: dict[str, Arrays] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        """All but the arrays, as JSON can hold it."""
        values = {name: value for name, value in vars(self).items() if name not in _ARRAYS}
        return {name: None if value == INFINITE else value for name, value in values.items()}

    def arrays(self) -> Arrays:
        """The arrays, each under its own name."""
        groups = {"best": self.best_weights, **self.kept}
        return {f"{group}/{key}": array for group, arrays in groups.items() for key, array in arrays.items()}

    @staticmethod
    def restored(numbers: dict[str, Any], arrays: Arrays, step: TrainingStep) -> State:
        """The state that `numbers` and `arrays` were taken of; what the step remembers is put back into it.

        Raises TrainingError if they are no state, or do not belong to this network.
        """
        known = [each.name for each in dataclasses.fields(State) if each.name not in _ARRAYS]
        state = State(**checked_numbers(numbers, known))
        graph = step.program.graph
        everything = {name: each.value for name, each in graph.parameters.items()}
        everything |= {name: each.value for name, each in graph.buffers.items()}
        # The best epoch's weights are there as soon as there is one.
        best = checked_arrays(arrays, {"best": state.epoch > 0}, everything)
        state.best_weights = best.get("best", {})
        for group, expected in step.expected().items():
            state.kept |= checked_arrays(arrays, {group: True}, expected)
        step.restore(state.kept, state.updates, state.added)
        return state


_ARRAYS = ("best_weights", "kept")
