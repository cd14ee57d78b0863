"""Everything a run needs in order to go on bit for bit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from .optimizer import SGD, Arrays
from .restoring import INFINITE, checked_arrays, checked_numbers


@dataclass
class State:
    """Where a run is: `batch` steps into `epoch` (both from 0), and the best it has seen.

    Of the epoch's `seconds` so far, the steps spent `waiting` for data.
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
    best_weights: Arrays = field(default_factory=dict)
    velocity: Arrays = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        """All but the arrays, as JSON can hold it."""
        arrays = ("best_weights", "velocity")
        values = {name: value for name, value in vars(self).items() if name not in arrays}
        return {name: None if value == INFINITE else value for name, value in values.items()}

    def arrays(self) -> Arrays:
        """The arrays, each under its own name."""
        groups = {"best": self.best_weights, "velocity": self.velocity}
        return {f"{group}/{key}": array for group, arrays in groups.items() for key, array in arrays.items()}

    @staticmethod
    def restored(numbers: dict[str, Any], arrays: Arrays, optimizer: SGD) -> State:
        """The state that `numbers` and `arrays` were taken of.

        Raises TrainingError if they are no state, or do not belong to this network.
        """
        arrays_of = ("best_weights", "velocity")
        known = [each.name for each in dataclasses.fields(State) if each.name not in arrays_of]
        state = State(**checked_numbers(numbers, known))
        # The best epoch's weights are there as soon as there is one.
        groups = {"best": state.epoch > 0, "velocity": True}
        found = checked_arrays(arrays, groups, optimizer.parameters)
        state.best_weights, state.velocity = found.get("best", {}), found["velocity"]
        return state
