"""The pictures that teach: where a filter fits, and a convolution step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import pytest
from PIL import Image

from numbacnn.analysis import convolution_steps, placement
from numbacnn.errors import ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Planes
from numbacnn.program import Program
from numbacnn_cli import ownership
from numbacnn_cli.__main__ import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["viz", *map(str, arguments), "--json"]) == code
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize(
    ("stride", "padding", "positions", "fits", "left_over"),
    [(1, 0, 5, True, 0), (2, 0, 3, True, 0), (3, 0, 7 / 3, False, 1), (3, 1, 3, True, 0), (1, 1, 7, True, 0)],
)
def test_the_lecture_of_7x7_and_3x3(
    stride: int, padding: int, positions: float, fits: bool, left_over: int
) -> None:
    found = placement(7, 3, stride, padding)
    assert found.positions == pytest.approx(positions)
    assert (found.fits, found.left_over) == (fits, left_over)
    if fits:
        assert len(found.starts) == positions
        assert found.starts[-1] + 3 == 7 + padding


def test_what_does_fit() -> None:
    found = placement(7, 3, 3)
    assert found.formula == "(7 - 3 + 2 x 0)/3 + 1 = 2.33"
    assert (found.paddings, found.strides, found.sizes) == ((1,), (1, 2, 4), (6, 9))
    assert all(placement(7, 3, 3, each).fits for each in found.paddings)
    assert all(placement(7, 3, each).fits for each in found.strides)
    assert all(placement(each, 3, 3).fits for each in found.sizes)
    too_large = placement(3, 5, 1)
    assert (too_large.fits, too_large.starts) == (False, ())


def test_spatial(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, "spatial", "--save-data", "s.h5")
    assert [each["fits"] for each in result["placements"]] == [True, True, False]
    assert (result["figure"], result["data_file"]) == ("spatial.png", "s.h5")
    assert run(capsys, "spatial", "--size", "4", "--filter", "6", "--strides", "2", "--output", "s.svg")[
        "figure"
    ]
    assert "doesn't fit!" in Path("s.svg").read_text("utf-8")
    assert "--strides 0" in run(capsys, "spatial", "--strides", "0", code=2)["error"]["message"]
    assert "at most 6 strides" in run(capsys, "spatial", "--strides", "1-9999999", code=2)["error"]["message"]
    assert "--size 1000" in run(capsys, "spatial", "--size", "1000", code=2)["error"]["message"]


def test_the_steps_are_a_convolution() -> None:
    demo = convolution_steps(size=6, channels=2, filter=3, filters=3, stride=1, padding=1, seed=4)
    graph = Graph([("x", Planes((6, 6, 2))), ("y", Convolution(3, 3, padding=1))], ())
    graph.write("y/weights", demo.weights)
    graph.write("y/bias", demo.bias)
    volume = demo.padded[None, 1:-1, 1:-1].astype(np.float32)
    np.testing.assert_array_equal(Program(graph, 1).forward(others={"x": volume})[0], demo.output)
    steps = list(demo.steps())
    assert len(steps) == 6 * 6 * 3
    assert all(sum(step.sums) + step.bias == step.value for step in steps)
    again = convolution_steps(size=6, channels=2, filter=3, filters=3, stride=1, padding=1, seed=4)
    np.testing.assert_array_equal(again.output, demo.output)


def test_a_demonstration_that_cannot_be() -> None:
    with pytest.raises(ShapeError, match=r"2\.33"):
        convolution_steps(size=7, stride=3, padding=0)
    with pytest.raises(UsageError, match="can be followed"):
        convolution_steps(size=60, stride=1)


def test_conv_demo(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--size", 3, "--channels", 1, "--filter", 2, "--filters", 1, "--stride", 1, "--padding", 0)
    files = ("--animation", "steps.gif", "--page", "steps.html", "--step", 3)
    result = run(capsys, "conv-demo", *options, *files)
    assert (result["figure"], result["animation"], result["page"]) == (
        "conv-demo.png",
        "steps.gif",
        "steps.html",
    )
    assert np.shape(result["output"]) == (2, 2, 1)
    assert [step["value"] for step in result["steps"]] == np.ravel(result["output"]).tolist()
    with Image.open("steps.gif") as picture:
        assert (picture.n_frames, picture.format) == (4, "GIF")
    text = Path("steps.html").read_text("utf-8")
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    assert "http" not in text.replace("http-equiv", "")
    slider = tree.find(".//input")
    assert (slider.get("type"), slider.get("max")) == ("range", "3")
    assert (
        json.loads(tree.find(".//*[@id='demo']").get("data-steps"))[2]["value"] == result["steps"][2]["value"]
    )
    assert ownership.look(Path("steps.gif")).ours == ownership.FIGURE
    assert run(capsys, "conv-demo", *options, *files)["animation"] == "steps.gif"
    Image.new("L", (4, 4)).save("mine.gif")
    assert run(capsys, "conv-demo", *options, "--animation", "mine.gif")["animation"] == "mine-2.gif"
    assert "--step 5" in run(capsys, "conv-demo", *options, "--step", 5, code=2)["error"]["message"]


def test_conv_demo_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["viz", "conv-demo", "--size", "3", "--filter", "3", "--padding", "0", "--filters", "1"]) == 0
    assert "step 1 of 1: o[0, 0, 0] = " in capsys.readouterr().out
