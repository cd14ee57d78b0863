"""What airbench94's recipe is made of, each piece by itself: every network can be trained with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from few_digits import DIGITS, few, network_for

from numbacnn.architectures import ARCHITECTURES
from numbacnn.data import Dataset
from numbacnn.data.margins import with_margin
from numbacnn.errors import UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Dense, Flatten, Pixels, Softmax
from numbacnn.layers.base import ParameterSpec
from numbacnn.layers.initialization import first_values
from numbacnn.network import Network
from numbacnn.training import EpochDone, Settings, Trainer, evaluate, settings_for
from numbacnn.training.augmentation import Augmentation
from numbacnn.training.preparing import build_network
from numbacnn.training.recipes import RECIPES
from numbacnn.training.schedules import SCHEDULES
from numbacnn.views import VIEWS

FEW = few(test=40)


def trainer(**changes: Any) -> Trainer:
    options = {"epochs": 1, "batch_size": 50, "schedule": "cosine", **changes}
    return Trainer(network_for(FEW), FEW, Settings(**options))


def test_the_network_has_the_published_number_of_parameters() -> None:
    sizes = [each.size for each in ARCHITECTURES["airbench94"].graph().parameters.values()]
    assert sum(sizes) == 1_971_640  # with the 288 of the filters that whiten


def test_whitening_filters_make_what_they_put_out_uncorrelated_and_stay() -> None:
    made = trainer(whiten=1e-4, whiten_bias_epochs=1, epochs=2)
    graph = made.network.graph
    weights = graph.read("conv1/weights").copy()
    half = weights.shape[3] // 2
    np.testing.assert_array_equal(weights[..., half:], -weights[..., :half])
    pixels = made.network.activations(FEW.train.read(slice(0, 150)), "pixels")
    patches = np.lib.stride_tricks.sliding_window_view(pixels[..., 0], (5, 5), axis=(1, 2)).reshape(-1, 25)
    seen = patches.astype(np.float64) @ weights[..., :half].reshape(25, half)
    squares = seen.T @ seen / len(seen)
    np.testing.assert_allclose(np.diag(squares), 1, atol=0.05)
    np.testing.assert_allclose(squares - np.diag(np.diag(squares)), 0, atol=1e-4)
    biases = [graph.read("conv1/bias").copy()]
    biases += [graph.read("conv1/bias").copy() for event in made if isinstance(event, EpochDone)]
    np.testing.assert_array_equal(graph.read("conv1/weights"), weights)
    assert (biases[1] != biases[0]).all()
    np.testing.assert_array_equal(biases[2], biases[1])


def test_whitening_is_refused_where_no_convolution_reads_the_pixels() -> None:
    lines = [("pixels", Pixels()), ("flatten", Flatten()), ("dense", Dense(10)), ("softmax", Softmax())]
    with pytest.raises(UsageError, match="'flatten' is flatten"):
        Trainer(Network(Graph(lines, (8, 8, 1)), FEW.class_names), FEW, Settings(whiten=1e-3))


def test_lookahead_ends_at_its_slow_weights_and_holds_back_more_and_more() -> None:
    made = trainer(lookahead=2, lookahead_keep=0.9, epochs=2)
    slow = made.step.lookahead
    assert slow is not None
    graph = made.network.graph
    before = graph.snapshot()
    graph.write("conv1/bias", before["conv1/bias"] + 1)
    slow.follow(updates=1, progress=0.5)  # not yet
    np.testing.assert_array_equal(graph.read("conv1/bias"), before["conv1/bias"] + 1)
    slow.follow(updates=2, progress=0.5)
    kept = 0.9**2 * 0.5**3
    np.testing.assert_allclose(graph.read("conv1/bias"), before["conv1/bias"] + 1 - kept, rtol=1e-6)
    graph.write("conv1/bias", before["conv1/bias"])
    slow.follow(updates=3, progress=1.0)
    np.testing.assert_allclose(graph.read("conv1/bias"), before["conv1/bias"] + 1 - kept, rtol=1e-6)


def test_even_decay_pulls_at_all_alike_whatever_their_rate() -> None:
    made = trainer(even_decay=True, weight_decay=0.1, momentum=0.0, learning_rate=0.5)
    graph = made.network.graph
    graph.set_rate(8.0, nodes=["conv2"])
    made = Trainer(made.network, FEW, made.settings)
    for name in graph.parameters:
        graph.write(name, np.ones(graph.parameters[name].shape))
    made.optimizer.step(np.zeros_like(made._plan.gradient), 0.5)
    for name in graph.parameters:
        np.testing.assert_allclose(graph.read(name), 0.95, rtol=1e-6)


def test_the_triangle_rises_and_falls_along_lines() -> None:
    settings = Settings(
        schedule="triangular", learning_rate=2.0, epochs=10, rise=0.2, first_share=0.1, last_share=0.05
    )
    schedule = SCHEDULES["triangular"](settings)
    assert [schedule.rate(epoch) for epoch in (0, 1, 2, 6, 10)] == pytest.approx([0.2, 1.1, 2.0, 1.05, 0.1])
    assert not schedule.spent(10)


def test_a_flip_alternates_from_epoch_to_epoch() -> None:
    changes = Augmentation(FEW, (8, 8, 1), Settings(flip=True, alternating_flip=True))
    flips = [changes.drawn(epoch, np.arange(150))[2] for epoch in range(3)]
    assert 40 < flips[0].sum() < 110
    np.testing.assert_array_equal(flips[1], ~flips[0])
    np.testing.assert_array_equal(flips[2], flips[0])
    with pytest.raises(UsageError, match="give --flip too"):
        Settings(alternating_flip=True)


def test_beyond_a_reflecting_border_is_the_picture_mirrored() -> None:
    changes = Augmentation(FEW, (8, 8, 1), Settings(translate=2, border="reflect"))
    larger = changes.bordered(FEW.train)
    pictures = FEW.train.read(slice(0, 3))
    assert larger.images.shape == (150, 12, 12, 1)
    np.testing.assert_array_equal(
        larger.read(slice(0, 3)), np.pad(pictures, ((0, 0), (2, 2), (2, 2), (0, 0)), "reflect")
    )
    np.testing.assert_array_equal(larger.images[4], larger.read(np.array([4]))[0])
    top, left = changes.drawn(0, np.arange(150))[:2]
    assert {*top} == {*left} == {0, 1, 2, 3, 4}
    assert with_margin(FEW.train, 0) is FEW.train


def test_dirac_passes_channels_on() -> None:
    values = first_values("dirac", ParameterSpec((3, 3, 4, 6), fan_in=36), 0, (0, 0))
    image = np.random.default_rng(0).normal(size=(3, 3, 4))
    np.testing.assert_allclose(np.tensordot(image, values, 3)[:4], image[1, 1], rtol=1e-12)
    assert (np.abs(values[..., 4:]) <= 1 / 6).all()
    assert (np.abs(first_values("dirac", ParameterSpec((25, 3), fan_in=25), 0, (0, 0))) <= 0.2).all()


def test_views_are_averaged_before_the_softmax() -> None:
    network = network_for(FEW)
    pictures = FEW.test.read(slice(0, 5))
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    seen = [(0.25, pictures), (0.125, padded[:, :8, :8]), (0.125, padded[:, 2:, 2:])]
    scores = sum(
        weight * network.activations(np.ascontiguousarray(each), "dense4")
        for weight, part in seen
        for each in (part, part[:, :, ::-1])
    )
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.predict(pictures, batch_size=2, views="shifted"), expected, rtol=1e-5)
    assert all(sum(view.weight for view in views) == 1 for views in VIEWS.values())
    measured = evaluate(network, FEW.test, views="shifted", batch_size=16)
    answers = network.predict(FEW.test.read(slice(0, 40)), views="shifted")
    own = answers[np.arange(40), FEW.test.labels]
    assert measured.loss == pytest.approx(float(-np.log(own).mean()), rel=1e-4)
    assert measured.top1_error == np.mean(answers.argmax(axis=1) != FEW.test.labels)


def test_without_validation_all_pictures_are_learned_and_the_last_epoch_is_kept() -> None:
    made = trainer(validate=False, epochs=2, learning_rate=1e-3)
    events = [event for event in made if isinstance(event, EpochDone)]
    assert not made.validates
    assert made.state.rows[0].keys().isdisjoint({"validation_loss", "validation_top1_error"})
    assert [event.improved for event in events] == [True, True]
    learned = FEW.with_validation_learned()
    order = np.array([3, 160, 0, 209, 149, 150])
    both = np.concatenate([FEW.train.read(slice(0, 150)), DIGITS.train.read(slice(150, 210))])
    np.testing.assert_array_equal(learned.train.read(order), both[order])
    np.testing.assert_array_equal(learned.train.labels, DIGITS.train.labels[:210])
    with pytest.raises(UsageError, match="halve goes by the validation error"):
        Settings(validate=False, schedule="halve")


def test_the_recipe_trains_a_small_set() -> None:
    images = np.random.default_rng(1).integers(0, 256, (12, 32, 32, 3), np.uint8)
    dataset = Dataset.from_arrays("noise", train=(images, np.arange(12) % 3))
    settings = settings_for("airbench94", batch_size=6, epochs=1)
    assert all(
        getattr(settings, name) == value
        for name, value in RECIPES["airbench94"].items()
        if name not in ("batch_size", "epochs")
    )
    made = Trainer(build_network(dataset, "airbench94", settings), dataset, settings)
    rates = {name: each.rate for name, each in made.network.graph.parameters.items()}
    assert {name for name, rate in rates.items() if rate == 64} == {
        name for name in rates if name.endswith("/shift")
    }
    assert not made.network.graph.parameters["whitening/weights"].trainable
