"""A few of the embedded digits, for trainings that take a moment."""

from __future__ import annotations

from typing import Any

from numbacnn.architectures import build
from numbacnn.data import Dataset
from numbacnn.network import Network
from numbacnn.training import preprocessing

DIGITS = Dataset.open("digits")


def few(train: int = 150, validation: int = 60, test: int = 0) -> Dataset:
    """So many pictures to train with, and those that follow for the validation; the test split's first ones, if any."""
    parts: dict[str, Any] = {
        "train": (DIGITS.train.read(slice(0, train)), DIGITS.train.labels[:train]),
        "validation": (
            DIGITS.train.read(slice(train, train + validation)),
            DIGITS.train.labels[train : train + validation],
        ),
    }
    if test:
        parts["test"] = DIGITS.test.read(slice(0, test)), DIGITS.test.labels[:test]
    return Dataset.from_arrays("few", class_names=DIGITS.class_names, **parts)


def network_for(dataset: Dataset, **options: Any) -> Network:
    """A new network for them; `options` are those of `build`."""
    return build("digits", pixels=preprocessing(dataset), **options)
