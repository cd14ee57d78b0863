from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbacnn.analysis import (
    activation_of,
    layers_with_units,
    receptive_field,
    reconstruct,
    scan,
    strongest,
    unit_patches,
    way_back,
)
from numbacnn.errors import DataError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Add, BatchNorm, Convolution, Dense, Flatten, MaxPool, Pixels, ReLU, ReLU6, Softmax
from numbacnn.network import Network

MEAN, SCALE = (120.0, 110.0, 100.0), 1 / 64


@pytest.fixture(scope="module")
def network() -> Network:
    layers = [
        ("pixels", Pixels(mean=MEAN, scale=SCALE)),
        ("conv1", Convolution(5, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(3, stride=2, rounding="ceil")),
        ("conv2", Convolution(4, 3, stride=2, padding=(1, 0, 1, 0))),
        ("relu2", ReLU()),
        ("flatten", Flatten()),
        ("dense", Dense(6)),
        ("relu3", ReLU()),
        ("scores", Dense(4)),
        ("softmax", Softmax()),
    ]
    graph = Graph(layers, (12, 12, 3))
    graph.initialise(seed=5)
    return Network(graph)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (40, 12, 12, 3), np.uint8)


def windows(size: int, extent: int, stride: int, before: int, count: int) -> list[list[tuple[int, int]]]:
    """For each output place: (place in the window, place in the input) of the cells inside the input."""
    return [
        [(r, p * stride - before + r) for r in range(extent) if 0 <= p * stride - before + r < size]
        for p in range(count)
    ]


def convolve(x: Any, layer: dict[str, Any], stride: int, before: int, count: int) -> Any:
    weights, bias = layer["weights"].astype(float), layer["bias"].astype(float)
    y = np.tile(bias, (count, count, 1))
    places = windows(len(x), 3, stride, before, count)
    for p, q in np.ndindex(count, count):
        for r, h in places[p]:
            for s, w in places[q]:
                y[p, q] += x[h, w] @ weights[r, s]
    return y


def transposed(d_y: Any, layer: dict[str, Any], stride: int, before: int, size: int) -> Any:
    weights = layer["weights"].astype(float)
    d_x = np.zeros((size, size, weights.shape[2]))
    places = windows(size, 3, stride, before, len(d_y))
    for p, q in np.ndindex(*d_y.shape[:2]):
        for r, h in places[p]:
            for s, w in places[q]:
                d_x[h, w] += weights[r, s] @ d_y[p, q]
    return d_x


def naive_deconvnet(network: Network, image: Any, unit: int, row: int, column: int) -> Any:
    """Zeiler and Fergus' section 2.1 for this network's relu2, step by step."""
    conv1, conv2 = (
        {key: network.parameter(node, key) for key in ("weights", "bias")} for node in ("conv1", "conv2")
    )
    maps1 = np.maximum(convolve((image - np.array(MEAN)) * SCALE, conv1, 1, 1, 12), 0)
    places = windows(12, 3, 2, 0, 6)
    pooled, switches = np.zeros((6, 6, 5)), {}
    for p, q, c in np.ndindex(6, 6, 5):
        cells = [(h, w) for _, h in places[p] for _, w in places[q]]
        switches[p, q, c] = max(cells, key=lambda cell: maps1[(*cell, c)])
        pooled[p, q, c] = maps1[(*switches[p, q, c], c)]
    maps2 = np.maximum(convolve(pooled, conv2, 2, 1, 3), 0)

    signal = np.zeros_like(maps2)
    signal[row, column, unit] = maps2[row, column, unit]  # all other activations are set to zero
    signal = transposed(np.maximum(signal, 0), conv2, 2, 1, 6)  # rectify, filter
    unpooled = np.zeros_like(maps1)
    for (p, q, c), cell in switches.items():
        unpooled[(*cell, c)] += signal[p, q, c]
    return transposed(np.maximum(unpooled, 0), conv1, 1, 1, 12) * SCALE


@pytest.mark.parametrize(("unit", "row", "column"), [(0, 0, 0), (1, 1, 1), (2, 2, 1), (3, 0, 2), (1, 2, 2)])
def test_agrees_with_the_naive_walk(
    network: Network, images: np.ndarray, unit: int, row: int, column: int
) -> None:
    found = reconstruct(network, images[:3], "conv2", unit, (row, column))
    for image, walked in zip(images, found, strict=False):
        expected = naive_deconvnet(network, image.astype(float), unit, row, column)
        np.testing.assert_allclose(walked, expected, rtol=1e-4, atol=1e-6)


