"""A whole training run, simulated: the same weights as on the CPU, whichever way its batches come."""

from __future__ import annotations

import pytest
from runs import needs_simulator

needs_simulator()

import numpy as np
from networks import assert_same_gradients, trained

from numbacnn.analysis import saliency
from numbacnn.analysis.parity import check_parity
from numbacnn.attacks import FGSM
from numbacnn.data import Dataset
from numbacnn.device import get_device
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Dropout, Flatten, MaxPool, Pixels, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.ops.kernel import Kernel
from numbacnn.storage import load_model, save_model
from numbacnn.training import Settings, evaluate


def lines():
    """Of each graph its own: layers hold the parameters."""
    return [
        ("pixels", Pixels(mean=100.0, scale=1 / 50)),
        ("conv1", Convolution(3, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(2)),
        ("flatten", Flatten()),
        ("dropout", Dropout(0.25)),
        ("dense", Dense(3)),
        ("softmax", Softmax()),
    ]


SHAPE = (4, 4, 1)
SETTINGS = Settings(
    epochs=2, batch_size=3, learning_rate=0.05, schedule="constant", flip=True, translate=1, seed=5
)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (8, *SHAPE), np.uint8), np.arange(8) % 3
    return Dataset.from_arrays("few", train=(images, labels), validation=(images[:4], labels[:4]))


@pytest.fixture
def network() -> Network:
    graph = Graph(lines(), SHAPE)
    graph.initialise("he", 3)
    return Network(graph)


def test_gradients_are_the_cpus(network: Network) -> None:
    assert_same_gradients(network, 2)


def test_a_run_ends_where_it_ends_on_the_cpu(dataset: Dataset) -> None:
    there, told = trained(Graph(lines(), SHAPE), dataset, SETTINGS, "cuda")
    here, expected = trained(Graph(lines(), SHAPE), dataset, SETTINGS, "cpu")
    assert there.network.device == "cuda"
    assert told[-1] == pytest.approx(expected[-1], rel=1e-4)
    for key, row in enumerate(here.state.rows):
        assert there.state.rows[key]["train_loss"] == pytest.approx(row["train_loss"], rel=1e-4)
        assert there.state.rows[key]["validation_top1_error"] == row["validation_top1_error"]
    for node, name, array in (
        (each.node, each.key, each.value) for each in here.network.graph.parameters.values()
    ):
        np.testing.assert_allclose(there.network.parameter(node, name), array, rtol=1e-3, atol=1e-5)


def test_what_looks_into_a_network_and_breaks_it(network: Network) -> None:
    images, labels = np.random.default_rng(2).integers(0, 256, (2, *SHAPE), np.uint8), np.array([0, 2])
    expected = [
        network.predict(images),
        saliency(network, images, labels),
        FGSM(epsilon=8 / 255)(network, images, labels),
    ]
    network.to("cuda")
    found = [
        network.predict(images),
        saliency(network, images, labels),
        FGSM(epsilon=8 / 255)(network, images, labels),
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_model_is_stored_from_where_it_is(network: Network, tmp_path) -> None:
    before = network.parameter("dense", "weights").copy()
    save_model(tmp_path / "model.h5", network.to("cuda"), record={})
    loaded, _ = load_model(tmp_path / "model.h5")
    assert (loaded.parameter("dense", "weights") == before).all()


def test_an_error_rate_is_the_cpus(network: Network, dataset: Dataset) -> None:
    expected = evaluate(network, dataset.train, batch_size=3)
    found = evaluate(network.to("cuda"), dataset.train, batch_size=3)
    assert found.top1_error == expected.top1_error
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)


def test_parity_of_every_op() -> None:
    found = check_parity(get_device("cuda"))
    assert {each.op for each in found} == set(Kernel.registry)
    worst = max(found, key=lambda each: each.error)
    assert worst.error < 1e-4, worst
