"""Reading ahead: the same items in the same order, and a thread that always ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data import Dataset
from numbacnn.errors import DataError
from numbacnn.graph import Graph
from numbacnn.layers import Flatten
from numbacnn.ops.augmentation import augment, distort
from numbacnn.program import Program
from numbacnn.training import Settings
from numbacnn.training.augmentation import Augmentation
from numbacnn.training.input_pipeline import DevicePipeline, HostPipeline, InputPipeline
from numbacnn.training.prefetch import PLACES, ReadAhead
from numbacnn.training.sampling import batches


def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("this never came true")


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def test_items_come_in_order_and_then_no_more() -> None:
    with ReadAhead(iter(range(50))) as ahead:
        assert list(ahead) == list(range(50))
        assert list(ahead) == []


def test_no_more_is_made_than_there_are_places_for() -> None:
    last = 0

    def items() -> Iterator[int]:
        nonlocal last
        for number in count():
            last = number
            yield number

    with ReadAhead(items()) as ahead:
        for taken in range(20):
            assert next(ahead) == taken
            until(lambda: last == taken + PLACES - 1)  # noqa: B023 - asked at once
            time.sleep(0.002)
            assert last == taken + PLACES - 1


def test_an_error_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield from (0, 1)
        raise DataError("picture 2 is damaged")

    with ReadAhead(items()) as ahead:
        assert [next(ahead), next(ahead)] == [0, 1]
        for _ in range(2):
            with pytest.raises(DataError, match="picture 2 is damaged"):
                next(ahead)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_the_thread_ends_with_the_block(taken: int) -> None:
    with ReadAhead(count()) as ahead:
        assert [next(ahead) for _ in range(taken)] == list(range(taken))
        assert any(thread.name == "numbacnn reads ahead" for thread in threading.enumerate())


def test_the_thread_ends_with_a_block_that_fails() -> None:
    ahead = ReadAhead(count())
    with pytest.raises(ZeroDivisionError), ahead:
        next(ahead) / 0


FORGETFUL = """
from itertools import count
from numbacnn.training.prefetch import ReadAhead
ahead = ReadAhead(count()).__enter__()
print(next(ahead), next(ahead))
"""


def test_an_interpreter_that_exits_does_not_wait_for_the_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1\n", "")


@pytest.mark.parametrize("pipeline_of", [HostPipeline, DevicePipeline])
@pytest.mark.parametrize(("epoch", "first"), [(0, 0), (1, 3)])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"flip": True, "crop_padding": 2, "colour": 0.2},
        {"flip": True, "crop_padding": 2, "colour": 0.2, "elastic": 0.7, "thickness": 0.7},
    ],
    ids=["none", "some", "all"],
)
def test_batches_read_ahead_are_the_same_bits(
    epoch: int, first: int, pipeline_of: type[InputPipeline], changes: dict[str, Any]
) -> None:
    generator = np.random.default_rng(0)
    pictures, labels = generator.integers(0, 256, (90, 9, 7, 3), dtype=np.uint8), np.arange(90) % 4
    dataset = Dataset.from_arrays("some", train=(pictures, labels))
    settings = Settings(seed=3, **changes)
    plan = Program(Graph([("flat", Flatten())], (9, 7, 3)), 20)
    pipeline: InputPipeline = pipeline_of(plan, Augmentation(dataset, (9, 7, 3), settings), PLACES)
    given = batches(dataset.train, pipeline, 20, settings.seed, range(epoch, 3), first)
    synchronous = Augmentation(dataset, (9, 7, 3), settings)
    seen = 0
    with ReadAhead(given) as ahead:
        for now in range(epoch, 3):
            order = np.random.Generator(np.random.Philox(key=3, counter=[0, 0, now, 1])).permutation(90)
            for start in range(20 * first if now == epoch else 0, 90, 20):
                batch = next(ahead)
                time.sleep(0.002)  # time to overwrite what is still in use
                indices = np.sort(order[start : start + 20])
                expected = np.empty((len(indices), 9, 7, 3), np.float32)
                seen_pictures = pictures[indices]
                if "elastic" in changes:
                    fill = np.rint(synchronous.fill).astype(np.uint8)
                    seen_pictures = np.empty_like(seen_pictures)
                    distort(seen_pictures, pictures[indices], *synchronous.distortions(now, indices), fill)
                augment(expected, seen_pictures, *synchronous.drawn(now, indices), synchronous.fill)
                pipeline.load(batch)
                np.testing.assert_array_equal(plan.input, expected)
                np.testing.assert_array_equal(plan.labels, labels[indices])
                np.testing.assert_array_equal(batch.indices, indices)
                np.testing.assert_array_equal(batch.labels, labels[indices])
                seen += 1
        assert next(ahead, None) is None
    assert seen == (3 - epoch) * 5 - first
