"""A second process that compiles: when it is started, what it is given, and that it ends."""

from __future__ import annotations

import os
import pathlib
import pickle
import subprocess
import sys
import time

import pytest

from numbacnn.architectures import build
from numbacnn.ops import other_processes
from numbacnn.program import Loss, Program
from numbacnn.training import beside


@pytest.fixture
def graph():
    return build("digits").graph


def test_where_kernels_were_compiled_before_there_is_none(graph, monkeypatch):
    monkeypatch.setattr(beside, "cache_bytes", lambda: 1)
    with beside.compiling_beside(graph) as process:
        assert process is None


def test_it_ends_with_the_block(graph, monkeypatch):
    monkeypatch.setattr(beside, "cache_bytes", lambda: 0)
    monkeypatch.setattr(other_processes.os, "cpu_count", lambda: 2)
    weights = {name: each.value.copy() for name, each in graph.parameters.items()}
    with beside.compiling_beside(graph) as process:
        assert process is not None
    assert process.returncode is not None
    # What was sent is a copy.
    assert all((each.value == weights[name]).all() for name, each in graph.parameters.items())


def test_a_process_that_cannot_start_is_done_without(graph, monkeypatch):
    monkeypatch.setattr(beside, "cache_bytes", lambda: 0)
    monkeypatch.setattr(other_processes.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(other_processes, "__name__", "numbacnn.no_such_module")
    with beside.compiling_beside(graph) as process:
        assert process.wait(60) == 1


def test_it_calls_what_a_backward_pass_calls(monkeypatch):
    graph = build("cifar-quick").graph  # step by step, not with pictures as lanes
    called = []
    monkeypatch.setattr(
        Program, "_run", lambda self, step: called.append((step.time, step.node, step.kernel))
    )
    sent = pickle.dumps(graph.bare())
    assert len(sent) < 20_000
    beside.rehearse(pickle.loads(sent))
    rehearsed, called[:] = called[:], []
    plan = Program(graph, 2, gradients="parameters", keep=())
    plan.run_forward(training=True)
    called.clear()
    plan.backward_loss(None, Loss())
    backward = [each for each in called if each[1]]  # the loss belongs to no node
    assert {name for _, name, _ in backward} < {name for _, name, _ in rehearsed}
    assert {kernel for *_, kernel in backward} <= {kernel for *_, kernel in rehearsed}
    assert [time for time, *_ in rehearsed] == sorted((time for time, *_ in rehearsed), reverse=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that asks whether a process lives")
def test_it_dies_with_its_parent(tmp_path):
    program = (
        "import os, time; from numbacnn.architectures import build; from numbacnn.training import beside\n"
        "beside.cache_bytes, os.cpu_count = lambda: 0, lambda: 2\n"
        "with beside.compiling_beside(build('digits').graph) as process:\n"
        "    print(process.pid, flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "NUMBACNN_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as parent:
        child = int(parent.stdout.readline())
        time.sleep(3)  # it has begun to compile, or to import what it needs for that
        parent.kill()
    until = time.monotonic() + 30
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _lives(child)


def _lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:  # nobody may have waited for it
        return ") Z" not in pathlib.Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return not pathlib.Path("/proc/self").exists()


@pytest.mark.parametrize(("text", "status"), [("7", 0), ("no number", 1)])
def test_another_process_says_how_it_ended(text, status):
    with other_processes.another_process(int, text) as process:
        assert process.wait(60) == status
