"""A training whose pictures lie in the device's memory gives the bits of one that is fed batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data import Dataset, Split
from numbacnn.data.picture_files import FileImages
from numbacnn.device import get_device
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Dropout, Flatten, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.ops import launches
from numbacnn.training import BatchDone, EpochDone, Settings, held, loop, resident
from numbacnn.training.feed import BatchFeed
from numbacnn.training.held import Ring, WholeSplit
from numbacnn.training.loop import Trainer
from numbacnn.training.resident import EpochFeed

SETTINGS = {
    "plain": Settings(epochs=2, batch_size=4, learning_rate=0.05, seed=3),
    "changed pictures": Settings(
        epochs=2, batch_size=4, flip=True, translate=1, colour=0.2, elastic=0.7, thickness=0.3, seed=3
    ),
    "all that a step can": Settings(
        epochs=3,
        batch_size=3,
        optimizer="adam",
        accumulate=2,
        clip_norm=0.5,
        average_weights=0.9,
        schedule="cosine",
        seed=7,
    ),
}


def trainer(settings: Settings, resumed: Any = None, network: Network | None = None) -> Trainer:
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (22, 8, 8, 3), np.uint8), np.arange(22) % 3
    dataset = Dataset.from_arrays("noise", train=(images, labels), validation=(images[:4], labels[:4]))
    if network is None:
        lines: list[tuple[str, Any]] = [("conv", Convolution(4, 3)), ("relu", ReLU()), ("flat", Flatten())]
        lines += [("dropout", Dropout(0.5)), ("scores", Dense(3)), ("softmax", Softmax())]
        graph = Graph(lines, (8, 8, 3))
        graph.initialise("he", 1)
        network = Network(graph, dataset.class_names)
    return Trainer(network, dataset, settings, resumed)


def result(run: Trainer) -> tuple[Any, ...]:
    """All that a run tells, and its weights."""
    told: list[Any] = []
    for event in run:
        if isinstance(event, BatchDone):
            told.append((event.epoch, event.batch, event.loss, event.top1_error))
        if isinstance(event, EpochDone):
            told.append([event.row[name] for name in ("train_loss", "validation_loss", "learning_rate")])
    return told, run.network.graph.row.tobytes(), run.step.optimizer.updates


@pytest.fixture
def batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A thread reads pictures, whether they lie in memory or not."""
    monkeypatch.setattr(loop, "feed_for", lambda *parts: BatchFeed(*parts[:-1]))
    yield
    monkeypatch.undo()


@pytest.fixture(params=[1, 2, 4])
def ring(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many batches of four pictures at a time, as on a device that has no room for all of them."""
    monkeypatch.setattr(held, "_AT_A_TIME", request.param * 4 * 8 * 8 * 3)
    monkeypatch.setattr(loop, "feed_for", lambda *parts: EpochFeed(*parts[:-1], ring=1 << 30))


@pytest.mark.parametrize("at_once", [0, 10])
@pytest.mark.parametrize("name", SETTINGS)
def test_it_gives_the_same_bits(
    name: str, at_once: float, batch_by_batch: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = result(trainer(SETTINGS[name]))
    monkeypatch.undo()
    monkeypatch.setattr(resident, "_AT_ONCE", at_once)
    monkeypatch.setattr(launches, "_OFTEN", 2)
    run = trainer(SETTINGS[name])
    assert result(run) == expected
    assert isinstance(run._feed, EpochFeed)


def test_steps_follow_each_other_where_nobody_looks_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, list[int]] = {name: [] for name in SETTINGS}
    for name, settings in SETTINGS.items():
        monkeypatch.setattr(resident, "_AT_ONCE", 10)
        run = trainer(settings)
        step = run._step

        def counted(batch: Any, step: Any = step, name: str = name) -> None:
            taken[name].append(batch.steps)
            step(batch)

        monkeypatch.setattr(run, "_step", counted)
        list(run)
    # Five whole batches of four pictures and one of two, twice; the first step tells how long one takes.
    assert taken["plain"] == taken["changed pictures"] == [1, 4, 1, 5, 1]
    assert taken["all that a step can"] == [1] * 8 * 3


def test_pictures_that_are_read_from_a_file_are_fed_batch_by_batch(tmp_path: Path) -> None:
    run = trainer(SETTINGS["plain"])
    split = run.dataset.train
    assert split.in_memory
    assert split.subset(np.arange(3)).in_memory
    assert not Split(FileImages([tmp_path / "none.png"] * 3, (8, 8, 3), []), np.zeros(3, np.int64)).in_memory


def test_a_part_at_a_time_gives_the_same_bits(ring: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SETTINGS["changed pictures"]
    found = result(trainer(settings))
    monkeypatch.undo()
    assert found == result(trainer(settings))


def test_what_does_not_fit_is_brought_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    device = get_device("cpu")
    monkeypatch.setattr(type(device), "own_memory", True)

    def held_with(free: int) -> tuple[Any, int]:
        """What holds the pictures, and the bytes that the feed, the program and the one beside take."""
        monkeypatch.setattr(type(device), "free_bytes", lambda self: free)
        run = trainer(SETTINGS["plain"])
        next(iter(run))
        beside = run._evaluation_plan()
        needed = run._feed.bytes + run._plan.bytes + (0 if beside is None else beside.bytes)
        return getattr(run._feed, "_held", None), needed

    whole, needed = held_with(1 << 30)
    assert isinstance(whole, WholeSplit)
    assert isinstance(held_with(8 * needed // 7 + 8)[0], WholeSplit)
    assert isinstance(held_with(8 * (needed - 64) // 7)[0], Ring)
    assert held_with(1000)[0] is None
