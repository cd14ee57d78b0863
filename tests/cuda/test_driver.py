"""All that the host does for `--device cuda`, from the command line to the driver's functions, with a stand-in for the driver."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished
from runs import needs_numba_cuda

needs_numba_cuda()

import numpy as np
import standin
from standin import run as training

ORDERS = ["lazy", "others-first", "1", "2"]
NETWORK = """
input = [8, 8, 1]

[layers]
conv = { type = "convolution", filters = 4, kernel = 3 }
flat = { type = "flatten" }
scores = { type = "dense", outputs = 10 }
softmax = { type = "softmax" }
"""
TRAIN = ("train", "--network", "mine.toml", "--device", "cuda")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driver")
    try:
        standin.build(folder)
    except standin.CannotBuildError as missing:
        pytest.skip(str(missing))
    return folder


def python(folder: Path, *arguments: object, cwd: Path | None = None, **options: object) -> Finished:
    """A Python process with the stand-in, which has not complained."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd or folder,
        env=standin.environment(folder, **options),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert "stand-in driver" not in done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def numbacnn(driver: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs the command line with the stand-in: its one JSON object. No error is a traceback."""
    (tmp_path / "mine.toml").write_text(NETWORK)

    def run(*arguments: object, code: int = 0, **options: object) -> dict[str, Any]:
        done = python(driver, "-m", "numbacnn_cli", *arguments, "--json", cwd=tmp_path, **options)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.code == code, done.stdout + done.stderr
        return done.json

    return run


def message(result: dict[str, Any]) -> str:
    text: str = result["error"]["message"]
    return text


# Training: streams, events, pinned memory, graphs


@pytest.fixture(scope="module")
def trained(driver: Path) -> dict[str, Any]:
    """What became of every run that the tests ask for, all of one process, and what the driver counted."""
    changes = ["", *(f":{wait}" for wait in training.WAITS)]
    asked = [f"{order}{change}" for change in changes for order in ORDERS]
    asked += [f"{order}:{change}" for order in ("lazy", "others-first") for change in ("no graph", "ring")]
    asked.append("lazy:batches")
    log = driver / "log"
    done = python(driver, "-m", "standin.run", *asked, execute=True, log=log)
    assert done.code == 0, done.stderr
    end = log.read_text().splitlines()[-1]
    counts = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", end)}
    return {**done.json, "counts": counts}


@pytest.fixture(scope="module")
def cpu() -> dict[str, Any]:
    return training.run("cpu")


@pytest.mark.parametrize("order", ORDERS)
def test_losses_are_the_cpus_in_any_order_of_streams(
    order: str, trained: dict[str, Any], cpu: dict[str, Any]
) -> None:
    # Of the GPU's steps between, losses are told later.
    ours, theirs = (
        run["losses"][training.STEPS - 1 :: training.STEPS] for run in (trained["runs"][order], cpu)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_all_ways_and_orders_compute_the_same_bits(trained: dict[str, Any]) -> None:
    same = {name for name, result in trained["runs"].items() if result == trained["runs"]["lazy"]}
    ways = {f"{order}:{way}" for order in ("lazy", "others-first") for way in ("no graph", "ring")}
    assert same >= {*ORDERS, *ways, "lazy:batches"}


def test_steps_are_captured_and_copied_as_is_meant(trained: dict[str, Any]) -> None:
    counts = trained["counts"]
    recorded = sum(not run.endswith("no graph") for run in trained["runs"])
    # Six batches an epoch, the last of them smaller: each size is launched once before it is captured. So are the pass and
    # the losses of the evaluation after an epoch, which is one batch.
    assert (counts["captures"], counts["graph_launches"]) == (4 * recorded, 12 * recorded)
    assert counts["kernels_in_graphs"] > 100 * recorded
    one_by_one = sum(run.endswith((":batches", *training.WAITS)) for run in trained["runs"])
    assert counts["pinned_copies_in"] >= 12 * one_by_one
    assert counts["waits"] > 12 * one_by_one
    assert counts["violations"] == 0


@pytest.mark.parametrize("wait", training.WAITS)
def test_a_wait_that_is_left_out_is_found(wait: str, trained: dict[str, Any]) -> None:
    runs = trained["runs"]
    assert any(result != runs["lazy"] for name, result in runs.items() if name.endswith(f":{wait}"))


@pytest.mark.usefixtures("trained")
def test_a_second_process_compiles_nothing(driver: Path) -> None:
    assert python(driver, "-m", "standin.run", "lazy").json["compiled"] == 0


@pytest.fixture(scope="module")
def counted(driver: Path) -> dict[str, Any]:
    """What the host asked of the driver for some things, of one process."""
    return python(driver, "-m", "standin.counting", execute=True).json


def test_a_launch_that_was_written_down_costs_one_call_of_the_driver(counted: dict[str, Any]) -> None:
    found = counted["launches"]
    assert found["launch_calls"] == found["written"] > 5
    assert found["copies_in"] == found["copies_out"] == found["graph_launches"] == 0
    assert found["same"]


def test_a_step_of_training_launches_no_more_than_this(counted: dict[str, Any]) -> None:
    # The pool's gradient is masked for the rectifier before it as it is written, and the bias's is summed with the weights':
    # neither has a kernel of its own.
    assert counted["kernels"] == [
        ["pixels", "pixels._forward"],
        ["conv", "convolution.forward_32x32"],
        ["pool", "pooling.max_forward"],
        ["dropout", "dropout._forward"],
        ["scores", "dense.forward_32x32"],
        ["", "losses._log_softmax"],
        ["scores", "dense.backward_weights_32x32"],
        ["scores", "dense.backward_input_32x32"],
        ["dropout", "dropout._backward"],
        ["pool", "pooling.max_backward"],
        ["conv", "convolution.backward_weights_32x32"],
    ]


def test_a_pass_that_is_repeated_is_one_graph_and_its_pictures_go_as_bytes(counted: dict[str, Any]) -> None:
    found = counted["passes"]
    # Forward, the loss, back.
    assert found["graph_launches"] == 3
    # What makes numbers of the bytes; the pictures and their labels; the output and the gradient.
    assert (found["launch_calls"], found["pinned_copies_in"], found["copies_in"]) == (1, 1, 2)
    assert found["copies_out"] == 2
    assert found["different"] == 1


def test_a_step_of_training_is_one_launch_and_no_copy(counted: dict[str, Any]) -> None:
    nothing = dict.fromkeys(counted["steps"][0], 0)
    # The epoch's numbers go over in one copy; its first and its last step are read, as every fiftieth is.
    assert counted["steps"] == [
        {**nothing, "graph_launches": 1, "copies_in": 1, "copies_out": 1},
        *[{**nothing, "graph_launches": 1}] * (training.STEPS - 2),
        {**nothing, "graph_launches": 1, "copies_out": 1},
    ]


@pytest.mark.slow
def test_a_residual_networks_gradients_are_the_cpus_and_no_rectifier_has_a_pass_of_its_own(
    driver: Path,
) -> None:
    found = python(driver, "-m", "standin.rewritten", execute=True).json
    assert max(found["apart"].values()) < 1e-4
    ops = found["ops"]
    assert (
        not {"activations.leaky_relu_forward", "activations.leaky_relu_backward", "joins.copy"} & ops.keys()
    )
    assert ops["normalization.forward_sum"] == 1
    assert (ops["joins.accumulate_masked"], ops["convolution.backward_input_masked"]) == (2, 2)
    assert (ops["pooling.max_backward_masked"], ops["pooling.sum_backward_masked"]) == (1, 1)
    assert (ops["dense.backward_input_masked"], ops["convolution.backward_parameters"]) == (1, 2)


def test_bench_times_the_kernels_of_every_layer(numbacnn: Callable[..., dict[str, Any]]) -> None:
    parts = numbacnn("bench", "mine.toml", "--device", "cuda", "--seconds", 0.05, "--layers")["layers"]
    named = [(part["layer"], part["op"], part["kernel"].partition("_")[0]) for part in parts]
    assert named[:3] == [
        ("pixels", "pixels.forward", "pixels."),
        ("conv", "convolution.forward", "convolution.forward"),
        ("scores", "dense.forward", "dense.forward"),
    ]
    # What adds up a sum in parts has a row of its own; the bias's gradient has none, as it is summed with the weights'.
    back = [
        kernel for layer, op, kernel in named if (layer, op) == ("conv", "convolution.backward_parameters")
    ]
    assert back == ["convolution.backward", "columns."]
    assert not any("bias" in op for _, op, _ in named)
    assert sum(bool(part["operations"]) for part in parts) == 5
    assert all(part["seconds"] > 0 for part in parts)


# The command line where something is wrong


def test_what_does_not_fit_names_a_batch_size_that_trains(
    numbacnn: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    few = {"memory_mb": 3}
    error = message(numbacnn(*TRAIN, "--epochs", 1, "--batch-size", 1197, code=1, **few))
    (size,) = re.findall(r"a batch size of (\d+) fits", error)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
    assert numbacnn(*TRAIN, "--epochs", 1, "--batch-size", size, **few)["epochs"] == 1


def test_a_gpu_that_fails_leaves_the_last_checkpoint(
    numbacnn: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    error = message(
        numbacnn(*TRAIN, "--run", "it", "--epochs", 99, "--batch-size", 256, code=1, fail_launch=300)
    )
    assert "ILLEGAL_ADDRESS" in error
    assert "saved before is intact" in error
    epochs = len(list(csv.DictReader((tmp_path / "it" / "metrics.csv").open())))
    assert 0 < epochs < 20
    resumed = numbacnn("train", "--resume", "it", "--epochs", epochs + 1, "--device", "cuda")
    assert resumed["epochs"] == epochs + 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"init": 803}, r"no NVIDIA driver or GPU was found"),
        ({"init": 100}, r"no NVIDIA driver or GPU was found"),
        ({"driver": 12000}, r"runs CUDA 12\.0 at most"),
        ({"capability": 70}, r"its compute capability is 7\.0"),
        ({"context": 2}, r"the GPU does not open .*OUT_OF_MEMORY"),
    ],
    ids=str,
)
def test_a_gpu_that_cannot_be_used_is_told_so(
    wrong: dict[str, int], said: str, numbacnn: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    assert re.search(said, message(numbacnn(*TRAIN, code=1, **wrong)))
    assert not (tmp_path / "runs").exists()


def test_a_precision_that_the_gpu_has_not_is_refused(numbacnn: Callable[..., dict[str, Any]]) -> None:
    error = message(numbacnn(*TRAIN, "--precision", "bf16", code=1, capability=75))
    assert "bf16 needs tensor cores of compute capability 8.0, and this GPU has 7.5" in error


def test_a_gpu_that_numba_is_to_simulate_is_none(
    numbacnn: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    assert "NUMBA_ENABLE_CUDASIM" in message(numbacnn(*TRAIN, code=1))


def test_where_the_gpu_does_not_open_auto_is_the_cpu(driver: Path) -> None:
    ask = "from numbacnn.device import get_device; print(get_device('auto').name)"
    assert python(driver, "-c", ask, context=2).stdout == "cpu\n"
    assert python(driver, "-c", ask).stdout == "cuda\n"


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("numba.cuda.np.arrayobj", "numba.cuda.np.arrayobj"),
        ("numba.cuda.cudadrv.driver", "numba.cuda.cudadrv.driver"),
        ("cuda.bindings", "CUDA Python bindings"),
    ],
)
def test_packages_that_do_not_work_together_are_named(lacking: str, words: str, driver: Path) -> None:
    # Of the first, numba-cuda sees only when it compiles; of the others, when it is imported.
    ask = f"""
import sys
sys.modules[{lacking!r}] = None
from numbacnn.device import get_device
from numbacnn.errors import DeviceError
from numbacnn.ops import joins
try:
    array = get_device("cuda").zeros((5,), "float32")
    joins.copy(array, array)
except DeviceError as error:
    print(error)
"""
    (said,) = python(driver, "-c", ask).stdout.splitlines()
    assert words in said
    for package in ("numba-cuda", "numba", "numpy", "cuda-bindings"):
        assert re.search(rf"\b{package} \d+\.", said)
    assert "pip install 'numbacnn[cuda13]'" in said


# The doctor


def test_what_the_doctor_has_to_compile_other_processes_compile(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBACNN_CACHE_DIR", str(tmp_path))
    ask = """
import numpy as np
from numbacnn import compiling
from numbacnn.analysis import parity
from numbacnn.device import get_device
from numbacnn.ops import joins, other_processes
other_processes.os.cpu_count = lambda: 2
def exercise():
    one, other, total = np.ones((3, 5), np.float32)
    joins.copy(total, one)
    joins.accumulate(total, other)
    joins.add(total, one, other, 0.5)
    joins.accumulate(total[:3], other[:3])
exercise()
parity._exercise = exercise
device = get_device("cuda")
with compiling.watch() as seen:
    found = parity.check_parity(device)
print(seen.compiled, *(each.op for each in found))
"""
    done = python(driver, "-c", ask)
    assert done.code == 0, done.stderr
    assert done.stdout.split() == ["1", "joins.copy", "joins.accumulate", "joins.add"]


def test_a_gpu_that_fails_under_the_doctor_is_an_error(driver: Path) -> None:
    # Without the check of the CPU's gradients, for which many kernels of its own would be compiled.
    ask = """
from numbacnn_cli import doctor
from numbacnn_cli.__main__ import main
doctor._largest_error = lambda: 0.0
raise SystemExit(main())
"""
    done = python(driver, "-c", ask, "doctor", "--json", fail_launch=1)
    assert "Traceback" not in done.stderr
    assert done.code == 1
    assert "ILLEGAL_ADDRESS" in message(done.json)
