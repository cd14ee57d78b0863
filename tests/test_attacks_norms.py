"""Attacks in other norms, those that look for the smallest change, restarts, transfer and certified radii."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from attacked import SHORT, images, labels, mean_loss, network, surer  # noqa: F401 - fixtures

from numbacnn.architectures import build
from numbacnn.attacks import (
    ATTACKS,
    BIM,
    FGSM,
    PGD,
    Ascent,
    Square,
    certify,
    smallest_epsilons,
    sweep,
    transfer,
    wilson_interval,
)
from numbacnn.attacks.joint import JointAttack
from numbacnn.attacks.norms import sizes
from numbacnn.attacks.square_windows import bump
from numbacnn.errors import DataError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Dense, Flatten, Pixels, Softmax
from numbacnn.network import Network
from numbacnn.program import Loss, Program

PAIRS = [(name, norm) for name, kind in ATTACKS.items() for norm in kind.norms if norm != "linf"]


@pytest.mark.parametrize(("name", "norm"), PAIRS)
def test_stays_in_the_ball_of_another_norm(
    name: str, norm: str, network: Network, images: np.ndarray, labels: Any
) -> None:
    epsilon = {"l2": 0.4, "l1": 3.0, "l0": 4}[norm]
    attack = ATTACKS[name](epsilon=epsilon, norm=norm, **SHORT.get(name, {}))
    result = attack.run(network, images, labels)
    assert result.images.min() >= 0
    assert result.images.max() <= 1
    assert sizes(result.changes, norm).max() <= epsilon
    assert result.norms[norm] == np.median(sizes(result.changes, norm)[result.changes.any(axis=(1, 2, 3))])


@pytest.mark.parametrize("name", ATTACKS)
def test_a_picture_is_attacked_alike_in_any_batch(
    name: str, network: Network, images: np.ndarray, labels: Any
) -> None:
    if issubclass(ATTACKS[name], JointAttack):
        pytest.skip("it looks at all pictures of a batch together")
    attack = ATTACKS[name](**SHORT.get(name, {}))
    whole = attack(network, images, labels)
    np.testing.assert_array_equal(attack(network, images, labels, batch_size=5), whole)
    again = dataclasses.replace(attack, seed=1)(network, images, labels)
    assert (again == whole).all() != attack.is_random or name not in ("pgd", "square", "apgd", "ensemble")


@pytest.mark.parametrize("name", ["deepfool", "cw", "lbfgs"])
def test_the_smallest_change_fools_and_is_near(
    name: str, network: Network, images: np.ndarray, labels: Any
) -> None:
    wrong = labels.copy()
    wrong[0] = (wrong[0] + 1) % 5
    options = {"lbfgs": {"steps": 15, "searches": 3}}.get(name, {})
    result = ATTACKS[name](**options).run(network, images, wrong)
    assert result.success_rate == 1
    assert not result.changes[0].any()  # the network is wrong about it as it is
    # Along the straight line nothing much nearer fools.
    nearer = result.originals + np.float32(0.7) * result.changes
    assert (network.predict(nearer).argmax(1) == labels).mean() > 0.9
    led = ATTACKS[name](**options).run(network, images[:6], labels[:6], (labels[:6] + 1) % 5)
    assert led.success_rate == 1
    assert (led.after.argmax(1) == (labels[:6] + 1) % 5).all()
    cut = ATTACKS[name](epsilon=0.05, **options).run(network, images, labels)
    assert sizes(cut.changes, "l2").max() <= 0.05


def test_more_of_an_attack_fools_more(network: Network, images: np.ndarray, labels: Any) -> None:
    rates = {
        name: ATTACKS[name](epsilon=3 / 255, **options).run(network, images, labels).success_rate
        for name, options in (("noise", {}), ("fgsm", {}), ("pgd", {}), ("apgd", {"steps": 30}))
    }
    assert rates["noise"] < rates["fgsm"] <= rates["pgd"] <= rates["apgd"] + 0.05


def test_targets_by_name(network: Network, images: np.ndarray, labels: Any) -> None:
    result = FGSM().run(network, images, labels, "least-likely")
    assert (result.targets == result.before.argmin(axis=1)).all()
    drawn = FGSM().run(network, images, labels, "random").targets
    assert (drawn != labels).all()
    assert len(set((drawn - labels) % 5)) == 4
    with pytest.raises(DataError, match="targets 'most'"):
        FGSM()(network, images, labels, "most")


def test_passes_are_counted(network: Network, images: np.ndarray, labels: Any) -> None:
    result = FGSM().run(network, images, labels)
    assert (result.gradients == 1).all()
    assert (result.scores == 1).all()
    steady = BIM(steps=4, early_stop=False).run(network, images, labels)
    assert (steady.gradients == 4).all()
    early = BIM(0.5, steps=4).run(network, images, labels)
    assert early.gradients.mean() < 4
    assert early.success_rate == 1
    assert Square(queries=7).run(network, images, labels).gradients.sum() == 0


def test_square_in_l2_finds_what_noise_of_its_size_does_not(
    network: Network, images: np.ndarray, labels: Any
) -> None:
    attack = Square(0.5, norm="l2", queries=60)
    found = attack.run(network, images, labels)
    assert found.success_rate > ATTACKS["noise"](0.5, norm="l2").run(network, images, labels).success_rate
    np.testing.assert_array_equal(attack(network, images, labels, batch_size=5), found.images)
    longer = dataclasses.replace(attack, epsilon=1.5).run(network, images, labels)
    assert longer.success_rate > found.success_rate


@pytest.mark.parametrize("side", [1, 3, 4, 7])
def test_the_bumps_of_square_are_of_size_1_and_of_two_signs(side: int) -> None:
    values = bump(side, False)[..., 0]
    assert (values**2).sum() == pytest.approx(1)
    assert (values[: side // 2] > 0).all()
    assert (values[side // 2 :] < 0).all()
    np.testing.assert_array_equal(bump(side, True)[..., 0], values.T)


def test_restarts_only_add(network: Network, images: np.ndarray, labels: Any) -> None:
    once = PGD(2 / 255, steps=2).run(network, images, labels)
    more = PGD(2 / 255, steps=2, restarts=4).run(network, images, labels)
    fooled = once.fooled
    np.testing.assert_array_equal(more.images[fooled], once.images[fooled])
    assert more.success_rate >= once.success_rate
    with pytest.raises(UsageError, match="draws nothing"):
        BIM(restarts=2)


def test_the_lectures_steps_show_their_way(network: Network, images: np.ndarray, labels: Any) -> None:
    result = Ascent(steps=5, alpha=1e-3).run(network, images, labels)
    assert result.path.shape == (24, 6, 5)
    np.testing.assert_allclose(result.path[:, 0], result.before, atol=1e-6)
    np.testing.assert_allclose(result.path[:, -1], result.after, atol=1e-6)
    plan = Program(network.graph, len(images), gradients="input")
    plan.forward(images)
    gradient = 255 * plan.backward_loss(labels, Loss(), reduction="sum")
    one = Ascent(steps=1, alpha=1e-3, confidence=1)(network, images, labels)
    np.testing.assert_allclose(one, np.clip(images / 255 + 1e-3 * gradient, 0, 1), atol=1e-5)


def test_options_that_cannot_be_meant() -> None:
    for kind, options, words in (
        (PGD, {"steps": 0}, "--steps 0: a whole number"),
        (PGD, {"norm": "l3"}, "unknown norm 'l3'"),
        (PGD, {"epsilon": -1, "norm": "l2"}, "at least 0 is expected, in L2"),
        (PGD, {"epsilon": None}, "without an epsilon"),
        (FGSM, {"epsilon": 8}, "did you mean 8/255"),
        (ATTACKS["patch"], {"epsilon": 0.1}, "has no epsilon"),
        (ATTACKS["apgd"], {"objective": "ce"}, "unknown objective 'ce'"),
        (ATTACKS["patch"], {"side": 2}, "--side 2: 0 to 1"),
        (PGD, {"early_stop": 1}, "bool is expected"),
    ):
        with pytest.raises(UsageError, match=words):
            kind(**options)


def test_sweeping_a_smallest_change_counts_those_within(
    network: Network, images: np.ndarray, labels: Any
) -> None:
    attack = ATTACKS["deepfool"]()
    size = sizes(attack.run(network, images, labels).changes, "l2")
    point, rest = sweep(attack, network, images, labels, [float(np.median(size)), 100.0])
    assert point.success_rate == pytest.approx((size <= np.median(size)).mean())
    assert rest.success_rate == 1
    assert point.low < point.adversarial_accuracy < point.high
    found = smallest_epsilons(attack, network, images, labels)
    np.testing.assert_allclose(found.epsilons, size, rtol=1e-6)
    bisected = smallest_epsilons(FGSM(), network, images, labels, most=0.2, halvings=5)
    for row in (0, 7):
        for step, fools in ((0, True), (-1, False)):
            epsilon = bisected.epsilons[row] + step * 0.2 / 32
            after = FGSM(epsilon).run(network, images[row : row + 1], labels[row : row + 1])
            assert (after.success_rate == 1) == fools


def test_what_fools_one_network_fools_itself_as_often(
    network: Network, images: np.ndarray, labels: Any
) -> None:
    other = surer(network, 2)
    cells = list(transfer(FGSM(4 / 255), [network, other], images, labels))
    own = FGSM(4 / 255).run(network, images, labels).success_rate
    assert [(cell.source, cell.target) for cell in cells] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert cells[0].success_rate == cells[1].success_rate == own  # the other one decides alike
    with pytest.raises(UsageError, match="same pixels and classes"):
        list(transfer(FGSM(), [network, build("digits")], images, labels))


def test_wilsons_interval() -> None:
    low, high = wilson_interval(90, 100)
    assert (round(low, 4), round(high, 4)) == (0.8256, 0.9448)
    assert wilson_interval(0, 10)[0] == 0
    assert np.isnan(wilson_interval(0, 0)).all()


def test_certified_radii(network: Network, images: np.ndarray, labels: Any) -> None:
    """Of a linear network the smoothed one's radius is the distance to the boundary, but for what few samples cost."""
    layers = [("pixels", Pixels()), ("flatten", Flatten()), ("dense", Dense(2)), ("softmax", Softmax())]
    graph = Graph(layers, (2, 2, 1))
    graph.initialise(seed=0)
    weights = np.array([[1, -1]] * 4, np.float32) / 255
    graph.write("dense/weights", weights)
    graph.write("dense/bias", np.array([-2, 2], np.float32))
    linear = Network(graph)
    pictures = np.full((2, 2, 2, 1), 0.5, np.float32) + np.float32(0.1) * np.array([1, -1]).reshape(
        2, 1, 1, 1
    )
    done = certify(linear, pictures, sigma=0.3, samples=2000)
    assert done.classes.tolist() == [0, 1]
    assert (done.radii < 0.2).all()  # the distance: 0.1 in each of four values
    assert (done.radii > 0.15).all()
    assert done.certified_accuracy(np.array([0, 0]), 0.1) == 0.5
    middle = certify(linear, np.full((1, 2, 2, 1), 0.5, np.float32), sigma=0.3)
    assert middle.classes.tolist() == [-1]


def test_normalised_pictures_are_refused_with_the_remedy(network: Network, images: np.ndarray) -> None:
    normalised = (images / 255 - 0.45) / 0.22
    with pytest.raises(DataError, match=r"normalised already.*the network's first layer does that"):
        FGSM()(network, normalised, 0)
    with pytest.raises(DataError, match="divide by 255"):
        FGSM()(network, images.astype(np.float32), 0)
