"""Deletion and insertion, and the check of random weights."""

from __future__ import annotations

import numpy as np
import pytest
from figure_checks import check
from numpy.random import default_rng
from test_saliency import small_network

from numbacnn.analysis import (
    UNCHANGED,
    GradCAM,
    Saliency,
    check_randomisation,
    deletion_insertion,
    rank_correlation,
)
from numbacnn.analysis.randomisation import cascade
from numbacnn.analysis.smoothing import blurred
from numbacnn.errors import ShapeError
from numbacnn.figures import Compared, Reference, attribution_comparison
from numbacnn.network import Network

CLASSES = np.array([2, 0, 3])


@pytest.fixture(scope="module")
def network() -> Network:
    return small_network()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)


def test_deletion_and_insertion_change_the_most_important_pixels_first(
    network: Network, images: np.ndarray
) -> None:
    maps = default_rng(1).random((3, 8, 8))
    found = deletion_insertion(network, images, maps, CLASSES, steps=4, value="black", batch_size=2)
    np.testing.assert_allclose(found.shares, [0, 0.25, 0.5, 0.75, 1])
    order = np.argsort(-maps[1], axis=None)
    blurry = blurred((images[1] / 255).astype(np.float32), 1.0)
    for place, count in enumerate((0, 16, 32, 48, 64)):
        chosen = order[:count] // 8, order[:count] % 8
        without, given = images[1] / 255, blurry.copy()
        without[chosen], given[chosen] = 0, images[1][chosen] / 255
        for picture, curve in ((without, found.deletion), (given, found.insertion)):
            expected = network.predict(picture[None].astype(np.float32))[0, 0]
            np.testing.assert_allclose(curve[1, place], expected, rtol=1e-3)
    areas = np.trapezoid(found.deletion, found.shares, axis=1)
    np.testing.assert_allclose(found.deletion_area, areas)
    with pytest.raises(ShapeError, match="one of each picture's size"):
        deletion_insertion(network, images, maps[:, :4], CLASSES)


def test_rank_correlation() -> None:
    values = default_rng(0).random(50)
    assert rank_correlation(values, np.exp(5 * values)) == pytest.approx(1)
    assert rank_correlation(values, -(values**3)) == pytest.approx(-1)
    assert rank_correlation(values, np.ones(50)) == 0
    ties = np.array([1, 2, 2, 3]), np.array([4, 1, 3, 3])  # ranks 1, 2.5, 2.5, 4 and 4, 1, 2.5, 2.5
    assert rank_correlation(*ties) == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [4, 1, 2.5, 2.5])[0, 1])


def test_the_cascade_randomises_from_the_top_and_leaves_the_network_as_it_was(network: Network) -> None:
    before = {key: array.copy() for key, array in network.graph.snapshot().items()}
    reached = []
    for layer, count, changed in cascade(network, stages=5):
        now = changed.graph.snapshot()
        random = {key.split("/")[0] for key in before if not np.array_equal(before[key], now[key])}
        reached.append((layer, count, random))
    assert reached == [
        ("dense", 1, {"dense"}),
        ("conv2", 2, {"dense", "conv2"}),
        ("conv1", 3, {"dense", "conv2", "conv1"}),
    ]
    assert all(np.array_equal(before[key], array) for key, array in network.graph.snapshot().items())
    assert [count for _, count, _ in cascade(network, stages=2)] == [1, 3]
    assert [count for _, count, _ in cascade(network, stages=1)] == [3]


def test_correlations_are_those_of_the_maps(network: Network, images: np.ndarray) -> None:
    methods = [Saliency(), GradCAM()]
    found = list(check_randomisation(network, images, CLASSES, methods, stages=2, seed=1))
    assert [(each.method.name, each.layers) for each in found] == [
        ("saliency", 1), ("grad-cam", 1), ("saliency", 3), ("grad-cam", 3),
    ]  # fmt: skip
    whole = Saliency()(network, images, CLASSES).maps
    assert found[2].correlations.tolist() == [
        rank_correlation(*pair) for pair in zip(whole, found[2].maps, strict=True)
    ]


@pytest.mark.parametrize("stages", [(), (1, 7, 26)])
def test_a_comparison_holds_all_its_text(stages: tuple[int, ...]) -> None:
    generator = default_rng(0)
    shares = np.linspace(0, 1, 11)
    methods = [
        Compared(
            "guided backpropagation",
            generator.standard_normal((8, 8)),
            bool(place % 2),
            generator.random(11),
            generator.random(11),
            (0.123, 0.456),
            [generator.random((8, 8)) for _ in stages],
            [0.9 for _ in stages],
            True if stages else None,
        )
        for place in range(9)
    ]
    reference = Reference(shares, shares, shares, stages, UNCHANGED)
    picture = generator.integers(0, 256, (60, 40, 3), np.uint8)
    figure = attribution_comparison(picture, methods, reference, "A title", provenance="model m.h5")
    check(figure)
    assert len(figure.axes) == (4 if stages else 3)
    marked = [text for text in figure.axes[0].texts if "UNCHANGED (" in text.get_text()]
    assert len(marked) == (9 if stages else 0)
