"""A training that learns nothing is noticed, and what is to blame is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from few_digits import few

from numbacnn.architectures import build
from numbacnn.data import Dataset
from numbacnn.training import EpochDone, Settings, Warned, preprocessing, settings_for, train
from numbacnn.training.standstill import Standstill, chance

FEW = few(validation=100)
ALONE = Dataset.from_arrays("alone", train=(FEW.train.images, FEW.train.labels), class_names=FEW.class_names)


def events(settings: Settings, dataset: Dataset = FEW) -> list[Any]:
    network = build("digits", pixels=preprocessing(dataset), initialise=settings.initialise)
    return [event for event in train(network, dataset, settings) if isinstance(event, (EpochDone, Warned))]


def warnings(settings: Settings, dataset: Dataset = FEW) -> list[str]:
    return [event.message for event in events(settings, dataset) if isinstance(event, Warned)]


@pytest.mark.parametrize(
    ("labels", "limit"),
    [
        ([0] * 500 + [1] * 500, 0.5 - 2 * 0.5 / 1000**0.5),
        ([0] * 900 + [1] * 100, 0.1 * 0.9),  # of few errors, a tenth less is something learnt
        ([0, 1], 0.45),
        ([3, 3, 3], float("inf")),
    ],
)
def test_chance_is_what_naming_the_commonest_class_comes_to(labels: list[int], limit: float) -> None:
    assert chance(np.array(labels)) == pytest.approx(limit)


@pytest.mark.parametrize("dataset", [FEW, ALONE])
def test_rectifiers_that_died(dataset: Dataset) -> None:
    settings = settings_for("digits", epochs=4, learning_rate=1.0)
    (message,) = [text for text in warnings(settings, dataset) if "no validation split" not in text]
    assert "has learnt nothing" in message
    assert "no gradient reaches conv1, conv2, conv3 any more" in message
    assert "try a smaller --learning-rate, 0.1 say" in message
    assert ("validation pictures" in message) == (dataset is FEW)
    assert ("get the same answer, '" in message) == (dataset is FEW)


def test_steps_that_are_lost_in_rounding() -> None:
    (message,) = warnings(settings_for("digits", epochs=5, learning_rate=1e-12))
    assert "change any weight; try a larger --learning-rate, 1e-11 say" in message


def test_a_margin_loss_that_is_content_from_the_start() -> None:
    (message,) = warnings(settings_for("digits", epochs=2, loss="hinge", margin=0, initialise="zero"))[1:]
    assert "draw the weights at random" in message


def test_steps_that_are_too_small_to_learn_from() -> None:
    (message,) = warnings(settings_for("digits", epochs=3, learning_rate=1e-7))
    assert "larger --learning-rate" in message


def test_labels_that_are_all_the_same() -> None:
    same = Dataset.from_arrays(
        "same",
        train=(FEW.train.images, np.full(len(FEW.train), 3)),
        validation=(FEW.validation.images, FEW.validation.labels),  # type: ignore[union-attr]
        class_names=FEW.class_names,
    )
    first = events(settings_for("digits", epochs=1), same)[0]
    assert isinstance(first, Warned)
    assert "every training picture is of one class, '3'" in first.message


def test_a_training_that_learns_is_left_alone() -> None:
    assert not warnings(settings_for("digits", epochs=6))


def row(train: float, validation: float, loss: float = 1.0, rate: float = 0.1) -> dict[str, float]:
    return {
        "train_top1_error": train,
        "validation_top1_error": validation,
        "validation_loss": loss,
        "train_loss": loss,
        "learning_rate": rate,
    }


BAD, GOOD = row(0.91, 0.9), row(0.3, 0.2, 0.5)


@pytest.mark.parametrize(
    ("rows", "last", "said"),
    [
        ([BAD], False, False),  # it may start slowly
        ([BAD], True, True),
        ([BAD, BAD], False, True),
        ([BAD, BAD, BAD], False, False),  # said before
        ([BAD, BAD, BAD], True, False),
        ([GOOD, BAD, BAD], False, True),  # once more
        ([BAD, GOOD], True, False),
        ([row(0.91, 0.2), row(0.91, 0.2, 0.5)], True, False),  # dropout hides what is learnt
        ([row(0.5, 0.5, 1.0), row(0.5, 0.5, 1.0001)], False, True),
        ([row(0.5, 0.5, 1.0), row(0.5, 0.5, 1.1)], False, False),
        ([row(0.5, 0.5, 1.0), row(0.5, 0.5, 1.0001, rate=0.01)], False, False),  # the schedule wants it so
        ([row(0.0, 0.1, 0.0), row(0.0, 0.1, 0.0)], False, False),  # nothing is left to learn
        ([GOOD, row(0.5, 0.5, 1.0), row(0.5, 0.5, 1.0001)], False, False),
    ],
)
def test_when_a_warning_is_due(rows: list[dict[str, float]], last: bool, said: bool) -> None:
    counts = np.bincount(FEW.train.labels, minlength=10)
    assert bool(Standstill(FEW, Settings()).seen(rows, counts, last=last)) == said
