"""The folder of a run: config.toml, metrics.csv, model.h5 (the best), last.h5 (to go on), and models of epochs that are
to be kept.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from ..errors import ModelError, TrainingError, UsageError
from ..network import Network
from ..replacing import is_partial, replacing
from ..storage.models import load_checkpoint, load_model, save_model
from ..toml import read_toml
from .claim import LOCK
from .loop import Trainer
from .restoring import checked_config
from .state import State

EPOCHS = "epochs"
"""The folder in a run's that has models of single epochs (the setting `keep_every`)."""

_KEPT = re.compile(r"epoch-(\d{3,7})\.h5")


def kept_epochs(run: Path) -> dict[int, Path]:
    """Epoch -> the model that a run has kept of it, in order; {} if it kept none."""
    folder = run / EPOCHS
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    found = {
        int(match[1]): path for path in names if (match := _KEPT.fullmatch(path.name)) and path.is_file()
    }
    return dict(sorted(found.items()))


class RunFolder:
    """A folder that always holds a whole run: every file is replaced in one step.

    Of an epoch model.h5 is written first and last.h5 second: whichever of the two a kill leaves old, the best model is
    either there, or computed again by the run that goes on (`mend`). `made` are the folders that were made for a run that
    is new, the innermost first; None for one that goes on.
    """

    def __init__(self, path: Path, made: Sequence[Path] | None = None) -> None:
        self.path = path
        self._made = made
        self.config = path / "config.toml"
        self.metrics = path / "metrics.csv"
        self.model = path / "model.h5"
        self.last = path / "last.h5"
        self.epochs = path / EPOCHS
        self.data = path / "data.h5"
        """The pictures of a folder that was given as data."""
        self.features = path / "features.h5"
        """The file with the outputs of frozen layers (`training.fixed_features`)."""

    def write_config(self, options: dict[str, Any]) -> None:
        """The options that reproduce the run (`numbacnn train --config`)."""
        with replacing(self.config) as path:
            path.write_bytes(tomli_w.dumps(options).encode(errors="replace"))  # TOML is UTF-8

    def read_config(self) -> dict[str, Any]:
        """The run's options.

        Raises UsageError if there is no such folder, TrainingError if this is no run's folder, or the file does not hold them.
        """
        if not self.path.exists():
            raise UsageError(f"{self.path}: no such folder; a run's is expected")
        if not self.config.exists():
            raise TrainingError(f"{self.path} is no run that can go on: it has no {self.config.name}")
        return checked_config(read_toml(self.config, TrainingError).values, self.config)

    @property
    def unsaved(self) -> bool:
        """Whether a run was begun here, and ended before any of its work was saved: model.h5 may be there, of an epoch
        that last.h5 was to tell of.
        """
        mine = {self.config.name, self.model.name, self.data.name, self.features.name, EPOCHS, LOCK}
        names = [path.name for path in self.path.iterdir()] if self.path.is_dir() else []
        return self.config.name in names and all(name in mine or is_partial(name) for name in names)

    @property
    def empty(self) -> bool:
        """Whether nothing is here but what a run leaves that was killed as it began."""
        made = (LOCK, self.data.name, self.features.name)
        return all(path.name in made or is_partial(path.name) for path in self.path.iterdir())

    def remove_partials(self) -> None:
        """Removes what processes that were killed had begun to write. The folder has to be claimed."""
        for folder in (self.path, self.epochs):
            for path in folder.iterdir() if folder.is_dir() else ():
                if is_partial(path.name) and path.is_file():
                    path.unlink(missing_ok=True)

    def remove_if_nothing(self) -> None:
        """Removes config.toml, and folders that were made for this run, if there is nothing to go on from."""
        if self._made is None or not (self.unsaved or self.empty) or self.model.exists():
            return
        self.remove_partials()
        for file in (self.config, self.data, self.features, self.path / LOCK):
            with suppress(OSError):  # Windows removes no file that is open
                file.unlink()
        with suppress(OSError):  # somebody else has put something there
            for path in self._made:
                path.rmdir()

    def save_epoch(self, trainer: Trainer, record: dict[str, Any], *, improved: bool) -> None:
        """Writes the metrics of an epoch; the model too, if it is the best so far, or is to be kept."""
        epoch, every = trainer.state.epoch, trainer.settings.keep_every
        keeps = every and (epoch == 1 or epoch % every == 0 or trainer.over)
        if improved or keeps:
            with trainer.measured_weights():
                if improved:
                    self._save_best(trainer.network, record, trainer.state)
                if keeps:
                    self.epochs.mkdir(exist_ok=True)
                    path = self.epochs / f"epoch-{epoch:03d}.h5"
                    save_model(path, trainer.network, record={**record, "epoch": epoch})
        self.save_last(trainer, record)

    def _save_best(self, network: Network, record: dict[str, Any], state: State) -> None:
        best = {"best_epoch": state.best_epoch, "validation_top1_error": state.best_error}
        save_model(self.model, network, record={**record, **best})

    def mend(self, record: dict[str, Any], state: State) -> None:
        """Makes model.h5 and metrics.csv what last.h5 says they are: a kill, or somebody, may have left one old or out."""
        if state.best_epoch and not self._holds_best(state):
            network = load_model(self.last)[0]
            network.graph.restore(state.best_weights)
            self._save_best(network, record, state)
        self._write_metrics(state)

    def _holds_best(self, state: State) -> bool:
        try:
            network, record = load_model(self.model)
        except ModelError:  # missing, or damaged
            return False
        weights = network.graph.snapshot()
        return (
            record.get("best_epoch") == state.best_epoch
            and weights.keys() == state.best_weights.keys()
            and all(np.array_equal(array, state.best_weights[key]) for key, array in weights.items())
        )

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
