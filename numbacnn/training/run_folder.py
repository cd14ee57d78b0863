"""What a run leaves behind: config.toml, metrics.csv, model.h5 (the best), last.h5 (to go on)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import tomli_w

from ..errors import TrainingError, UsageError
from ..network import Network
from ..replacing import replacing
from ..storage import load_checkpoint, save_model
from ..toml import read_toml
from .loop import Trainer
from .restoring import checked_config
from .state import State


class RunFolder:
    """A folder that always holds a whole run: every file is replaced in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.metrics = path / "metrics.csv"
        self.model = path / "model.h5"
        self.last = path / "last.h5"

    def write_config(self, options: dict[str, Any]) -> None:
        """The options that reproduce the run (`numbacnn train --config`)."""
        with replacing(self.config) as path:
            path.write_bytes(tomli_w.dumps(options).encode())

    def read_config(self) -> dict[str, Any]:
        """The run's options.

        Raises UsageError if there is no such folder, TrainingError if this is no run's folder, or the file does not hold them.
        """
        if not self.path.exists():
            raise UsageError(f"{self.path}: no such folder; a run's is expected")
        if not self.config.exists():
            raise TrainingError(f"{self.path} is no run that can go on: it has no {self.config.name}")
        return checked_config(read_toml(self.config, TrainingError).values, self.config)

    def save_best(self, network: Network, record: dict[str, Any]) -> None:
        save_model(self.model, network, record=record)

    def save_last(self, trainer: Trainer, record: dict[str, Any]) -> None:
        """Network and state as they are now, and the table of epochs."""
        trainer.settle()
        state = trainer.state
        save_model(
            self.last, trainer.network, record={**record, "state": state.numbers()}, extra=state.arrays()
        )
        self._write_metrics(state)

    def load_last(self) -> tuple[Network, dict[str, Any], dict[str, Any], dict[str, Any]]:
        """(network, record, the state's numbers, its arrays). Raises TrainingError or ModelError."""
        if not self.last.exists():
            raise TrainingError(f"{self.path} has no last.h5: nothing was saved to go on from")
        checkpoint = load_checkpoint(self.last)
        record = dict(checkpoint.record)
        numbers = record.pop("state", None)
        if not isinstance(numbers, dict):
            raise TrainingError(f"{self.last} holds a model, and no state of a run")
        return checkpoint.network, record, numbers, dict(checkpoint.extra)

    def _write_metrics(self, state: State) -> None:
        if not state.rows:
            return
        with replacing(self.metrics) as path, path.open("w", newline="", encoding="utf-8") as file:
            # Rows that an older version wrote may have fewer columns, or others.
            columns = dict.fromkeys(name for row in reversed(state.rows) for name in row)
            writer = csv.DictWriter(file, list(columns))
            writer.writeheader()
            writer.writerows(state.rows)
