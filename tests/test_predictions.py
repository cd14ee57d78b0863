"""What a network says of pictures from Python: named results, files in the place of arrays, ten crops."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import numbacnn as nc
from numbacnn.data.pictures import save
from numbacnn.errors import DataError, UsageError
from numbacnn.fitting import fit, ten_crops
from numbacnn.layers import Dense, Flatten, Pixels, Softmax
from numbacnn.predictions import Predictions

RANDOM = np.random.default_rng(4)


@pytest.fixture(scope="module")
def network() -> nc.Network:
    lines = [
        ("pixels", Pixels()),
        ("flat", Flatten()),
        ("hidden", Dense(5)),
        ("scores", Dense(3)),
        ("out", Softmax()),
    ]
    made = nc.Network(nc.Graph(lines, (14, 14, 1)), ("cat", "dog", "fish"))
    made.initialise()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, shape in (("a.png", (20, 30, 3)), ("b.png", (14, 14, 1)), ("c[1].png", (40, 16, 1))):
        save(tmp_path / name, RANDOM.integers(0, 256, shape, np.uint8))
    return tmp_path


def test_results_have_names_and_are_arrays() -> None:
    found = Predictions(np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]], np.float32), ("cat", "dog", "fish"))
    assert found.names == ("dog", "cat")
    assert found.top(2)[0][0] == ("dog", pytest.approx(0.7))
    assert [answer.name for answer in found[1].top(9)] == ["cat", "dog", "fish"]
    assert found[:1].names == ("dog",)
    assert found.argmax(axis=1).tolist() == [1, 0]
    assert "dog 70.0%, fish 20.0%" in repr(found)
    assert "<td>dog 70.0%" in found._repr_html_()
    assert "dog" not in repr(found.sum(axis=1))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)), found)
    with pytest.raises(UsageError):
        found.top(0)


def test_files_and_folders_in_the_place_of_arrays(network: nc.Network, folder: Path) -> None:
    files = sorted(folder.iterdir())
    one_by_one = np.concatenate([network.predict(file) for file in files])
    for given in (folder, str(folder), files, [str(file) for file in files], f"{folder}/*.png"):
        found = network.predict(given)
        np.testing.assert_allclose(found, one_by_one, rtol=1e-5)
        assert found.images == tuple(map(str, files))
    assert network.predict(f"{folder}/c[1].png").shape == (1, 3)  # the file of that name, and no wildcard
    assert network.features(folder).shape == (3, 5)
    np.testing.assert_array_equal(
        network.features(folder, "scores"), nc.analysis.features(network, files, "scores")
    )
    for wrong in (f"{folder}/*.gif", folder / "none.png", [folder / "a.png", folder / "none.png"]):
        with pytest.raises(DataError):
            network.predict(wrong)
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="no picture"):
        network.predict(folder / "empty")


def test_ten_crops_are_corners_the_middle_and_their_mirror_images() -> None:
    picture = RANDOM.integers(0, 256, (16, 20, 1), np.uint8)
    ten = ten_crops(picture, (14, 14, 1), 16)
    places = ((0, 0), (0, 6), (2, 0), (2, 6), (1, 3))
    for crop, mirrored, (top, left) in zip(ten[:5], ten[5:], places, strict=True):
        np.testing.assert_array_equal(crop, picture[top : top + 14, left : left + 14])
        np.testing.assert_array_equal(mirrored, crop[:, ::-1])
    np.testing.assert_array_equal(ten[4], fit(picture, (14, 14, 1), 16))
    larger = ten_crops(np.repeat(picture[:14, :14], 3, axis=2), (14, 14, 1))  # scaled to 16, and grey
    assert larger.shape == (10, 14, 14, 1)
    assert len({crop.tobytes() for crop in larger}) == 10


def test_ten_crops_are_averaged(network: nc.Network, folder: Path) -> None:
    picture = RANDOM.integers(0, 256, (16, 20, 1), np.uint8)
    expected = network.predict(ten_crops(picture, network.input_shape)).mean(axis=0)
    np.testing.assert_allclose(network.predict(picture[None], crops=10)[0], expected, rtol=1e-5)
    assert network.predict(folder, crops=10).shape == (3, 3)
    with pytest.raises(UsageError, match="crops = 5"):
        network.predict(folder, crops=5)
