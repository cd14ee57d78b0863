"""What should move after a roll-back? Trains networks under three rules and shows how each ends, as a table.

When the schedule 'halve' goes back to the best weights, it could go on with the velocity that belongs to them as it was
("kept"), with that velocity in steps of the new learning rate ("scaled"), or from rest ("zeroed", what numbacnn does).

usage: python tools/roll_backs.py digits=digits lenet=fashion.h5 cifar-quick=cifar10.h5
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import numbacnn as nc
from numbacnn.data import Dataset, Split
from numbacnn.training import EpochDone, RolledBack, Trainer, evaluate, schedules

RULES: dict[str, Callable[[float], float]] = {
    "kept": lambda fall: 1.0,
    "scaled": lambda fall: fall,
    "zeroed": lambda fall: 0.0,
}
"""Which share of the best epoch's velocity comes back when the learning rate is `fall` of that epoch's."""


class Ending(NamedTuple):
    """How one run ended; errors are shares of the validation split, but for `test`."""

    best: float
    last: float
    test: float
    epochs: int
    roll_backs: int
    useful: int
    """The most roll-backs in a row after which the validation error, not just its loss, improved once more."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="*", default=["digits=digits"], metavar="NETWORK=DATA")
    parser.add_argument("--pictures", type=int, default=3000, help="of each data set, at most")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--patience", type=int, default=1)
    parser.add_argument("--rules", nargs="*", default=list(RULES), choices=RULES)
    parser.add_argument(
        "--halvings", type=int, help="in a row without improvement that end a run; left out: never"
    )
    options = parser.parse_args()
    schedules.HALVINGS = options.halvings or options.epochs
    print(
        "| network | after a roll-back | best, % | last, % | last - best | test, % | epochs | roll-backs | useful |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|")
    for network, data in (run.split("=") for run in options.runs):
        dataset = _fewer(nc.open_dataset(data), options.pictures)
        changes = {"schedule": "halve", "epochs": options.epochs, "patience": options.patience}
        for rule in options.rules:
            endings = [
                _train(network, dataset, {**changes, "seed": seed}, RULES[rule])
                for seed in range(options.seeds)
            ]
            print(f"| {network} | {rule} | {' | '.join(_columns(endings))} |", flush=True)


def _fewer(dataset: Dataset, pictures: int) -> Dataset:
    """So many pictures to train with, and a quarter as many to measure with."""
    counts = {"train": pictures, "validation": pictures // 4, "test": pictures // 4}
    parts: dict[str, Any] = {name: _spread(split, counts[name]) for name, split in dataset.splits.items()}
    return Dataset.from_arrays(dataset.name, class_names=dataset.class_names, **parts)


def _spread(split: Split, count: int) -> tuple[Any, Any]:
    """Pictures at even distances, as they may lie sorted by class."""
    indices = np.unique(np.linspace(0, len(split) - 1, min(count, len(split))).astype(np.int64))
    return split.read(indices), split.labels[indices]


def _train(
    network: str, dataset: Dataset, changes: dict[str, Any], share: Callable[[float], float]
) -> Ending:
    built, settings = nc.prepare(dataset, network, **changes)
    trainer = Trainer(built, dataset, settings)
    in_a_row = useful = roll_backs = 0
    least = 1.0
    for event in _with_velocity(trainer, share):
        if isinstance(event, RolledBack):
            roll_backs, in_a_row = roll_backs + 1, in_a_row + 1
        elif trainer.state.best_error < least:
            least, useful, in_a_row = trainer.state.best_error, max(useful, in_a_row), 0
    state = trainer.state
    last = state.rows[-1]["validation_top1_error"]
    test = evaluate(built, dataset.test).top1_error
    return Ending(state.best_error, last, test, state.epoch, roll_backs, useful)


def _with_velocity(trainer: Trainer, share: Callable[[float], float]) -> Iterator[EpochDone | RolledBack]:
    """The run's epochs and roll-backs; after each of these a share of the best epoch's velocity is put back."""
    best: dict[str, Any] = {}
    rate = 0.0
    for event in trainer:
        if isinstance(event, EpochDone) and event.improved:
            velocity = trainer.step.on_host()["velocity"]
            best = {key: np.array(array) for key, array in velocity.items()}
            rate = event.row["learning_rate"]
        if isinstance(event, RolledBack):
            left = share(event.learning_rate / rate)
            trainer.step.restore({"velocity": {key: left * array for key, array in best.items()}}, 0, 0)
        if isinstance(event, (EpochDone, RolledBack)):
            yield event


def _columns(endings: list[Ending]) -> list[str]:
    """Means over the seeds, and the largest of what counts."""
    best, last, test, epochs, roll_backs, useful = (np.array(column) for column in zip(*endings, strict=True))
    gap = 100 * (last - best)
    return [
        f"{100 * best.mean():.2f}",
        f"{100 * last.mean():.2f}",
        f"{gap.mean():.2f} (at most {gap.max():.2f})",
        f"{100 * test.mean():.2f}",
        f"{epochs.mean():.0f}",
        f"{roll_backs.mean():.1f}",
        f"{useful.max():.0f}",
    ]


if __name__ == "__main__":
    main()
