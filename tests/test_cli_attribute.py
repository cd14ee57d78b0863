"""`viz attribute`: options of methods, what it returns, and what it refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from test_cli_viz import _in_an_empty_folder, description, model, run  # noqa: F401 - fixtures

from numbacnn.analysis import METHODS, IntegratedGradients
from numbacnn.data import Dataset
from numbacnn.storage import load_model
from numbacnn_cli.viz.methods import NAMES, MethodOptions


def test_the_options_are_the_methods() -> None:
    of_methods = {field.name for method in METHODS.values() for field in dataclasses.fields(method)}
    assert {field.name for field in dataclasses.fields(MethodOptions)} == of_methods
    assert NAMES.split(", ") == list(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_every_method(name: str, capsys: pytest.CaptureFixture[str], model: Any) -> None:  # noqa: F811
    options = ("--model", model, "--data", "digits", "--index", "3,0", "--class", "7", "--batch-size", "5")
    result = run(capsys, "viz", "attribute", "--method", name, *options)
    assert result["figure"] == f"{name}.png"
    assert [picture["index"] for picture in result["pictures"]] == [7, 7]
    assert result["signed"] == METHODS[name].signed
    assert set(result["options"]) == {field.name for field in dataclasses.fields(METHODS[name])}
    assert None not in result["options"].values()
    assert METHODS[name].source in description(result["figure"])


def test_completeness_is_reported(capsys: pytest.CaptureFixture[str], model: Any) -> None:  # noqa: F811
    options = ("--model", model, "--data", "digits", "--steps", "20", "--baseline", "30", "--view", "overlay")
    result = run(capsys, "viz", "attribute", "--method", "integrated-gradients", *options)
    network, _ = load_model(model)
    pictures = Dataset.open("digits").test.read(np.arange(4))
    expected = IntegratedGradients(30.0, 20)(network, pictures).facts
    for key, values in expected.items():
        assert [picture[key] for picture in result["pictures"]] == values.tolist()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--method gradcam", "did you mean 'grad-cam'"),
        ("--method saliency --window 3", "--window is an option of occlusion, not of saliency"),
        ("--method smoothgrad --layer conv1", "--layer is an option of grad-cam and guided-grad-cam"),
        ("--method occlusion --window 99", "window 99: a whole number from 1 to 8"),
        ("--method occlusion --value dark", "value 'dark'"),
        ("--method integrated-gradients --baseline 300", "from 0 to 255"),
        ("--layer dense4", "'dense4' is flat"),
        ("--batch-size 0", "batch-size 0"),
    ],
)
def test_what_is_refused(
    line: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
    model: Any,  # noqa: F811
) -> None:
    error = run(capsys, "viz", "attribute", "--model", model, "--data", "digits", *line.split(), code=2)
    assert message in error["error"]["message"]


def test_compare(capsys: pytest.CaptureFixture[str], model: Any) -> None:  # noqa: F811
    options = ("--model", model, "--data", "digits", "--index", "3", "--samples", "2", "--steps", "2")
    result = run(capsys, "viz", "compare", *options, "--stages", "2", "--deletion-steps", "4")
    assert [each["method"] for each in result["methods"]] == list(METHODS)
    assert [stage["layers"] for stage in result["stages"]] == [1, 4]
    for each in result["methods"]:
        mean = sum(each["correlations"]) / 2
        assert each["unchanged_by_random_weights"] == (mean >= result["threshold"])
        assert 0 <= each["deletion_area"] <= 1
    assert result["picture"]["image"] == "test 3"
    assert "seed 0" in description(result["figure"])
    without = run(capsys, "viz", "compare", *options, "--stages", "0", "--deletion-steps", "4")
    assert [each["unchanged_by_random_weights"] for each in without["methods"]] == [None] * len(METHODS)
    areas = [each["deletion_area"] for each in without["methods"]]
    assert areas == [each["deletion_area"] for each in result["methods"]]
    refused = run(capsys, "viz", "compare", "--index", "3-4", "--model", model, "--data", "digits", code=2)
    assert "one figure holds 1" in refused["error"]["message"]
