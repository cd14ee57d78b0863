from __future__ import annotations

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.data import Dataset, Split
from numbacnn.errors import DataError
from numbacnn.training import evaluate, preprocessing

DATASET = Dataset.open("digits")


def test_errors_agree_with_counting() -> None:
    network = build("digits", pixels=preprocessing(DATASET))
    split = DATASET.test
    measured = evaluate(network, split, batch_size=64)
    probabilities = network.predict(split.read(slice(None)))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    assert measured.images == len(split)
    assert measured.top1_error == pytest.approx(np.mean(order[:, 0] != split.labels))
    assert measured.top5_error == pytest.approx(
        1 - np.mean((order[:, :5] == split.labels[:, None]).any(axis=1))
    )
    own = probabilities[np.arange(len(split)), split.labels]
    assert measured.loss == pytest.approx(-np.log(own).mean(), rel=1e-4)
    assert measured.confusion.sum(axis=1).tolist() == np.bincount(split.labels, minlength=10).tolist()
    assert measured.confusion.sum() * (1 - measured.top1_error) == pytest.approx(np.trace(measured.confusion))


def test_the_batch_size_changes_nothing() -> None:
    network = build("digits")
    few = Split(DATASET.test.read(slice(0, 37)), DATASET.test.labels[:37])
    one, other = evaluate(network, few, batch_size=37), evaluate(network, few, batch_size=5)
    assert one.top1_error == other.top1_error
    assert one.loss == pytest.approx(other.loss, rel=1e-6)


def test_a_class_without_pictures_has_no_error() -> None:
    network = build("digits")
    fours = np.flatnonzero(DATASET.test.labels == 4)
    measured = evaluate(network, DATASET.test.subset(fours))
    assert [error is None for error in measured.per_class_error] == [index != 4 for index in range(10)]


def test_labels_that_do_not_fit() -> None:
    network = build("digits")
    with pytest.raises(DataError, match="a label is 12, and the network has 10 classes"):
        evaluate(network, Split(DATASET.test.read(slice(0, 2)), np.array([1, 12])))


@pytest.mark.parametrize(
    ("bias", "expected"),
    [
        (np.zeros(10), 0.9),  # all classes alike: only the one that is named first is not luck
        (np.arange(10.0), 0.5),
        (np.array([9, 8, 7, 6, 5, 5, 1, 1, 1, 1.0]), 0.6),  # two share the fifth place
        (np.array([5, 5, 5, 5, 5, 1, 1, 1, 1, 1.0]), 0.5),
    ],
)
def test_equal_scores_are_not_among_the_best_five_by_luck(bias: np.ndarray, expected: float) -> None:
    network = build("digits", initialise="zero")
    network.graph.write("dense4/bias", bias)
    pictures = Split(np.zeros((10, 8, 8, 1), np.uint8), np.arange(10))
    measured = evaluate(network, pictures)
    assert measured.top5_error == expected
    assert measured.top1_error == 0.9
