"""Networks: pictures in, probabilities out."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.errors import DataError, NetworkError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Dense, Flatten, Softmax
from numbacnn.network import Network
from numbacnn.program import Program


@pytest.fixture(scope="module")
def network():
    return build("digits", seed=1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1)).astype(np.uint8)


def test_predict_gives_probabilities_whatever_the_batch_size(network, images):
    expected = network.predict(images)
    assert expected.shape == (7, 10)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(expected.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(network.predict(images, batch_size=3), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(network.predict(images[2:3]), expected[2:3], rtol=1e-4, atol=1e-6)


def test_grey_pictures_may_leave_their_channel_out(network, images):
    assert (network.predict(images[..., 0]) == network.predict(images)).all()


def test_floats_in_0_1_are_pixels_too(network, images):
    np.testing.assert_allclose(network.predict(images / 255), network.predict(images), rtol=1e-3, atol=1e-5)


def test_activations_of_a_layer(network, images):
    found = network.activations(images, "pool2", batch_size=4)
    assert found.shape == (7, 4, 4, 32)
    plan = Program(network.graph, 7)
    plan.forward(images)
    np.testing.assert_allclose(found, plan.output("pool2"), rtol=1e-4, atol=1e-4)
    with pytest.raises(UsageError, match=r"no layer is named 'pool'; did you mean 'pool[23]'?"):
        network.activations(images, "pool")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (np.zeros((2, 8, 9, 2), np.uint8), ShapeError, r"\(2, 8, 9, 2\): \(N, 8, 8, 1\) is expected"),
        (np.zeros((0, 8, 8, 1), np.uint8), ShapeError, "is expected"),
        (np.zeros((8, 8), np.uint8), ShapeError, "is expected"),
        (np.zeros((1, 8, 8, 1), np.int64), DataError, r"uint8, or floats in \[0, 1\], are expected"),
        (np.full((1, 8, 8, 1), 200.0), DataError, "values from 200 to 200"),
        (np.full((1, 8, 8, 1), np.nan), DataError, "values from nan to nan"),
    ],
)
def test_what_are_no_pictures_is_refused(network, given, error, message):
    with pytest.raises(error, match=message):
        network.predict(given)


def test_plans_are_kept(network):
    assert network.program(4, "input") is network.program(3, "input")
    larger = network.program(6, "input")
    assert larger.batch_size == 6
    assert network.program(4, "input") is larger
    assert network.program(4, "all") is not larger


def test_a_network_has_one_row_of_classes():
    with pytest.raises(ShapeError, match="softmax takes one score a class, and gets a volume 7x7x2"):
        Network(Graph([("softmax", Softmax())], (7, 7, 2)))


def test_a_network_ends_in_softmax_and_names_its_classes():
    lines = [("flatten", Flatten()), ("dense", Dense(3))]
    with pytest.raises(NetworkError, match=r"a network ends in softmax, .* and 'dense' is dense"):
        Network(Graph(lines, (2, 2, 1)))
    graph = Graph([*lines, ("softmax", Softmax())], (2, 2, 1))
    assert Network(graph).class_names == ("0", "1", "2")
    with pytest.raises(NetworkError, match="2 class names for 3 classes"):
        Network(graph, ("cat", "dog"))


def test_one_class_is_no_choice():
    with pytest.raises(NetworkError, match="two classes or more"):
        Network(Graph([("flatten", Flatten()), ("dense", Dense(1)), ("softmax", Softmax())], (2, 2, 1)))


def test_a_device_that_is_not_there_is_not_replaced():
    graph = Graph([("flatten", Flatten()), ("dense", Dense(2)), ("softmax", Softmax())], (2, 2, 1))
    with pytest.raises(UsageError, match="unknown device 'tpu'"):
        Network(graph, device="tpu")


def test_several_threads_get_each_its_own_answers(network):
    generator = np.random.default_rng(4)
    asked = [generator.integers(0, 256, (5 + 3 * i, 8, 8, 1)).astype(np.uint8) for i in range(4)]
    right = [network.predict(images) for images in asked]
    seen = [network.activations(images, "conv1") for images in asked]
    wrong = []

    def ask(i):
        for _ in range(25):
            if not np.array_equal(network.predict(asked[i]), right[i]):
                wrong.append(i)
            if not np.array_equal(network.activations(asked[i], "conv1"), seen[i]):
                wrong.append(i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_thread_has_plans_of_its_own_and_keeps_them(network):
    here, there = network.program(3), []
    thread = threading.Thread(target=lambda: there.extend([network.program(3), network.program(2)]))
    thread.start()
    thread.join()
    assert there[0] is there[1] is not here
    assert network.program(3) is here


def test_a_network_that_has_predicted_can_be_copied_and_pickled(network, images):
    expected = network.predict(images)
    for other in (copy.copy(network), pickle.loads(pickle.dumps(network))):
        np.testing.assert_array_equal(other.predict(images), expected)