def test_many_units_at_once_are_the_same_as_one_by_one(network: Network, images: np.ndarray) -> None:
    units, positions = np.array([0, 3, 1, 2, 3]), np.array([[0, 1], [2, 2], [1, 0], [0, 0], [1, 1]])
    together = reconstruct(network, images[:5], "relu2", units, positions, batch_size=2)
    for n in range(5):
        alone = reconstruct(network, images[n : n + 1], "relu2", int(units[n]), positions[n])[0]
        np.testing.assert_allclose(together[n], alone, rtol=1e-5, atol=1e-7)
    standard = reconstruct(network, images[:5], "relu2", units, positions, rule="standard")
    assert not np.allclose(standard, together)


def test_nothing_outside_the_receptive_field(network: Network, images: np.ndarray) -> None:
    for row, column in np.ndindex(3, 3):
        walked = reconstruct(network, images[:8], "conv2", 1, (row, column)).copy()
        box = receptive_field(network, "conv2", row, column)
        walked[:, box.top : box.bottom, box.left : box.right] = 0
        assert not walked.any()


def brute_force(maps: Any, unit: int, count: int) -> list[tuple[int, int, int, float]]:
    """(image, row, column, value), best first; of equals the earlier picture, then the earlier place."""
    found = []
    for image, values in enumerate(maps[..., unit]):
        row, column = min(np.ndindex(*values.shape), key=lambda at: -values[at])
        found.append((image, row, column, float(values[row, column])))
    return sorted(found, key=lambda winner: -winner[3])[:count]


@pytest.mark.parametrize("batch", [1, 7, 40])
def test_streaming_equals_brute_force(network: Network, images: np.ndarray, batch: int) -> None:
    again = np.concatenate([images, images[::-1]])  # every activation occurs twice: ties everywhere
    maps = network.activations(again, "relu2")
    pieces = (again[start : start + batch] for start in range(0, len(again), batch))
    found = strongest(network, pieces, "conv2", count=9)
    assert found.node == "relu2"
    for place, unit in enumerate(found.units):
        columns = (found.images[place], found.rows[place], found.columns[place], found.values[place])
        winners = list(zip(*(column.tolist() for column in columns), strict=True))
        assert [winner[:3] for winner in winners] == [winner[:3] for winner in brute_force(maps, unit, 9)]
        np.testing.assert_allclose(found.values[place], [w[3] for w in brute_force(maps, unit, 9)], rtol=1e-5)


@pytest.mark.parametrize("batch", [3, 40])
def test_one_look_at_the_pictures_serves_all_layers(network: Network, images: np.ndarray, batch: int) -> None:
    pieces = [images[start : start + batch] for start in range(0, len(images), batch)]
    looks = iter(pieces)  # nobody can look twice
    found = scan(network, looks, ["conv1", "pool1", "conv2", "dense"])
    assert list(found) == ["conv1", "pool1", "conv2", "dense"]
    for name, of_layer in found.items():
        alone = vars(strongest(network, pieces, name))
        for field, array in vars(of_layer).items():
            np.testing.assert_array_equal(array, alone[field])
        largest = network.activations(images, of_layer.node).reshape(40, -1, len(of_layer.units)).max(axis=1)
        np.testing.assert_allclose(of_layer.means, largest.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(of_layer.deviations, largest.std(axis=0), rtol=1e-3, atol=1e-6)
        np.testing.assert_array_equal(of_layer.active, (largest > 0).mean(axis=0))
    assert found["conv1"].selectivity.shape == (5,)


def test_what_is_kept_does_not_grow_with_the_pictures(network: Network, images: np.ndarray) -> None:
    few = scan(network, [images], ["conv1"])["conv1"]
    many = scan(network, (images for _ in range(20)), ["conv1"])["conv1"]
    assert [array.shape for array in vars(few).values() if not isinstance(array, str)] == [
        array.shape for array in vars(many).values() if not isinstance(array, str)
    ]
    assert many.images.max() < 20 * len(images)


def test_fewer_pictures_than_asked_for_and_labels_beside_them(network: Network, images: np.ndarray) -> None:
    found = strongest(network, [(images[:3], np.zeros(3)), (images[3:4], np.zeros(1))], "conv1", [4, 1])
    assert found.images.shape == (2, 4)
    assert found.units.tolist() == [4, 1]
    assert set(found.images[0].tolist()) == {0, 1, 2, 3}


def test_patches_are_cut_to_the_receptive_field(network: Network, images: np.ndarray) -> None:
    winners = strongest(network, [images], "conv1", count=9)
    found = list(unit_patches(network, images.__getitem__, winners))
    assert [entry.unit for entry in found] == [0, 1, 2, 3, 4]
    for entry in found:
        for place, (patch, walked) in enumerate(zip(entry.patches, entry.reconstructions, strict=True)):
            assert patch.shape == walked.shape == (3, 3, 3)
            row, column, image = entry.rows[place], entry.columns[place], images[entry.images[place]]
            bordered = np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=128)
            np.testing.assert_array_equal(patch, bordered[row : row + 3, column : column + 3])
            # The first convolution's unit is its own filter, turned into pixels.
            weights = network.graph.read("conv1/weights")[..., entry.unit]
            inside = np.pad(np.ones((12, 12, 1)), ((1, 1), (1, 1), (0, 0)))[
                row : row + 3, column : column + 3
            ]
            expected = weights * SCALE * entry.activations[place] * inside
            np.testing.assert_allclose(walked, expected, rtol=1e-4, atol=1e-7)
            box = entry.boxes[place]
            assert (box.bottom - box.top) * (box.right - box.left) == inside.sum()


