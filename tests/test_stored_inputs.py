"""Networks with inputs beside pictures: written in TOML, trained on arrays, saved, loaded, shown and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import numbacnn
from numbacnn.architectures import build
from numbacnn.errors import ModelError, NetworkError, NumbacnnError, ShapeError, UsageError
from numbacnn.network import Network
from numbacnn.training import train_arrays

ENDS = """
all = { type = "concatenate", inputs = ["seen", "heard"] }
scores = { type = "dense", outputs = 3 }
softmax = { type = "softmax" }
"""
TEXT = """
text = { type = "embedding", vocabulary = 11, size = 4, length = 6 }
heard = { type = "flatten" }
"""
BOARD = """[layers]
board = { type = "planes", shape = [5, 5, 2] }
seen = { type = "flatten" }
"""
PICTURES = """input = [8, 8, 1]
[layers]
seen = { type = "flatten" }
"""
COUNT = 40


def written(path: Path, text: str) -> Network:
    path.write_text(text)
    return build(path, seed=1)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """A board and a text."""
    return written(tmp_path / "board.toml", BOARD + TEXT + ENDS)


@pytest.fixture
def given() -> dict[str, Any]:
    generator = np.random.default_rng(3)
    return {
        "board": generator.standard_normal((COUNT, 5, 5, 2)),
        "text": generator.integers(0, 11, (COUNT, 6)),
    }


def test_it_learns_and_is_the_same_after_it_was_saved(network, given, tmp_path):
    labels = (given["text"][:, 0] > 5).astype(int) + (given["board"][:, 0, 0, 0] > 0)
    *_, last = train_arrays(network, labels, others=given, epochs=30, learning_rate=0.1, batch_size=16)
    assert (last.epoch, last.top1_error) == (30, 0.0)
    answers = network.predict(others=given)
    assert (answers.argmax(axis=1) == labels).all()
    numbacnn.save(tmp_path / "board.h5", network)
    loaded = numbacnn.load(tmp_path / "board.h5")
    assert loaded.graph.inputs == {"board": "planes of 5x5x2", "text": "6 tokens below 11"}
    assert loaded.predict(others=given, batch_size=7).tobytes() == answers.tobytes()
    assert "inputs board (planes of 5x5x2), text (6 tokens below 11), 3 classes" in repr(loaded)


def test_pictures_and_a_text(tmp_path, given):
    network = written(tmp_path / "both.toml", PICTURES + TEXT + ENDS)
    pictures, text = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 1), np.uint8), given["text"]
    labels = (pictures[:, 0, 0, 0] > 127).astype(int) + (text[:, 0] > 5)
    before = network.predict(pictures, others={"text": text})
    for _ in train_arrays(network, labels, pictures, others={"text": text}, epochs=2, learning_rate=1e-5):
        pass
    numbacnn.save(tmp_path / "both.h5", network)
    after = numbacnn.load(tmp_path / "both.h5").predict(pictures / 255, others={"text": text})
    assert not np.array_equal(after, before)
    np.testing.assert_allclose(after, network.predict(pictures, others={"text": text}), rtol=1e-4, atol=1e-6)
    with pytest.raises(
        NetworkError, match=r"inputs pixels \(pictures of 8x8x1\), text \(6 tokens below 11\)"
    ):
        network.activations(pictures, "seen")
    with pytest.raises(UsageError, match="views and crops are of pictures alone"):
        network.predict(pictures, others={"text": text}, crops=10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": None}, "inputs board are given, and board, text are expected"),
        ({"words": 1}, "inputs board, text, words are given"),
        ({"board": 3}, r"'board' is given int64 \(\): numbers of the shape \(1, 5, 5, 2\)"),
        ({"text": np.zeros((4, 6), int)}, r"'text' is given int64 \(4, 6\): whole numbers of the shape \(40, 6\)"),
        ({"text": np.full((COUNT, 6), 11)}, "tokens from 11 to 11: whole numbers from 0 to 10 are expected"),
    ],
)  # fmt: skip
def test_what_is_given_is_checked_before_anything_is_done(network, given, change, message):
    others = {name: array for name, array in (given | change).items() if array is not None}
    for act in (
        lambda: network.predict(others=others),
        lambda: train_arrays(network, np.zeros(COUNT, int), others=others),
    ):
        with pytest.raises(NumbacnnError, match=message):
            act()


def test_pictures_are_no_board(network, given, tmp_path):
    with pytest.raises(UsageError, match="pictures are given, and the network's inputs are board"):
        network.predict(given["board"], others=given)
    with pytest.raises(UsageError, match=r"input shape \(8, 8, 1\): .*board.toml takes no pictures"):
        build(tmp_path / "board.toml", input_shape=(8, 8, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            BOARD.replace("[5, 5, 2]", "5"),
            r":2: layer 'board': shape = 5 of planes: \[height, width, planes\]",
        ),
        (BOARD.replace("[5, 5, 2]", "[5, 5]"), r":2: layer 'board': shape = \[5, 5\] of planes"),
        (BOARD.replace("[5, 5, 2]", '"5"'), ":2: layer 'board': shape = '5' of planes"),
        (BOARD.replace(", shape = [5, 5, 2]", ""), ":2: layer 'board': planes needs 'shape'"),
        ("input = [8, 8, 1]\n" + BOARD, ":1: input is the size of pictures, and the first layer, 'board'"),
        (TEXT.replace("\ntext", "[layers]\ntext").replace("11", "0"), "vocabulary"),
        ('[layers]\nseen = { type = "flatten" }\n', r"input = \[height, width, channels\] is expected"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path, text, message):
    with pytest.raises((NetworkError, ShapeError), match=message):
        written(tmp_path / "n.toml", text + TEXT + ENDS if "text =" not in text else text + ENDS)


@pytest.mark.parametrize("shape", [[5, 5, 2], [0, 1, 1], [1.5, 1, 1], [1, 1], "8x8"])
def test_a_forged_size_is_refused(network, tmp_path, shape):
    path = tmp_path / "board.h5"
    numbacnn.save(path, network)
    with h5py.File(path, "r+") as file:
        description = json.loads(file["architecture"][0])
        assert description["input_shape"] == []
        description["layers"][0]["shape"] = shape
        del file["architecture"]
        file.create_dataset("architecture", data=np.array([json.dumps(description).encode()]))
    if shape == [5, 5, 2]:
        numbacnn.load(path)
    else:
        with pytest.raises(ModelError, match=r"architecture: layer 'board': .*shape"):
            numbacnn.load(path)


def test_commands_that_need_pictures_say_what_the_network_is_given(network, tmp_path, monkeypatch, capsys):
    from numbacnn_cli.__main__ import main

    monkeypatch.chdir(tmp_path)
    numbacnn.save("board.h5", network)
    for command in (
        ["predict", "a.png", "--model", "board.h5"],
        ["viz", "layers", "--model", "board.h5"],
        ["viz", "architecture", "board.toml"],
        ["bench", "board.toml"],
        ["convert", "board.h5", "out.onnx"],
    ):
        assert main(command) == 1, command
        assert "this one has the inputs board (planes of 5x5x2), text" in capsys.readouterr().err, command
    assert main(["summary", "board.h5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"]["text"] == "6 tokens below 11"
