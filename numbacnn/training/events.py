"""The events of a training run, in order: RunStarted, Warned*, (BatchDone*, EpochDone, Warned?, RolledBack?)*, StoppedEarly?,
Finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .fit import Fit


@dataclass(frozen=True)
class RunStarted:
    """Buffers are about to be taken: `bytes` of them. `fit` says what is done to pictures of another size."""

    epochs: int
    batches: int
    images: int
    parameters: int
    bytes: int
    fit: Fit


@dataclass(frozen=True)
class Warned:
    """Something the user should know and the run can live with."""

    message: str


@dataclass(frozen=True)
class BatchDone:
    """One step; loss and error are the means of the epoch so far, as is the share of time spent waiting for data."""

    epoch: int
    batch: int
    batches: int
    loss: float
    top1_error: float
    images_per_second: float
    waiting_share: float


@dataclass(frozen=True)
class EpochDone:
    """One pass over the training pictures. `row` is a line of metrics.csv."""

    epoch: int
    row: dict[str, Any]
    improved: bool
    best_epoch: int


@dataclass(frozen=True)
class RolledBack:
    """The validation error stopped improving: back to the weights of `to_epoch`, from rest, at half the rate."""

    epoch: int
    to_epoch: int
    learning_rate: float


@dataclass(frozen=True)
class StoppedEarly:
    """After `epoch` epochs, fewer than were asked for, the run is over: further ones would change nothing."""

    epoch: int
    reason: str


@dataclass(frozen=True)
class Finished:
    """The network holds its best weights. Speed and the share of time spent waiting for data are the median epoch's."""

    best_epoch: int
    best_error: float
    images_per_second: float
    waiting_share: float


Event = RunStarted | Warned | BatchDone | EpochDone | RolledBack | StoppedEarly | Finished
