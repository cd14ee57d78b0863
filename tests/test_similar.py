"""Pictures that a network takes for alike, and the features that they are compared by."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.analysis import features, last_hidden, nearest_to
from numbacnn.data import Dataset
from numbacnn.data.pictures import save
from numbacnn.errors import DataError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, GlobalAveragePool, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.storage import load_model, read_features, write_features
from numbacnn_cli import similar
from numbacnn_cli.__main__ import main


def test_the_nearest_by_both_metrics():
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [6.0, 8.1], [4.0, -3.0]], np.float32)
    found = nearest_to(np.array([3.0, 4.0]), rows, 3)
    assert found.indices.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.distances, [0, 5, np.hypot(3, 4.1)], rtol=1e-6)
    found = nearest_to(np.array([3.0, 4.0]), rows, 4, "cosine")
    assert found.indices.tolist() == [0, 2, 1, 3]
    np.testing.assert_allclose(found.distances[[0, 2, 3]], [0, 1, 1], atol=1e-7)
    with pytest.raises(UsageError, match="metric 'cosin'; did you mean 'cosine'"):
        nearest_to(rows[0], rows, 1, "cosin")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="cannot be compared"):
        nearest_to(np.zeros(3), rows)


def test_the_last_hidden_layer_and_volumes_averaged_over_their_places():
    convolutional = Network(
        Graph(
            [("conv", Convolution(5, 3)), ("relu", ReLU()), ("scores", Convolution(3, 1)),
             ("pool", GlobalAveragePool()), ("flat", Flatten()), ("softmax", Softmax())],
            (6, 6, 2),
        )
    )  # fmt: skip
    convolutional.initialise(seed=1)
    assert last_hidden(convolutional) == "relu"
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 2), np.uint8)
    found = features(convolutional, images)
    assert (found.shape, found.dtype) == ((3, 5), np.float32)
    np.testing.assert_allclose(found, convolutional.activations(images, "relu").mean(axis=(1, 2)), rtol=1e-6)
    shallow = Network(Graph([("flat", Flatten()), ("scores", Dense(3)), ("softmax", Softmax())], (2, 2, 1)))
    with pytest.raises(UsageError, match="no hidden layer"):
        last_hidden(shallow)


def test_features_are_stored_and_checked(tmp_path: Path):
    parts = [np.ones((2, 3), np.float32), np.zeros((1, 3), np.float32)]
    write_features(tmp_path / "f.h5", iter(parts), (3, 3), [0, 1, 2], {"layer": "x"})
    found = read_features(tmp_path / "f.h5")
    assert (found.rows.sum(), found.labels.tolist(), found.record) == (6, [0, 1, 2], {"layer": "x"})
    (tmp_path / "f.h5").write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="not an HDF5 file"):
        read_features(tmp_path / "f.h5")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that features are kept in, empty; the test works in one of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(similar, "cache", lambda what: tmp_path / what)
    return tmp_path / "features"


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[dict[str, Any], str]:
    assert main([*map(str, arguments), "--json"]) == code
    shown = capsys.readouterr()
    return json.loads(shown.out), shown.err


def test_a_picture_of_the_data_is_nearest_to_itself(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits = Dataset.open("digits")
    save("seven.png", digits.train.read(slice(17, 18))[0])
    asked = ("similar", "seven.png", "--as-is", "--count", 4)
    result, _ = run(capsys, *asked)
    assert [Path(result["figure"]).name, result["metric"]] == ["similar.png", "euclidean"]
    assert Path(result["figure"]).stat().st_size > 1000
    nearest = result["neighbours"]
    assert (nearest[0]["image"], len(nearest)) == ("train 17", 4)
    assert nearest[0]["distance"] == pytest.approx(0, abs=1e-3)
    assert nearest[0]["class"] == digits.class_names[digits.train.labels[17]]
    (file,) = kept.iterdir()
    file.write_bytes(b"damaged")
    again, said = run(capsys, *asked)
    assert again["neighbours"] == nearest
    assert "computed again" in said
    shutil.rmtree(kept)
    kept.write_text("a file where the folder would be")
    again, said = run(capsys, *asked)
    assert again["neighbours"] == nearest
    assert "features cannot be kept" in said
    run(capsys, "similar", "seven.png", "--layer", "nothing", code=2)
    run(capsys, "similar", "seven.png", "--count", 0, code=2)


@pytest.mark.usefixtures("kept")
def test_features_of_a_split_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    written, _ = run(capsys, "features", "digits", "out.h5", "--split", "test")
    found = read_features(Path(written["features"]))
    assert found.rows.shape == (written["images"], written["numbers"])
    assert written["images"] == len(Dataset.open("digits").test)
    network, _ = load_model(Path(written["model"]))
    expected = features(network, Dataset.open("digits").test.read(slice(0, 5)), written["layer"])
    np.testing.assert_array_equal(found.rows[:5], expected)
    assert run(capsys, "features", "digits", "out.txt", code=2)[0]["error"]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_folder_of_pictures(labelled: bool, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits = Dataset.open("digits")
    for index in range(12):
        folder = Path("mine") / (digits.class_names[digits.train.labels[index]] if labelled else "")
        folder.mkdir(parents=True, exist_ok=True)
        save(folder / f"{index:02}.png", digits.train.read(slice(index, index + 1))[0])
    save("query.png", digits.train.read(slice(7, 8))[0])
    asked = ("similar", "query.png", "--as-is", "--data", "mine", "--count", 2)
    nearest = run(capsys, *asked)[0]["neighbours"]
    assert Path(nearest[0]["image"]).name == "07.png"
    assert nearest[0]["class"] == (digits.class_names[digits.train.labels[7]] if labelled else None)
    of_the_folder = run(capsys, "similar", nearest[0]["image"], *asked[2:])[0]["neighbours"]
    assert len(of_the_folder) == 2
    assert nearest[0]["image"] not in [each["image"] for each in of_the_folder]  # no neighbour of its own
    Path(nearest[0]["image"]).unlink()
    assert Path(run(capsys, *asked)[0]["neighbours"][0]["image"]).name != "07.png"  # and not what was kept
    assert len(list(kept.iterdir())) == 2
    assert run(capsys, "features", "mine", "rows.h5")[0]["images"] == 11
    next(Path("mine").rglob("*.png")).write_bytes(b"no picture")
    said = run(capsys, *asked, code=1)[1]
    assert "cannot be kept" not in said
