"""numbacnn bench, and the number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from numbacnn import architectures
from numbacnn.summary import summarise
from numbacnn_cli.__main__ import main


def test_bench_measures_both_passes(capsys):
    assert main(["bench", "digits", "--batch-size", "3", "--seconds", "0.2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["network"], result["batch_size"]) == ("digits", 3)
    assert 0 < result["train_images_per_second"] < result["forward_images_per_second"]
    # On the CPU pictures are where they are needed.
    assert result["train_images_per_second_there"] is result["forward_images_per_second_there"] is None
    assert result["plan_bytes"] > 0
    assert result["peak_bytes"] is None or result["peak_bytes"] > result["plan_bytes"]


def test_bench_times_every_part_of_a_training_step(capsys):
    assert main(["bench", "digits", "--batch-size", "3", "--seconds", "0.1", "--layers", "--json"]) == 0
    out, shown = capsys.readouterr()
    parts = json.loads(out)["layers"]
    assert [part["op"] for part in parts][:2] == ["pixels.forward", "convolution.forward"]
    assert parts[-1]["op"] == "update"
    assert sum(part["share"] for part in parts) == pytest.approx(1)
    assert all(part["seconds"] > 0 and part["kernel"] == "" for part in parts)
    # Three ways through every layer of weights but the first, whose input needs no gradient.
    summary = summarise(architectures.build("digits", initialise=None))
    weighted = [layer for layer in summary.layers if layer.weights]
    products = [part for part in parts if part["operations"]]
    assert len(products) == 3 * len(weighted) - 1
    assert sum(part["operations"] for part in products) == 6 * (
        3 * summary.multiply_adds - weighted[0].multiply_adds
    )
    assert "GFLOP/s" in shown


def test_bench_without_time_is_an_error(capsys):
    assert main(["bench", "digits", "--seconds", "0"]) == 2
    assert "a number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [-1, 2**40])
def test_a_workspace_out_of_all_reason(capsys, wrong):
    assert main(["bench", "digits", "--workspace-mb", str(wrong)]) == 2
    assert "a whole number from 0 to 1048576 is expected" in capsys.readouterr().err


def test_the_number_of_threads_is_a_choice():
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
    command = [sys.executable, "-m", "numbacnn_cli", "bench", "digits", "--seconds", "0.05", "--json"]
    done = subprocess.run([*command, "--threads", "3"], capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout)["threads"] == 3


def test_no_threads_is_bad_usage(capsys):
    assert main(["summary", "lenet", "--threads", "0"]) == 2
    assert "--threads 0: at least 1 is expected" in capsys.readouterr().err
