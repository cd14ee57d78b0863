"""Loops that threads share: every iteration once, whatever the count and the number of threads, and errors that are seen."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from numbacnn.ops import launches as recording
from numbacnn.ops.compilation import jit
from numbacnn.ops.launches import Launches, launch
from numbacnn.ops.parallel import in_parallel, parallel, share


@parallel(lambda counts, limit: counts.size)
def _count(begin: Any, end: Any, counts: Any, limit: Any) -> None:
    for i in range(begin, end):
        if i >= limit:
            raise ValueError
        counts[i] += 1


@share
def _add(begin: Any, end: Any, target: Any, share: Any) -> None:
    for i in range(begin, end):
        target[i] += share


@jit(parallel=True)
def _twice(first: Any, second: Any) -> None:
    in_parallel(_add, first.size, (first, 1))
    in_parallel(_add, second.size, (second, first[0] + 1))


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Any:
    before = numba.get_num_threads()
    numba.set_num_threads(min(before, request.param))
    yield
    numba.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 1001])
def test_every_iteration_is_done_once(count: int) -> None:
    counts = np.zeros(count, np.int64)
    _count(counts, count)
    assert counts.tolist() == [1] * count


@pytest.mark.usefixtures("threads")
def test_a_loop_begins_when_the_one_before_it_has_ended() -> None:
    first, second = np.zeros(5, np.int64), np.zeros(7, np.int64)
    _twice(first, second)
    assert first.tolist() == [1] * 5
    assert second.tolist() == [2] * 7


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("limit", [0, 9])
def test_what_a_share_raises_is_an_error_of_the_kernel(limit: int) -> None:
    counts = np.zeros(10, np.int64)
    with pytest.raises(IndexError, match="threads share"):
        _count(counts, limit)


@pytest.mark.usefixtures("threads")
def test_launches_that_are_repeated_often_raise_what_they_raised_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "_OFTEN", 2)
    whole, part, after = np.zeros(10, np.int64), np.zeros(10, np.int64), np.zeros(10, np.int64)
    launches, seen, before = Launches(), [], numba.get_num_threads()
    with launches.recorded():
        _count(whole, 10)
        launch(lambda: seen.append(whole[0]))  # what is not compiled is called in between
        _count(whole, 10)
        _count(part, whole[:1].size)
        _count(after, 10)
    for run in range(5):
        with pytest.raises(IndexError, match="threads share"):
            launches.run()
        assert whole.tolist() == [2 * run + 2] * 10
        assert numba.get_num_threads() == before
    assert seen == [1, 3, 5, 7, 9]
    assert after.tolist() == [0] * 10
