"""Attacks: the ball they stay in, what they count, what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attacked import SHORT, images, labels, mean_loss, network, surer  # noqa: F401 - fixtures

from numbacnn.attacks import (
    ATTACKS,
    FGSM,
    Attack,
    Goal,
    sweep,
)
from numbacnn.errors import DataError, ShapeError, UsageError
from numbacnn.network import Network
from numbacnn.program import Loss, Program

IN_LINF = [name for name, kind in ATTACKS.items() if "linf" in kind.norms]


@pytest.mark.parametrize("name", IN_LINF)
@pytest.mark.parametrize("epsilon", [1 / 255, 16 / 255, 0.0123, 1.0])
def test_stays_in_the_ball_exactly(
    name: str, network: Network, images: np.ndarray, labels: Any, epsilon: float
) -> None:
    for given, exact in ((images, images / 255), (np.float32(images / 255), np.float32(images / 255))):
        moved = ATTACKS[name](epsilon=epsilon, norm="linf", **SHORT.get(name, {}))(network, given, labels)
        assert moved.dtype == np.float32
        assert moved.shape == images.shape
        assert moved.min() >= 0
        assert moved.max() <= 1
        assert np.abs(moved.astype(np.float64) - exact).max() <= epsilon
        assert np.abs(moved - np.float32(exact)).max() <= epsilon


def test_epsilon_zero_changes_nothing(network: Network, images: np.ndarray, labels: Any) -> None:
    result = FGSM(0).run(network, images, labels)
    np.testing.assert_array_equal(result.images, np.float32(images / 255))
    np.testing.assert_array_equal(result.eight_bit, images)


def test_fgsm_is_the_sign_of_the_gradient(network: Network, images: np.ndarray, labels: Any) -> None:
    plan = Program(network.graph, len(images), gradients="input")
    plan.forward(images)
    gradient = plan.backward_loss(labels, Loss())
    expected = np.clip(images / 255 + 8 / 255 * np.sign(gradient), 0, 1)
    np.testing.assert_allclose(FGSM(8 / 255)(network, images, labels), expected, atol=1e-6)
    np.testing.assert_allclose(FGSM(8 / 255)(network, images, labels, batch_size=5), expected, atol=1e-6)


def test_the_loss_rises_and_the_targets_loss_falls(network: Network, images: np.ndarray, labels: Any) -> None:
    moved = FGSM(2 / 255)(network, images, labels)
    assert mean_loss(network, moved, labels) > mean_loss(network, images, labels)
    targets = (labels + 1) % 5
    led = FGSM(2 / 255)(network, images, labels, targets)
    assert mean_loss(network, led, targets) < mean_loss(network, images, targets)


def test_eight_bits_stay_in_the_ball(network: Network, images: np.ndarray, labels: Any) -> None:
    for levels in (1, 2, 8, 15):
        result = FGSM(levels / 255).run(network, images, labels)
        change = result.eight_bit.astype(int) - images
        assert result.eight_bit.dtype == np.uint8
        assert np.abs(change).max() == levels
        # Rounding undoes nothing where the step was a whole number of levels.
        np.testing.assert_allclose(result.eight_bit / 255, result.images, atol=1e-6)
    assert np.abs(FGSM(5.6 / 255).run(network, images, labels).eight_bit.astype(int) - images).max() == 5


def test_less_than_a_level_does_not_survive_rounding(
    network: Network, images: np.ndarray, labels: Any
) -> None:
    result = FGSM(0.9 / 255).run(network, images, labels)
    assert result.changes.any()
    np.testing.assert_array_equal(result.eight_bit, images)
    assert result.adversarial_accuracy_8bit == result.clean_accuracy == 1


def test_scores(network: Network, images: np.ndarray, labels: Any) -> None:
    wrong = labels.copy()
    wrong[:6] = (wrong[:6] + 1) % 5  # six pictures that the network gets wrong from the start
    result = FGSM(16 / 255).run(network, images, wrong)
    after = network.predict(result.images).argmax(axis=1)
    assert result.clean_accuracy == 18 / 24
    assert result.adversarial_accuracy == np.mean(after == wrong)
    assert result.success_rate == np.mean(after[6:] != wrong[6:])
    rounded = network.predict(result.eight_bit).argmax(axis=1)
    assert result.adversarial_accuracy_8bit == np.mean(rounded == wrong)

    led = FGSM(16 / 255).run(network, images, wrong, 3)
    after = led.after.argmax(axis=1)
    attacked = (wrong != 3) & (np.arange(24) >= 6)
    assert led.success_rate == np.mean(after[attacked] == 3)


def test_sweep(network: Network, images: np.ndarray, labels: Any) -> None:
    points = list(sweep(FGSM(), network, images, labels, [0, 1 / 255, 16 / 255]))
    for point in points:  # all were right before
        assert point.success_rate == pytest.approx(1 - point.adversarial_accuracy)
    assert [point.epsilon for point in points] == [0, 1 / 255, 16 / 255]
    assert points[0].adversarial_accuracy == points[0].adversarial_accuracy_8bit == 1
    assert points[2].adversarial_accuracy < 1
    assert points[2].adversarial_accuracy == FGSM(16 / 255).run(network, images, labels).adversarial_accuracy


def test_an_attack_writes_only_its_step(network: Network, images: np.ndarray, labels: Any) -> None:
    class Noise(Attack):
        name = "noise"

        def step(self, goal: Goal, images: Any) -> Any:
            return images + np.float32(5)

    moved = Noise(4 / 255)(network, images, labels)
    np.testing.assert_allclose(moved, np.minimum(images / 255 + 4 / 255, 1), atol=1e-6)


def test_what_is_refused(network: Network, images: np.ndarray, labels: Any) -> None:
    for epsilon in (-1 / 255, 8, float("nan")):
        with pytest.raises(UsageError, match="0 to 1 is expected"):
            FGSM(epsilon)
    with pytest.raises(UsageError, match="unknown loss"):
        FGSM(loss="softmax-log")
    with pytest.raises(DataError, match="labels of float64"):
        FGSM()(network, images, labels / 2)
    with pytest.raises(DataError, match="one or 24"):
        FGSM()(network, images, labels[:-1])
    with pytest.raises(DataError, match="label 5"):
        FGSM()(network, images, labels, 5)
    with pytest.raises(DataError, match="values from 0 to 2"):
        FGSM()(network, images / 127.5, labels)
    with pytest.raises(ShapeError):
        FGSM()(network, images[0], labels)


def test_a_sweep_towards_a_target(network: Network, images: np.ndarray, labels: Any) -> None:
    (point,) = sweep(FGSM(), network, images, labels, [32 / 255], targets=2)
    result = FGSM(32 / 255).run(network, images, labels, 2)
    assert (point.success_rate, point.success_rate_8bit) == (result.success_rate, result.success_rate_8bit)
    led = result.after[labels != 2].argmax(axis=1) == 2
    assert point.success_rate == led.mean()


@pytest.mark.parametrize("loss", ["log-softmax", "log"])
@pytest.mark.parametrize("factor", [30, 100, 3000])
def test_a_sure_network_is_attacked_as_any_other(
    loss: str,
    factor: float,
    network: Network,
    images: np.ndarray,
    labels: Any,
    recwarn: pytest.WarningsRecorder,
) -> None:
    sure = surer(network, factor)
    np.testing.assert_array_equal(sure.predict(images).argmax(1), labels)
    for targets in (None, (labels + 1) % 5):
        moved = FGSM(8 / 255, loss)(sure, images, labels, targets)
        assert (moved != np.float32(images / 255)).any(axis=(1, 2, 3)).all()
    found = FGSM(32 / 255, loss)(sure, images, labels)
    # Log-softmax looks at one rival where the scores are far apart, the plain one at all.
    assert (sure.predict(found).argmax(1) == labels).mean() <= 0.5
    assert not recwarn.list


def test_pictures_without_a_gradient_are_said(network: Network, images: np.ndarray, labels: Any) -> None:
    sure = surer(network, 100)
    with pytest.warns(RuntimeWarning, match=r"\d+ of 24 pictures have no gradient of the max-margin loss"):
        moved = FGSM(8 / 255, "max-margin")(sure, images, labels)
    assert (moved == np.float32(images / 255)).all(axis=(1, 2, 3)).any()
