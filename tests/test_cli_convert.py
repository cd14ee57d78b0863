"""numbacnn convert: what is said beside the file, what is written, and what programs are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from caffe_models import TEXT, weights, write

from numbacnn.storage import load
from numbacnn_cli.__main__ import main

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 7, 2), np.uint8)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(TEXT)
    return str(write(Path("tiny.caffemodel"), weights()))


def test_a_model_with_its_preprocessing_and_names(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("names.txt").write_text("n01440764 tench, Tinca tinca\nperch\nn01443537 goldfish\n")
    options = (
        "--mean",
        "2,3",
        "--scale",
        "1/2,1/4",
        "--order",
        "bgr",
        "--classes",
        "names.txt",
        "--resize",
        "9",
    )
    assert main(["convert", source, "tiny.h5", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "tiny.h5"
    assert (found["network"], found["parameters"], found["classes"]) == ("tiny", 187, 3)
    assert found["class_names"] == ["n01440764 tench, Tinca tinca", "perch", "n01443537 goldfish"]
    assert found["preprocessing"] == {
        "input": [8, 7, 2], "mean": [3, 2], "scale": [0.25, 0.5], "channel_order": "BGR", "shorter_side": 9,
    }  # fmt: skip
    assert any("deploy.prototxt" in warning for warning in found["warnings"])
    network = load("tiny.h5")
    assert network.class_names == tuple(found["class_names"])
    assert network.predict(np.zeros((1, 8, 7, 2), np.uint8)).shape == (1, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("tiny.caffemodel", "tiny.h5"), 2, "tiny.caffemodel does not say what is done to pixels"),
        (("none.caffemodel", "tiny.h5", "--mean", "0"), 2, "none.caffemodel: no such file"),
        (("deploy.prototxt", "tiny.h5", "--mean", "0"), 2, "its name does not tell the format"),
        (("tiny.caffemodel", "tiny.png", "--mean", "0"), 2, "a model cannot be written as '.png'"),
        (("tiny.caffemodel", "tiny.h5", "--mean", "a"), 2, "--mean a: numbers are expected"),
        (
            ("tiny.caffemodel", "tiny.h5", "--mean", "0", "--scale", "1/0"),
            2,
            "--scale 1/0: numbers are expected",
        ),
        (("tiny.caffemodel", "tiny.h5", "--mean", "1,2,3"), 1, "mean has 3 numbers"),
        (
            ("tiny.caffemodel", "tiny.h5", "--mean", "0", "--network", "lenet"),
            2,
            "for weights of PyTorch, Keras and safetensors",
        ),
        ((".", "tiny.h5", "--mean", "0"), 2, ".: no file; weights of another program"),
        (("tiny.caffemodel", "tiny.h5", "--mean", "0", "--format", "cafe"), 2, "did you mean 'caffe'?"),
        (
            ("tiny.caffemodel", "tiny.h5", "--mean", "0", "--classes", "no.txt"),
            2,
            "--classes no.txt: no such file",
        ),
        (("tiny.caffemodel", "tiny.h5", "--mean", "0", "--classes", "one.txt"), 1, "one.txt: 1 names"),
        (
            ("tiny.caffemodel", "tiny.h5", "--mean", "0", "--classes", "two.txt"),
            1,
            "2 class names for 3 classes",
        ),
        (
            ("tiny.caffemodel", "tiny.h5", "--mean", "0", "--prototxt", "no.prototxt"),
            1,
            "no.prototxt: No such file",
        ),
    ],
)
def test_failures_are_one_line(
    source: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    Path("one.txt").write_text("cat\n")
    Path("two.txt").write_text("cat\ndog\n")
    assert main(["convert", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not Path("tiny.h5").exists()


def test_out_and_in_again(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A model is written for other programs, read back, and replaced only where numbacnn wrote it."""
    assert main(["convert", source, "tiny.h5", "--mean", "10", "--scale", "1/64"]) == 0
    wanted = load("tiny.h5").predict(IMAGES)
    for name in ("tiny.onnx", "tiny.safetensors", "tiny.onnx"):
        assert main(["convert", "tiny.h5", name]) == 0
        capsys.readouterr()
        assert main(["convert", name, "again.h5", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["model"] == "again.h5"
        assert found["parameters"] == 187
        np.testing.assert_allclose(load("again.h5").predict(IMAGES), wanted, rtol=1e-4)
    Path("tiny.onnx").write_bytes(b"somebody's")
    assert main(["convert", "tiny.h5", "tiny.onnx"]) == 0
    assert Path("tiny.onnx").read_bytes() == b"somebody's"
    assert Path("tiny-2.onnx").exists()
    assert main(["convert", "tiny.h5", "again.h5", "--mean", "0"]) == 2
    assert "are what they are" in capsys.readouterr().err
