"""A second process that compiles: when it is started, what it is given, and that it ends."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.program import Program
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
    monkeypatch.setattr(beside.os, "cpu_count", lambda: 2)
    weights = {name: each.value.copy() for name, each in graph.parameters.items()}
    with beside.compiling_beside(graph) as process:
        assert process is not None
    assert process.returncode is not None
    # What was sent is a copy.
    assert all((each.value == weights[name]).all() for name, each in graph.parameters.items())


def test_a_process_that_cannot_start_is_done_without(graph, monkeypatch):
    monkeypatch.setattr(beside, "cache_bytes", lambda: 0)
    monkeypatch.setattr(beside.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(beside, "__name__", "numbacnn.no_such_module")
    with beside.compiling_beside(graph) as process:
        assert process.wait(60) == 1


def test_it_calls_what_a_walk_back_calls(graph, monkeypatch):
    called = []
    monkeypatch.setattr(Program, "_back_through", lambda self, node, written: called.append(node.name))
    sent = pickle.dumps(beside._without_parameters(graph))
    assert len(sent) < 20_000
    monkeypatch.setattr(beside.sys, "stdin", io.TextIOWrapper(io.BytesIO(sent)))
    beside.main()
    plan = Program(graph, 2, gradients="parameters", keep=())
    rehearsed, called[:] = called[:], []
    plan.forward(np.zeros((2, *graph.input_shape), np.uint8))
    plan._walk_back(plan.scores)
    assert rehearsed[: len(called)] == called[::-1]
    assert len(rehearsed) > 5
