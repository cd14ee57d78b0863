from __future__ import annotations

import numpy as np
import pytest

from numbacnn.analysis import pixel_gradients, saliency
from numbacnn.errors import DataError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import AveragePool, Convolution, Dense, Flatten, MaxPool, Pixels, ReLU, Softmax, Tanh
from numbacnn.network import Network
from numbacnn.program import Loss, Program


def small_network(dtype: type = np.float32) -> Network:
    layers = [
        ("pixels", Pixels(mean=(120.0, 110.0, 100.0), scale=1 / 64, channel_order="BGR")),
        ("conv1", Convolution(5, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(2)),
        ("conv2", Convolution(6, 3, padding=1)),
        ("tanh2", Tanh()),
        ("pool2", AveragePool(2)),
        ("flatten", Flatten()),
        ("dense", Dense(4)),
        ("softmax", Softmax()),
    ]
    graph = Graph(layers, (8, 8, 3))
    graph.initialise(seed=3)
    return Network(graph.astype(dtype))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)


def finite_differences(network: Network, images: np.ndarray, of: str, classes: list[int]) -> np.ndarray:
    """The gradient by central differences in float64, 1e-3 of a pixel's 255 levels."""
    plan, step = Program(network.graph, 1), 1e-3
    gradient = np.zeros(images.shape)
    for index in np.ndindex(*images.shape):
        found = []
        for sign in (1, -1):
            plan.load(images[index[0] : index[0] + 1])
            plan.input[(0, *index[1:])] += sign * step
            plan.forward()
            chosen = classes[index[0]]
            score = plan.output(plan.scores)[0, chosen]
            found.append(score if of == "score" else plan.losses(np.array([chosen]), Loss())[0])
        gradient[index] = (found[0] - found[1]) / (2 * step)
    return gradient


@pytest.mark.parametrize("of", ["score", "loss"])
def test_agrees_with_finite_differences(images: np.ndarray, of: str) -> None:
    network, classes = small_network(np.float64), [2, 0, 3]
    expected = finite_differences(network, images, of, classes)
    found = pixel_gradients(network, images, classes, of=of)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_array_equal(saliency(network, images, classes, of=of), np.abs(found).max(axis=3))


def test_float32_agrees_with_float64(images: np.ndarray) -> None:
    found = pixel_gradients(small_network(), images, 1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, pixel_gradients(small_network(np.float64), images, 1), rtol=1e-3, atol=1e-5
    )


def test_classes_left_out_are_the_predicted_ones(images: np.ndarray) -> None:
    network = small_network()
    predicted = network.predict(images).argmax(axis=1)
    np.testing.assert_array_equal(saliency(network, images), saliency(network, images, predicted))


def test_batches_and_floats_make_no_difference(images: np.ndarray) -> None:
    network = small_network()
    whole = saliency(network, images, 1)
    assert whole.shape == (3, 8, 8)
    np.testing.assert_allclose(saliency(network, images, 1, batch_size=2), whole, rtol=1e-5)
    np.testing.assert_allclose(saliency(network, images / 255, 1), whole, rtol=1e-3, atol=1e-5)


def test_guided_rule_stops_what_is_negative(images: np.ndarray) -> None:
    network = small_network()
    guided = pixel_gradients(network, images, 1, rule="guided")
    assert not np.allclose(guided, pixel_gradients(network, images, 1))


def test_what_cannot_be_asked(images: np.ndarray) -> None:
    network = small_network()
    with pytest.raises(DataError, match="label 4: class indices from 0 to 3"):
        saliency(network, images, [0, 1, 4])
    with pytest.raises(UsageError, match="did you mean 'score'"):
        saliency(network, images, of="scores")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="starts at a class's score"):
        saliency(network, images, of="loss", rule="guided")
    with pytest.raises(ShapeError, match="is expected"):
        saliency(network, images[..., :2])


def test_the_loss_of_a_sure_network_still_has_a_direction(images):
    network = small_network()
    weights = network.parameter("dense", "weights")
    network.graph.write("dense/weights", np.asarray(weights) * 1e4)
    gradients = pixel_gradients(network, images, of="loss")
    assert np.isfinite(gradients).all()
    assert gradients.any(axis=(1, 2, 3)).all()
