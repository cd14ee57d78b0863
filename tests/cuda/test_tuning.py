"""Tuned plans: what is measured, the table that keeps them, and that products take them; networks of different precision."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from runs import needs_numba_cuda
from test_driver import driver, python

needs_numba_cuda()

from numbacnn.ops.cuda.product import tuned
from numbacnn.ops.cuda.product.plan import plan_of
from numbacnn.ops.cuda.product.tuned import Choice, Shape, key_of
from numbacnn.ops.cuda.product.tuning import plans_of

__all__ = ["driver"]
SHAPE = Shape(576, 64, 262144)
KEY = key_of("convolution.backward_weights", SHAPE, "tf32")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a test's own, with no table in use before and after."""
    monkeypatch.setattr(tuned, "cache_folder", lambda: tmp_path / "kernels" / "abc")
    monkeypatch.setattr(tuned._Open, "table", tuned._Table())
    return tmp_path


def test_a_table_that_is_kept_is_taken_by_the_next_process(folder: Path) -> None:
    tuned.use_table_of("NVIDIA H200")
    assert tuned.tuned("convolution.backward_weights", SHAPE, 1 << 30, "tf32") is None
    file = tuned.keep({KEY: Choice("128x64", 79)})
    assert file == folder / "tuned" / "nvidia-h200.json"
    tuned.use_table_of("NVIDIA H200")
    assert tuned.table_in_use() == (file, 1)
    plan = tuned.tuned("convolution.backward_weights", SHAPE, 1 << 30, "tf32")
    assert plan is not None
    assert (plan.tile.name, plan.parts) == ("128x64", 79)
    assert 78 * plan.part_depth < SHAPE.depth <= 79 * plan.part_depth
    # Where there is less room, in another precision and on another GPU the model chooses.
    assert tuned.tuned("convolution.backward_weights", SHAPE, 78 * SHAPE.size, "tf32") is None
    assert tuned.tuned("convolution.backward_weights", SHAPE, 1 << 30, "bf16") is None
    tuned.keep({KEY.replace("tf32", "bf16"): Choice("64x64", 1)})
    assert tuned.table_in_use() == (file, 2)
    tuned.use_table_of("NVIDIA H100")
    assert tuned.table_in_use() == (folder / "tuned" / "nvidia-h100.json", 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "it is no table"),
        ("[]", "it is no table"),
        ('{"kernels": "1 abc", "plans": {"a": ["7x7", 1]}}', "it is no table"),
        ('{"kernels": "1 abc", "plans": {"a": ["64x64", 0]}}', "it is no table"),
        ('{"kernels": "1 abc", "plans": {"a float32 1x1x1x1": ["128x128_wgmma", 1]}}', "it is no table"),
        ('{"kernels": "1 older", "plans": {}}', "of another version"),
    ],
)
def test_a_table_that_is_no_use_is_ignored_with_a_warning(content: str, reason: str, folder: Path) -> None:
    file = folder / "tuned" / "gpu.json"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.warns(UserWarning, match=f"{reason}.*numbacnn tune") as said:
        tuned.use_table_of("GPU")
    assert str(file) in str(said[0].message)
    assert tuned.table_in_use() == (file, 0)
    tuned.keep({KEY: Choice("64x64", 1)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tuned.use_table_of("GPU")
    assert tuned.table_in_use()[1] == 1


def test_where_no_folder_is_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned, "cache_folder", lambda: None)
    monkeypatch.setattr(tuned._Open, "table", tuned._Table())
    tuned.use_table_of("GPU")
    with pytest.raises(FileNotFoundError, match="no home"):
        tuned.keep({})


def test_a_product_without_workspace_is_not_cut_into_parts() -> None:
    call: Any = SimpleNamespace(shape=SHAPE, workspace=None, product=SimpleNamespace(in_fours=True))
    assert {plan.parts for plan in plans_of(call, "tf32")} == {1}
    call.workspace = object()
    assert plans_of(call, "tf32")[0] == plan_of(*SHAPE, 1 << 40, "tf32")


# Through the stand-in driver

ALONE = """
import sys, warnings
from pathlib import Path
from numbacnn.ops.cuda.product import tuned
folder = Path(sys.argv.pop(1)) / "kernels" / "abc"
tuned.cache_folder = lambda: folder
from numbacnn.ops.cuda.gpu import CUDA
from numbacnn.ops import other_processes
other_processes.MOST = 1  # what is missing is compiled here, in a test of few kernels
clock = [1.0]
def timed(self, act, count, rounds):
    act()
    clock[0] /= 2  # whatever is timed later is faster
    return [count * clock[0]] * rounds
CUDA.timed = timed
from numbacnn_cli.__main__ import main
raise SystemExit(main())
"""
NETWORK = """
input = [6, 6, 1]

[layers]
flat = { type = "flatten" }
scores = { type = "dense", outputs = 4 }
softmax = { type = "softmax" }
"""


def test_the_command_measures_keeps_and_says_what_was_chosen(driver: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(NETWORK)
    arguments = ("mine.toml", "--device", "cuda", "--batch-size", 8, "--precision", "float32")
    done = python(driver, "-c", ALONE, tmp_path, "tune", *arguments, "--json", cwd=tmp_path)
    assert done.code == 0, done.stderr
    found = done.json
    assert found["gpu"] == "stand-in"
    assert found["file"] == str(tmp_path / "tuned" / "stand-in.json")
    forward, weights = found["products"]
    assert (forward["name"], forward["rows"], forward["columns"], forward["depth"]) == (
        "dense.forward_in_fours",
        8,
        4,
        36,
    )
    assert weights["name"] == "dense.backward_weights_in_fours"
    for product in found["products"]:
        assert len({plan["tile"] for plan in product["plans"]}) == len(product["plans"]) > 1
        assert product["chosen"] == product["plans"][-1]  # the fastest by this clock
    kept = json.loads(Path(found["file"]).read_text())["plans"]
    chosen = forward["chosen"]
    assert kept["dense.forward_in_fours float32 8x4x36x1"] == [chosen["tile"], chosen["parts"]]
    # The next process takes it, and says so.
    said = """
from numbacnn.device import get_device
from numbacnn import architectures
from numbacnn.program import Program
plan = Program(architectures.build("mine.toml", initialise="he").to("cuda").graph, 8)
names = [name for step in plan._forward_steps("scores") for name in plan.launches_of(step).names]
print(get_device("cuda").describe()["tuned_plans"], *names)
"""
    head = "\n".join(ALONE.splitlines()[:6])
    done = python(driver, "-c", f"{head}\n{said}", tmp_path, cwd=tmp_path)
    plans, *names = done.stdout.split()
    assert plans == "2"
    assert f"dense.forward_in_fours_{chosen['tile']}" in names


def test_warpgroups_are_tried_and_taken_where_they_are_faster(driver: Path, tmp_path: Path) -> None:
    """Here no kernel does anything, so that all give the same."""
    (tmp_path / "mine.toml").write_text(NETWORK)
    few = "from numbacnn.ops.cuda.product import tuning\ntuning._MOST = 1"
    arguments = ("mine.toml", "--device", "cuda", "--batch-size", 8, "--precision", "tf32", "--json")
    done = python(driver, "-c", f"{few}\n{ALONE}", tmp_path, "tune", *arguments, cwd=tmp_path)
    assert done.code == 0, done.stderr
    for product in done.json["products"]:
        usual, tried = product["plans"]
        assert not usual["tile"].endswith("_wgmma")
        assert tried["tile"] == "128x128_wgmma"
        assert (product["chosen"], product["refused"]) == (tried, [])
    # The next process launches it, if it computes in that precision.
    said = """
from numbacnn import architectures
from numbacnn.program import Program
for precision in ("tf32", "bf16"):
    plan = Program(architectures.build("mine.toml", initialise="he").to("cuda", precision).graph, 8)
    print(*[name for step in plan._forward_steps("scores") for name in plan.launches_of(step).names])
"""
    head = "\n".join(ALONE.splitlines()[:6])
    done = python(driver, "-c", f"{head}\n{said}", tmp_path, cwd=tmp_path)
    tf32, bf16 = done.stdout.splitlines()
    assert "dense.forward_in_fours_128x128_wgmma_tf32" in tf32.split()
    assert "wgmma" not in bf16


def test_two_networks_of_different_precision_in_one_process(driver: Path) -> None:
    ask = """
import numpy as np
from numbacnn.graph import Graph
from numbacnn.layers import Dense, Flatten, Pixels, Softmax
from numbacnn.network import Network
lines = [("pixels", Pixels(scale=1 / 255)), ("flat", Flatten()), ("scores", Dense(4)), ("softmax", Softmax())]
graphs = [Graph(lines, (6, 6, 1)) for _ in range(3)]
for graph in graphs:
    graph.initialise("he", 3)
here, exact, rough = (Network(graph) for graph in graphs)
exact.to("cuda")
rough.to("cuda", "bf16")
images = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 1), np.uint8)
found = [np.array(network.predict(images)) for network in (here, exact, rough, exact, rough)]
print(exact.precision, rough.precision, exact.to("cpu").precision)
print(abs(found[1] - found[0]).max(), abs(found[2] - found[0]).max())
print((found[1] == found[3]).all(), (found[2] == found[4]).all())
rough.to("cuda", "float32")
print((np.array(rough.predict(images)) == found[1]).all())
"""
    done = python(driver, "-c", ask, execute=True)
    assert done.code == 0, done.stderr
    names, apart, again, changed = done.stdout.splitlines()
    assert names == "float32 bf16 float32"
    exact, rough = map(float, apart.split())
    assert exact < 1e-6
    assert 1e-5 < rough < 3e-2
    assert (again, changed) == ("True True", "True")
