from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.attacks import (
    ATTACKS,
    BIM,
    FGSM,
    PGD,
    Ascent,
    Attack,
    Goal,
    Square,
    certify,
    smallest_epsilons,
    sweep,
    transfer,
    wilson_interval,
)
from numbacnn.attacks.joint import JointAttack
from numbacnn.attacks.norms import sizes
from numbacnn.errors import DataError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.program import Loss, Program


@pytest.fixture(scope="module")
def network() -> Network:
    layers = [
        ("pixels", Pixels(mean=128.0, scale=1 / 32)),
        ("conv1", Convolution(8, 3)),
        ("relu1", ReLU()),
        ("flatten", Flatten()),
        ("dense", Dense(5)),
        ("softmax", Softmax()),
    ]
    graph = Graph(layers, (6, 6, 3))
    graph.initialise(seed=2)
    return Network(graph)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    images = np.random.default_rng(4).integers(0, 256, (24, 6, 6, 3), np.uint8)
    images[0], images[1] = 0, 255  # at the ends of the scale half of every step is clipped
    return images


@pytest.fixture(scope="module")
def labels(network: Network, images: np.ndarray) -> Any:
    return network.predict(images).argmax(axis=1)


def mean_loss(network: Network, images: Any, labels: Any) -> float:
    plan = Program(network.graph, len(images))
    plan.forward(images)
    return float(plan.losses(labels, Loss()).mean())


SHORT: dict[str, dict[str, Any]] = {
    "bim": {"steps": 3},
    "pgd": {"steps": 3},
    "mifgsm": {"steps": 3},
    "step": {"steps": 3},
    "apgd": {"steps": 5},
    "square": {"queries": 10},
    "ensemble": {"steps": 3, "wrong_classes": 1, "queries": 5},
    "deepfool": {"steps": 5},
    "cw": {"steps": 20, "searches": 4, "rate": 0.05},
    "lbfgs": {"steps": 5, "searches": 1},
    "universal": {"passes": 3},
    "patch": {"passes": 3},
    "noise": {"tries": 2},
    "rotate": {"tries": 3},
}
"""Options with which every attack is quick; fgsm has none."""
IN_LINF = [name for name, kind in ATTACKS.items() if "linf" in kind.norms]
PAIRS = [(name, norm) for name, kind in ATTACKS.items() for norm in kind.norms if norm != "linf"]


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


def surer(network: Network, factor: float) -> Network:
    """The same network with its scores multiplied, which changes no prediction."""
    layers = [(node.name, copy.copy(node.layer)) for node in network.graph.nodes]
    other = Network(Graph(layers, network.input_shape))
    for name, parameter in network.graph.parameters.items():
        last = factor if parameter.node == "dense" else 1
        other.graph.write(name, network.graph.read(name) * np.float32(last))
    return other


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
