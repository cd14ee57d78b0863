"""Every attribution method of the registry, on a small network, beside what its definition says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_saliency import small_network

from numbacnn.analysis import (
    METHODS,
    Deconvnet,
    GradCAM,
    GradientTimesInput,
    GuidedBackpropagation,
    GuidedGradCAM,
    IntegratedGradients,
    Occlusion,
    Saliency,
    SmoothGrad,
    pixel_gradients,
)
from numbacnn.errors import DataError, UsageError
from numbacnn.fitting import scaled
from numbacnn.network import Network

CLASSES = [2, 0, 3]


@pytest.fixture(scope="module")
def network() -> Network:
    return small_network()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)


def score(network: Network, images: np.ndarray, classes: list[int]) -> np.ndarray:
    plan = network.program(len(images))
    return plan.forward(images, until=plan.scores)[np.arange(len(images)), classes].copy()


@pytest.mark.parametrize("name", METHODS)
def test_what_every_method_promises(name: str, network: Network, images: np.ndarray) -> None:
    before = {key: array.tobytes() for key, array in network.graph.snapshot().items()}
    method = METHODS[name]()
    found = method(network, images, CLASSES)
    assert found.maps.shape == (3, 8, 8)
    assert found.values.shape in ((3, 8, 8, 3), (3, 8, 8, 1))
    assert found.values.dtype == found.maps.dtype == np.float32
    assert found.classes.tolist() == CLASSES
    assert found.maps.any(axis=(1, 2)).all()
    assert method.signed or (found.maps >= 0).all()
    # Batches of another size, and pictures alone, give the same bits.
    assert method(network, images, CLASSES, batch_size=2).values.tobytes() == found.values.tobytes()
    assert method(network, images[1:2], CLASSES[1]).maps.tobytes() == found.maps[1].tobytes()
    assert {key: array.tobytes() for key, array in network.graph.snapshot().items()} == before
    predicted = network.predict(images).argmax(axis=1)
    assert method(network, images).classes.tolist() == predicted.tolist()
    with pytest.raises(DataError, match="class indices from 0 to 3"):
        method(network, images, 4)


@pytest.mark.parametrize(
    ("method", "rule"),
    [(Saliency, "standard"), (GuidedBackpropagation, "guided"), (Deconvnet, "deconvnet")],
)
def test_walks_back_are_the_programs(method, rule: str, network: Network, images: np.ndarray) -> None:
    expected = pixel_gradients(network, images, CLASSES, rule=rule)
    np.testing.assert_array_equal(method()(network, images, CLASSES).values, expected)


def test_gradient_times_input(network: Network, images: np.ndarray) -> None:
    gradient = pixel_gradients(network, images, CLASSES)
    for baseline, start in (("mean", network.graph.pixels.mean), ("black", 0), (30, 30)):
        found = GradientTimesInput(baseline)(network, images, CLASSES)
        np.testing.assert_allclose(found.values, gradient * (images - np.array(start)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("baseline", ["black", "mean", 200.0])
def test_integrated_gradients_are_complete(baseline, network: Network, images: np.ndarray) -> None:
    found = IntegratedGradients(baseline, steps=300)(network, images, CLASSES)
    level = {"black": 0, "mean": network.graph.pixels.mean}.get(baseline, baseline)
    start = np.broadcast_to(np.asarray(level) / 255, images.shape)
    change = score(network, images, CLASSES) - score(network, start, CLASSES)
    np.testing.assert_allclose(found.facts["score_change"], change, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), change, rtol=0.02, atol=0.01)
    error = found.values.sum(axis=(1, 2, 3)) - change
    np.testing.assert_allclose(found.facts["completeness_error"], error, atol=1e-3)
    coarse = IntegratedGradients(baseline, steps=2)(network, images, CLASSES).facts["completeness_error"]
    assert np.abs(found.facts["completeness_error"]).max() < np.abs(coarse).max()


def test_smoothgrad_is_the_mean_over_noisy_copies(network: Network, images: np.ndarray) -> None:
    method = SmoothGrad(samples=5, noise=0.2, seed=7)
    image = (images[0] / 255).astype(np.float32)
    spread = 0.2 * (image.max() - image.min())
    total = np.zeros(image.shape)
    for number in range(5):
        noisy = np.float32(image + spread * method.noise_of(number, image.shape))
        plan = network.program(1, "input")
        plan.forward(noisy[None])
        total += plan.backward(plan.scores, np.eye(4, dtype=np.float32)[[2]])[0]
    found = method(network, images[:1], 2).values[0]
    np.testing.assert_allclose(found, total / 5, rtol=1e-3, atol=1e-6)
    assert not np.array_equal(found, replace(method, seed=8)(network, images[:1], 2).values[0])
    without = SmoothGrad(samples=2, noise=0.0)(network, images, CLASSES).values
    np.testing.assert_allclose(without, Saliency()(network, images, CLASSES).values, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("layer", "node"), [(None, "tanh2"), ("conv1", "relu1"), ("pool1", "pool1")])
def test_grad_cam_weights_maps_by_their_mean_gradients(
    layer: str | None, node: str, network: Network, images: np.ndarray
) -> None:
    plan = network.program(3, "input", keep=(node,), keep_gradients=(node,))
    plan.forward(images)
    maps = plan.output(node).copy()
    plan.backward(plan.scores, np.eye(4, dtype=np.float32)[CLASSES])
    weights = plan.gradient_at(node).mean(axis=(1, 2))
    coarse = np.maximum(np.einsum("npqk,nk->npq", maps, weights), 0)
    expected = np.stack([scaled(one[..., None], 8, 8) for one in coarse])
    np.testing.assert_allclose(
        GradCAM(layer)(network, images, CLASSES).values, expected, rtol=1e-4, atol=1e-6
    )
    guided = GuidedGradCAM(layer)(network, images, CLASSES).values
    product = expected * pixel_gradients(network, images, CLASSES, rule="guided")
    np.testing.assert_allclose(guided, product, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("window", "stride", "value"), [(3, 2, "black"), (4, 4, "white"), (8, 8, "mean")])
def test_occlusion_is_the_mean_fall_of_the_score(
    window: int, stride: int, value: str, network: Network, images: np.ndarray
) -> None:
    level = {"black": 0.0, "white": 1.0, "mean": np.array(network.graph.pixels.mean) / 255}[value]
    whole = score(network, images, CLASSES)
    for place, image in enumerate(images):
        falls: list[list[list[float]]] = [[[] for _ in range(8)] for _ in range(8)]
        for top in range(0, 8, stride):
            for left in range(0, 8, stride):
                if (top and top - stride + window >= 8) or (left and left - stride + window >= 8):
                    continue  # the window before reaches the edge already
                hidden = image / 255
                hidden[top : top + window, left : left + window] = level
                fall = whole[place] - score(network, hidden[None], [CLASSES[place]])[0]
                for row in range(top, min(top + window, 8)):
                    for column in range(left, min(left + window, 8)):
                        falls[row][column].append(fall)
        expected = [[np.mean(found) for found in row] for row in falls]
        found = Occlusion(window, stride, value)(network, image[None], CLASSES[place]).maps[0]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_options_that_do_not_fit(network: Network, images: np.ndarray) -> None:
    with pytest.raises(UsageError, match="did you mean 'black'"):
        IntegratedGradients("blak")
    with pytest.raises(UsageError, match="from 0 to 255"):
        Occlusion(value=256)
    with pytest.raises(UsageError, match="steps 0"):
        IntegratedGradients(steps=0)
    with pytest.raises(UsageError, match="noise nan"):
        SmoothGrad(noise=float("nan"))
    with pytest.raises(UsageError, match="window 9: a whole number from 1 to 8"):
        Occlusion(9)(network, images)
    with pytest.raises(UsageError, match="stride 3 is larger than the window 2"):
        Occlusion(2, 3)(network, images)
    with pytest.raises(UsageError, match="'dense' is flat"):
        GradCAM("dense")(network, images)
    with pytest.raises(UsageError, match="did you mean 'conv"):
        GradCAM("conv3")(network, images)
