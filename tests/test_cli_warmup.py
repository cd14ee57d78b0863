"""numbacnn warmup and numbacnn doctor."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numbacnn import device
from numbacnn.analysis import gradient_check, parity
from numbacnn.analysis.gradient_check import LayerCheck
from numbacnn.data import Dataset
from numbacnn.device import CPU, Device
from numbacnn.errors import DeviceError
from numbacnn.network import Network
from numbacnn.training import Settings, warm_up
from numbacnn_cli import doctor
from numbacnn_cli.__main__ import main

NETWORK = """
input = [8, 8, 1]

[layers]
flat = { type = "flatten" }
hidden = { type = "dense", outputs = 16 }
relu = { type = "relu" }
drop = { type = "dropout" }
scores = { type = "dense", outputs = 10 }
softmax = { type = "softmax" }
"""


class Broken(CPU):
    """A GPU that is there."""

    def describe(self) -> dict[str, Any]:
        versions = {
            "driver": "13.0",
            "toolkit": "13.0",
            "numba_cuda": "0",
            "tuned_plans": 0,
            "tuned_file": None,
        }
        return {"name": "GPU", "compute_capability": (9, 0), "free_bytes": 1, "total_bytes": 1, **versions}


@pytest.mark.slow
def test_after_a_warmup_nothing_is_compiled(run_cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(NETWORK)
    cache = {"NUMBACNN_CACHE_DIR": str(tmp_path / "cache")}
    first = run_cli("warmup", "mine.toml", "--json", **cache)
    result = first.json
    assert result["networks"] == ["mine.toml"]
    assert result["kernels_compiled"] > 9
    assert "compiling kernels, once\n" in first.stderr
    assert f"compiled {result['kernels_compiled']} kernels in " in first.stderr
    folder = Path(result["cache_folder"])
    assert folder.is_relative_to(tmp_path / "cache")
    assert result["cache_bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    compiled = {part for path in folder.rglob("*.nbc") for part in path.name.split(".")}
    assert {"dense", "drop"} <= compiled  # of a picture by itself, and of a chain
    assert not {"convolution", "pooling", "transforms", "winograd"} & compiled  # no layer needs them

    again = run_cli("warmup", "mine.toml", "--json", **cache).json
    assert again["kernels_compiled"] == 0
    assert again["kernels_loaded"] > 9
    assert again["cache_bytes"] == result["cache_bytes"]

    # 1197 pictures: the last batch of 92 has one.
    commands = [("train", "--network", "mine.toml", "--epochs", 1, "--batch-size", size) for size in (92, 64)]
    commands += [
        ("train", "--resume", "runs/digits-mine-001", "--epochs", 2),
        ("eval",),
        ("data", "show", "digits", "--count", 1, "--output", "one.png"),
        ("predict", "one.png"),
    ]
    for command in commands:
        done = run_cli(*command, **cache)
        assert done.code == 0, done.stderr
        assert "compil" not in done.stderr, command


@pytest.mark.parametrize(("by_shape", "batch_size"), [(False, 2), (True, 32)])
def test_batches_are_a_real_runs_where_their_size_chooses_kernels(
    by_shape: bool, batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def trainer(network: Network, dataset: Dataset, settings: Settings) -> list[Any]:
        seen.append((settings.batch_size, len(dataset.train)))
        return []

    monkeypatch.setattr(CPU, "kernels_by_shape", by_shape)
    monkeypatch.setattr("numbacnn.training.warmup.Trainer", trainer)
    warm_up("digits")
    assert seen == [(batch_size, batch_size + 1)]


def test_warming_up_what_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["warmup", "lenett", "--json"]) == 2
    assert "did you mean 'lenet'" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_the_doctor_tells_all_and_finds_the_gradients_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert set(result["versions"]) == {"numbacnn", "python", "numba", "llvmlite", "numpy"}
    assert result["processor"]["name"]
    assert result["processor"]["logical_cores"] >= (result["processor"]["physical_cores"] or 1)
    rows, width = result["tile"]
    assert (rows, width) == ((12, 128) if "AVX-512" in result["processor"]["features"] else (6, 64))
    assert result["threading_layer"]["name"] in ("tbb", "omp", "workqueue")
    assert all(blas["threads"] >= 1 for blas in result["blas"])
    assert (result["cache"]["private"], result["cache"]["writable"]) in ((True, True), (None, True))
    assert result["gigaflops"] > 0
    assert result["gradients"]["ok"] is True
    for words in ("register tile", "GFLOP/s", "kernel cache", "gradients"):
        assert words in shown.err


@pytest.mark.parametrize(("error", "shown_as"), [(0.5, "5.0e-01"), (math.nan, "nan")])
def test_the_doctor_fails_where_gradients_are_wrong(
    error: float, shown_as: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [
        LayerCheck("one", "relu", 0.0),
        LayerCheck("two", "relu", error),
        LayerCheck("three", "relu", 0.0),
    ]
    monkeypatch.setattr(gradient_check, "check_gradients", lambda network, samples: checks)
    assert main(["doctor"]) == 1
    shown = capsys.readouterr()
    assert f"wrong, largest relative error {shown_as}" in shown.out
    assert f"gradients are wrong by {shown_as}" in shown.err


def test_the_doctor_fails_where_the_gpu_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(device: Device) -> None:
        raise DeviceError("the GPU reports: it is broken")

    monkeypatch.setitem(device._found, "cuda", Broken())
    monkeypatch.setattr(parity, "check_parity", fails)
    assert main(["doctor", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["message"] == "the GPU reports: it is broken"
    assert "failed: the GPU reports: it is broken" in shown.err


@pytest.mark.parametrize(("mode", "private"), [(0o700, True), (0o755, False)])
def test_a_cache_that_others_read_is_not_private(tmp_path: Path, mode: int, private: bool) -> None:
    tmp_path.chmod(mode)
    assert doctor._private(tmp_path) in (private, None)
