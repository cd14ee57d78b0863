"""numbacnn summary and numbacnn gradcheck."""

from __future__ import annotations

import json

import numpy as np
import pytest

from numbacnn.architectures import OFFERED, build
from numbacnn.layers import Tanh
from numbacnn.storage import save_model
from numbacnn_cli.__main__ import main

LAYER_KEYS = {
    "name",
    "kind",
    "output",
    "formula",
    "neurons",
    "weights",
    "biases",
    "dense_weights",
    "multiply_adds",
    "activation_bytes",
}


def run(capsys, *arguments, code=0):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_summary_of_alexnet_as_json(capsys):
    result = run(capsys, "summary", "alexnet", "--batch-size", 16)
    conv1 = result["layers"][1]
    assert set(conv1) == LAYER_KEYS
    assert (conv1["name"], conv1["output"], conv1["neurons"]) == ("conv1", [55, 55, 96], 290_400)
    assert conv1["formula"] == "(227 - 11 + 2*0)/4 + 1 = 55"
    assert result["parameters"] == 62_378_344
    weights_again = 4 * result["parameters"]  # packed, in a program that predicts
    assert weights_again < result["forward_bytes"] < result["training_bytes"] + weights_again
    assert set(result) >= {"weights", "parameters", "neurons", "multiply_adds", "activation_bytes"}


@pytest.mark.parametrize("name", OFFERED)
def test_a_summary_fits_a_hundred_columns(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["summary", name]) == 0
    *table, _ = capsys.readouterr().out.splitlines()
    assert max(map(len, table)) <= 100
    assert "…" not in "".join(table)
    firsts = [line.split()[0] for line in table if line.strip()]  # a long formula takes lines of its own
    assert {node.name for node in build(name, initialise=None).graph.nodes} <= set(firsts)


def test_summary_of_another_size_and_of_a_file(capsys, tmp_path):
    result = run(capsys, "summary", "lenet", "--input", "32x32x3", "--classes", 7)
    assert result["layers"][0]["output"] == [32, 32, 3]
    assert result["layers"][-1]["output"] == [7]
    (tmp_path / "net.toml").write_text(
        'input = [4, 4, 1]\n[layers]\nflat = {type = "flatten"}\nscores = {type = "dense", outputs = 3}\n'
        'softmax = {type = "softmax"}\n'
    )
    assert run(capsys, "summary", tmp_path / "net.toml")["parameters"] == 51


def test_summary_of_a_trained_network(capsys, tmp_path):
    save_model(tmp_path / "model.h5", build("digits"), record={})
    of_the_file, of_the_folder = (
        run(capsys, "summary", tmp_path / "model.h5"),
        run(capsys, "summary", tmp_path),
    )
    assert of_the_file == of_the_folder == run(capsys, "summary", "digits")
    error = run(capsys, "summary", tmp_path, "--classes", 3, code=2)["error"]
    assert "is trained" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["summary", "cifar-quik"], 2, "unknown network 'cifar-quik'; did you mean 'cifar-quick'?"),
        (["summary", "lenet", "--input", "32x32"], 2, "'32x32' is not a picture's size"),
        (
            ["summary", "lenet", "--batch-size", "0"],
            2,
            "--batch-size 0: a whole number of at least 1 is expected",
        ),
        (
            ["summary", "alexnet", "--input", "32x32x3"],
            2,
            "--input 32x32x3 does not suit alexnet: layer 'conv1': 11x11 filter at stride 4 does not fit a 32x32 input",
        ),
        (
            ["gradcheck", "digits", "--samples", "0"],
            2,
            "--samples 0: a whole number of at least 1 is expected",
        ),
    ],
)
def test_what_cannot_be_done_is_said(capsys, arguments, code, message):
    assert message in run(capsys, *arguments, code=code)["error"]["message"]


def test_gradcheck(capsys):
    result = run(capsys, "gradcheck", "digits", "--samples", 2)
    names = [node.name for node in build("digits", initialise=None).graph.nodes]
    assert [layer["name"] for layer in result["layers"]] == [*names, "whole network"]
    assert set(result["layers"][1]) == {
        "name",
        "kind",
        "error",
        "input_error",
        "parameter_errors",
        "checked",
        "kinks_skipped",
    }
    assert result["largest_error"] == max(layer["error"] for layer in result["layers"]) < 1e-6


def test_gradcheck_fails_where_a_gradient_is_wrong(capsys, monkeypatch):
    def backward_input(self, call, d_output, *d_inputs):
        np.multiply(d_output, 1 - call.output, out=d_inputs[0])

    monkeypatch.setattr(Tanh, "backward_input", backward_input)
    message = run(capsys, "gradcheck", "lenet-1998", "--samples", 3, code=1)["error"]["message"]
    assert message.startswith("wrong gradient, relative error above 1e-06: tanh1 ")
    assert "whole network" not in message