def test_dense_units_see_the_whole_picture(network: Network, images: np.ndarray) -> None:
    winners = strongest(network, [images], "dense", [2, 5], count=4)
    assert winners.node == "relu3"
    for entry in unit_patches(network, images.__getitem__, winners, batch_size=3):
        assert [patch.shape for patch in entry.patches] == [(12, 12, 3)] * 4
        np.testing.assert_array_equal(entry.patches[0], images[entry.images[0]])
        assert np.abs(entry.reconstructions[0]).max() > 0


def test_a_name_means_its_activation(network: Network) -> None:
    assert [activation_of(network, name) for name in ("conv1", "relu1", "pool1", "scores")] == [
        "relu1",
        "relu1",
        "pool1",
        "scores",
    ]


@pytest.fixture(scope="module")
def residual() -> Network:
    layers = [
        ("conv1", Convolution(4, 3, padding=1)),
        ("norm1", BatchNorm()),
        ("relu1", ReLU6()),
        ("conv2", Convolution(4, 3, padding=1)),
        ("norm2", BatchNorm()),
        ("sum", Add(), ("norm2", "relu1")),
        ("relu2", ReLU()),
        ("flatten", Flatten()),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ]
    graph = Graph(layers, (6, 6, 1))
    graph.initialise(seed=1)
    return Network(graph)


def test_normalisations_belong_to_their_layer_and_sums_have_units(residual: Network) -> None:
    assert layers_with_units(residual) == ["conv1", "conv2", "sum", "scores"]
    shown = [activation_of(residual, name) for name in layers_with_units(residual)]
    assert shown == ["relu1", "norm2", "relu2", "scores"]


def test_the_way_back_is_said_of_the_layers_on_it(network: Network, residual: Network) -> None:
    said = way_back(residual, "relu2")
    assert set(said) == {"relu", "add", "batch-norm", "convolution", "relu6", "pixels"}
    assert "whole signal to each" in said["add"]
    assert said["relu"] == "keeps the positive part of the signal, whatever its input was"
    assert "where its input was" in way_back(residual, "relu2", "guided")["relu6"]
    assert set(way_back(network, "conv1")) == {"convolution", "pixels"}
    assert "overlap" in way_back(network, "conv2")["max-pool"]
    with pytest.raises(UsageError, match="unknown backward rule 'deconv'"):
        way_back(network, "conv1", "deconv")


def test_what_cannot_be_asked(network: Network, images: np.ndarray) -> None:
    with pytest.raises(UsageError, match="did you mean 'conv2'"):
        strongest(network, [images], "cnv2")
    with pytest.raises(UsageError, match="unit 4 of 'relu2': it has units 0 to 3"):
        strongest(network, [images], "conv2", [1, 4])
    with pytest.raises(UsageError, match=r"place \(3, 0\) of 'relu2': its output has 3 rows and 3 columns"):
        reconstruct(network, images[:1], "conv2", 0, (3, 0))
    with pytest.raises(UsageError, match="unknown backward rule"):
        reconstruct(network, images[:1], "conv2", 0, rule="deconv")
    with pytest.raises(DataError, match="no pictures"):
        strongest(network, [], "conv2")
    with pytest.raises(UsageError, match="no layer is named"):
        scan(network, [images], [])
