"""Passes that are repeated: what is looked at again, and what is asked again."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Dropout, Flatten, ReLU, Softmax
from numbacnn.ops import joins
from numbacnn.ops import launches as recording
from numbacnn.ops.launches import Launches, launch, single_thread
from numbacnn.program import Loss, Program

LINES = [
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("flatten", Flatten()),
    ("dropout", Dropout(0.5)),
    ("dense", Dense(3)),
    ("softmax", Softmax()),
]


def graph_and_pictures():
    graph = Graph(LINES, (6, 6, 2))
    graph.initialise(seed=1)
    return graph, np.random.default_rng(0).integers(0, 256, (5, 6, 6, 2)).astype(np.uint8)


@pytest.fixture(params=["called", "laid out"])
def _laid_out(request, monkeypatch):
    """Launches that Python calls at every run, or that are laid out after the first."""
    monkeypatch.setattr(recording, "_OFTEN", 1 if request.param == "laid out" else 10**9)


@pytest.mark.usefixtures("_laid_out")
def test_launches_see_what_the_arrays_hold_now():
    launches, source, target = Launches(), np.zeros(3, np.float32), np.ones(3, np.float32)
    with launches.recorded():
        joins.copy(target, source)
    assert target.tolist() == [1, 1, 1]
    for value in (7, 8, 9):
        source[:] = value
        launches.run()
        assert target.tolist() == [value] * 3


@pytest.mark.usefixtures("_laid_out")
def test_launches_are_carried_out_several_times():
    launches, source, target = Launches(), np.ones(3, np.float32), np.zeros(3, np.float32)
    with launches.recorded():
        joins.accumulate(target, source)
        joins.accumulate(source, source)
    expected = 0
    for times in (1, 2, 5):
        before, expected = expected, 2 ** (times + int(np.log2(expected + 1))) - 1
        launches.run(times)
        assert target.tolist() == [expected] * 3 != [before] * 3


def test_a_python_function_among_launches_comes_in_its_turn_each_time():
    launches, source, target, seen = Launches(), np.ones(1, np.float32), np.zeros(1, np.float32), []
    with launches.recorded():
        joins.accumulate(target, source)
        launch(lambda: seen.append(float(target[0])))
    launches.run(40)
    assert seen == list(range(1, 41))


@pytest.mark.usefixtures("_laid_out")
def test_launches_that_are_run_while_others_are_recorded_are_among_these():
    inner, outer = Launches(), Launches()
    source, target = np.ones(3, np.float32), np.zeros(3, np.float32)
    with inner.recorded():
        joins.accumulate(target, source)
    with outer.recorded():
        inner.run(2)
        joins.accumulate(source, source)
    assert len(outer) == 3
    assert target.tolist() == [0] * 3
    outer.run(3)
    assert target.tolist() == [2 + 4 + 8] * 3


@pytest.mark.usefixtures("_laid_out")
def test_launches_remember_what_ran_alone():
    launches, seen = Launches(), []

    def look():
        seen.append(numba.get_num_threads())

    with launches.recorded():
        launch(look)
        with single_thread():
            launch(look)
    assert len(launches) == 2
    most = numba.config.NUMBA_NUM_THREADS
    for _ in range(3):
        launches.run()
        assert seen == [most, 1]
        seen.clear()
    assert numba.get_num_threads() == most


@pytest.mark.usefixtures("_laid_out")
def test_a_repeated_pass_sees_other_parameters_pictures_and_draws():
    graph, images = graph_and_pictures()
    plan, labels = Program(graph, 5, gradients="parameters", keep=()), np.array([0, 2, 1, 2, 0])

    def walk(plan, step, count=5):
        plan.forward(images[:count], training=True, key=9, step=step)
        plan.backward_loss(labels[:count], Loss())
        return plan.gradient.tobytes()

    before = [walk(plan, 1), walk(plan, 2), walk(plan, 2, count=3)]
    assert len(set(before)) == 3
    assert [walk(plan, 1), walk(plan, 2), walk(plan, 2, count=3)] == before
    graph.write("dense/weights", 2 * graph.read("dense/weights"))
    fresh = Program(graph, 5, gradients="parameters", keep=())
    assert walk(plan, 1) == walk(fresh, 1) != before[0]
