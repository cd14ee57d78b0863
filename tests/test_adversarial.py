"""Adversarial training: what a step learns from, and what a run says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbacnn.attacks import PGD
from numbacnn.data import Dataset
from numbacnn.errors import UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.training import EpochDone, Settings, Warned, train

DIGITS = Dataset.open("digits")
COUNT = 256
SMALL = Dataset.from_arrays(
    "some digits",
    train=(DIGITS.train.read(slice(0, COUNT)), DIGITS.train.labels[:COUNT]),
    validation=(DIGITS.test.read(slice(0, 100)), DIGITS.test.labels[:100]),
)


def network() -> Network:
    layers = [
        ("pixels", Pixels(mean=76.0, scale=1 / 64)),
        ("conv1", Convolution(8, 3)),
        ("relu1", ReLU()),
        ("flatten", Flatten()),
        ("dense", Dense(10)),
        ("softmax", Softmax()),
    ]
    graph = Graph(layers, (8, 8, 1))
    graph.initialise(seed=1)
    return Network(graph)


def trained(**options: Any) -> tuple[Network, list[Any]]:
    made = network()
    settings = Settings(
        epochs=6, batch_size=32, learning_rate=0.02, schedule="cosine", attack_steps=3, **options
    )
    return made, list(train(made, SMALL, settings))


def under_attack(made: Network, epsilon: float) -> float:
    split = SMALL.splits["validation"]
    return PGD(epsilon, steps=10).run(made, split.images[:], split.labels[:]).adversarial_accuracy


@pytest.mark.parametrize("way", ["fgsm", "pgd", "trades"])
def test_a_network_holds_better_than_one_trained_plainly(way: str) -> None:
    epsilon = 0.1
    made, events = trained(adversarial=way, epsilon=epsilon, trades_beta=1.0)
    plain, _ = trained()
    assert under_attack(made, epsilon) > under_attack(plain, epsilon) + 0.05
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    assert all(row["robust_top1_error"] >= row["validation_top1_error"] for row in rows)
    assert all(0 < row["attack_share"] < 1 for row in rows)
    assert any("times as long" in event.message for event in events if isinstance(event, Warned))


def test_the_same_settings_give_the_same_bits() -> None:
    one, two = (trained(adversarial="pgd", epsilon=0.1)[0] for _ in range(2))
    assert one.parameter("dense", "weights").tobytes() == two.parameter("dense", "weights").tobytes()


def test_without_an_epsilon_it_is_plain_training() -> None:
    made, plain = trained(adversarial="pgd", epsilon=0.0)[0], trained()[0]
    np.testing.assert_allclose(
        made.parameter("dense", "weights"), plain.parameter("dense", "weights"), rtol=1e-3, atol=1e-4
    )
    calm = trained(adversarial="trades", epsilon=0.0)[0]  # nothing differs: the divergence is 0
    np.testing.assert_allclose(
        calm.parameter("dense", "weights"), plain.parameter("dense", "weights"), rtol=1e-2, atol=1e-3
    )


def test_noise_is_normal_and_no_attack() -> None:
    made, events = trained(adversarial="noise", epsilon=0.2)
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    assert "robust_top1_error" not in rows[0]
    assert made.parameter("dense", "weights").any()


def test_what_cannot_be_meant() -> None:
    for options, words in (
        ({"adversarial": "pdg"}, "no such way to train"),
        ({"adversarial": "trades", "loss": "hinge"}, "trades is for the loss 'log-softmax'"),
        ({"epsilon": 2}, "--epsilon 2: 0 to 1"),
        ({"attack_steps": 0}, "--attack-steps 0"),
    ):
        with pytest.raises(UsageError, match=words):
            Settings(**options)
