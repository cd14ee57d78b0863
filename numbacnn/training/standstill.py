"""Notices a training that learns nothing, and finds out why as far as its numbers show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data import Dataset
from ..layers.initialization import SYMMETRIC
from .settings import Settings

Row = Mapping[str, Any]
"""A line of metrics.csv."""

MOVES = 1e-3
"""A first epoch that changes the loss by a smaller share than this has hardly changed the network."""
SAME_ANSWER = 0.99
"""Share of the pictures that get one answer, from which on it counts as the answer to all of them."""


def chance(labels: Any) -> float:
    """From which share of wrong answers on nothing has been learnt; 1.0 and more if there is nothing to learn.

    Naming always the commonest class errs in a share b of N pictures; what lies within two deviations of b, which
    are sqrt(b (1 - b) / N), is no better, unless it is better by a tenth.
    """
    error = 1 - np.bincount(labels).max() / len(labels)
    if error == 0:
        return math.inf
    return float(max(error - 2 * math.sqrt(error * (1 - error) / len(labels)), 0.9 * error))


class Standstill:
    """Looks at each epoch of one run; what it says depends on the rows alone, so that a resumed run says the same."""

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        self._settings = settings
        self._names = dataset.class_names
        self._chance = {"train": chance(dataset.train.labels)}
        if dataset.validation is not None:
            self._chance["validation"] = chance(dataset.validation.labels)

    def nothing_to_learn(self, dataset: Dataset) -> str:
        """A warning about labels that are all the same; empty if they are not."""
        label = dataset.train.labels[0]
        if (dataset.train.labels != label).any():
            return ""
        return (
            f"every training picture is of one class, '{self._names[label]}': there is nothing to tell apart, and "
            "the network will name it for every picture"
        )

    def seen(self, rows: Sequence[Row], answers: Any, *, last: bool) -> str:
        """A warning about a training that stands still after the last of these rows, if it was not given before; else empty.

        `answers` counts how often the network named each class of the validation split (classes), or is None. One
        epoch at chance may be a slow start: two are needed, unless it is the `last`.
        """
        standing = [self._at_chance(row) for row in rows[-3:]]
        often = standing[-2:] == [True, True]
        if standing[-1] and (often or last) and standing != [True, True, True]:
            return self._describe(rows[-1], answers)
        if len(rows) == 2 and self._unmoved(*rows):
            return (
                f"the second epoch hardly changed the loss ({_loss(rows[0]):.5g}, then {_loss(rows[1]):.5g})"
            )
        return ""

    def _at_chance(self, row: Row) -> bool:
        return all(row.get(f"{split}_top1_error", 0.0) >= limit for split, limit in self._chance.items())

    def _unmoved(self, first: Row, second: Row) -> bool:
        as_fast = second["learning_rate"] >= first["learning_rate"] / 2
        change = abs(_loss(second) - _loss(first))
        return as_fast and bool(second["train_top1_error"]) and change < MOVES * abs(_loss(first))

    def _describe(self, row: Row, answers: Any) -> str:
        split = "validation" if "validation" in self._chance else "training"
        error = row["validation_top1_error" if split == "validation" else "train_top1_error"]
        text = (
            f"the network has learnt nothing: it errs no less often than one that always names the commonest class "
            f"({error:.1%} of the {split} pictures)"
        )
        if answers is not None and answers.max() >= SAME_ANSWER * answers.sum():
            all_of_them = (
                "all" if answers.max() == answers.sum() else f"{answers.max():,} of {answers.sum():,}"
            )
            text += f"; {all_of_them} of them get the same answer, '{self._names[int(answers.argmax())]}'"
        return text

    def advice(self, idle: Sequence[str], layers: int, *, moves: bool) -> str:
        """Why nothing is learnt, as far as the last step shows it, and what to try.

        `idle` are those of the network's `layers` with parameters that got no gradient in it; `moves`: it changed a
        weight.
        """
        settings = self._settings
        rate = settings.learning_rate
        smaller = f"a smaller --learning-rate, {rate / 10:.2g} say"
        larger = f"a larger --learning-rate, {rate * 10:.2g} say"
        if settings.initialise in SYMMETRIC:
            return SYMMETRIC[settings.initialise]
        if len(idle) == layers:
            return f"no layer gets a gradient; try {smaller}, or another --loss"
        if idle:
            return (
                f"no gradient reaches {', '.join(idle)} any more (rectifiers behind them put out 0 for every picture); "
                f"try {smaller}"
            )
        if not moves:
            return f"the steps are too small to change any weight; try {larger}"
        return (
            f"try {larger} if the loss falls slowly, {smaller} if it jumps; and see with 'numbacnn data show' whether the "
            "labels belong to the pictures"
        )


def _loss(row: Row) -> float:
    return float(row.get("validation_loss", row["train_loss"]))
