from __future__ import annotations

import csv
import dataclasses
import threading
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from few_digits import few, network_for

from numbacnn.architectures import build
from numbacnn.data import Dataset, Split
from numbacnn.data.contents import Contents
from numbacnn.errors import DataError, TrainingError
from numbacnn.layers import initialization
from numbacnn.network import Network
from numbacnn.storage import open_dataset, write_dataset
from numbacnn.training import (
    BatchDone,
    EpochDone,
    Finished,
    RolledBack,
    RunFolder,
    RunStarted,
    Settings,
    StoppedEarly,
    Trainer,
    Warned,
    evaluate,
    loop,
    resident,
    settings_for,
    train,
)
from numbacnn.training.feed import BatchFeed
from numbacnn.training.resident import EpochFeed
from numbacnn.training.schedules import HALVINGS
from numbacnn.training.step import TrainingStep

FEW = few(test=60)


def network(dataset: Dataset = FEW, **options: object) -> Network:
    return network_for(dataset, **options)


def weights(of: Network) -> list[bytes]:
    return [each.value.tobytes() for each in of.graph.parameters.values()]


def test_events_come_in_order_and_the_loss_falls() -> None:
    events = list(train(network(), FEW, settings_for("digits", epochs=6)))
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], Finished)
    assert events[0].batches == 5
    assert events[0].bytes > 0
    batches = [event for event in events if isinstance(event, BatchDone)]
    assert [event.batch for event in batches] == [1, 2, 3, 4, 5] * 6
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    assert rows[-1]["train_loss"] < 0.5 * rows[0]["train_loss"]
    best = min(rows, key=lambda row: (row["validation_top1_error"], row["validation_loss"]))
    assert events[-1].best_epoch == best["epoch"]


def test_at_the_end_the_network_holds_its_best_weights() -> None:
    trained = network()
    last = list(train(trained, FEW, settings_for("digits", epochs=5)))[-1]
    assert FEW.validation is not None
    assert evaluate(trained, FEW.validation).top1_error == pytest.approx(last.best_error)


def test_one_step_is_sgd_with_momentum_and_decay() -> None:
    trained, settings = (
        network(),
        Settings(learning_rate=0.01, batch_size=150, weight_decay=0.1, momentum=0.5),
    )
    before = {(each.node, each.key): each.value.copy() for each in trained.graph.parameters.values()}
    trainer = Trainer(trained, FEW, settings)
    list(islice((event for event in trainer if isinstance(event, BatchDone)), 1))
    gradients = trainer.step.program.gradients
    for node, name, array in (
        (each.node, each.key, each.value) for each in trained.graph.parameters.values()
    ):
        decay = 0.1 if name == "weights" else 0.0
        expected = before[node, name] - 0.01 * (gradients[node][name] + decay * before[node, name])
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-7)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    settings = settings_for("digits", epochs=2, flip=True, colour=0.1)
    first, second, other = network(), network(), network(seed=1)
    for one, chosen in ((first, settings), (second, settings), (other, settings)):
        list(train(one, FEW, chosen))
    assert weights(first) == weights(second) != weights(other)


@pytest.mark.parametrize(
    ("stop_after", "feed", "at_once"),
    [(1, EpochFeed, 0), (7, EpochFeed, 0), (10, EpochFeed, 0), (7, EpochFeed, 10), (7, BatchFeed, 0)],
)
def test_a_resumed_run_ends_with_the_same_bits(
    tmp_path: Path, stop_after: int, feed: Any, at_once: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for("digits", schedule="halve", epochs=4, patience=1, learning_rate=0.05)
    whole = network()
    monkeypatch.setattr(resident, "_AT_ONCE", 0)
    list(train(whole, FEW, settings))

    monkeypatch.setattr(resident, "_AT_ONCE", at_once)  # seconds of steps between two looks
    monkeypatch.setattr(loop, "feed_for", lambda *parts: feed(*parts[:-1]))
    trainer = Trainer(network(), FEW, settings)
    steps = 0
    for event in trainer:
        steps += isinstance(event, BatchDone)
        if steps == stop_after:
            break
    folder = RunFolder(tmp_path)
    folder.save_last(trainer, {"data": "few"})
    resumed, _, numbers, arrays = folder.load_last()
    again = Trainer(resumed, FEW, settings, (numbers, arrays))
    list(again)
    assert weights(resumed) == weights(whole)


def test_the_waiting_share_is_a_share_and_comes_with_the_speed() -> None:
    events = list(train(network(), FEW, settings_for("digits", epochs=3)))
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    assert all(0 < row["waiting_share"] < 1 for row in rows)
    assert all(0 < event.waiting_share < 1 for event in events if isinstance(event, BatchDone))
    assert isinstance(events[-1], Finished)
    assert events[-1].waiting_share == np.median([row["waiting_share"] for row in rows])


def test_a_run_of_an_older_version_goes_on(tmp_path: Path) -> None:
    trainer = Trainer(network(), FEW, settings_for("digits", epochs=1))
    list(trainer)
    folder = RunFolder(tmp_path)
    folder.save_last(trainer, {})
    older, _, numbers, arrays = folder.load_last()
    del numbers["waiting"], numbers["rows"][0]["waiting_share"]
    ended = list(Trainer(older, FEW, settings_for("digits", epochs=1), (numbers, arrays)))[-1]
    assert isinstance(ended, Finished)
    assert np.isnan(ended.waiting_share)
    again = Trainer(older, FEW, settings_for("digits", epochs=2), (numbers, arrays))
    last = list(again)[-1]
    assert isinstance(last, Finished)
    assert last.waiting_share == again.state.rows[1]["waiting_share"]
    folder.save_last(again, {})
    first, second = csv.DictReader(folder.metrics.open())
    assert first["waiting_share"] == ""
    assert float(second["waiting_share"]) == last.waiting_share


@pytest.mark.parametrize("steps", [1, 5, 8])
def test_a_run_that_is_left_leaves_no_thread(steps: int) -> None:
    before = set(threading.enumerate())
    for event in train(network(), FEW, settings_for("digits", epochs=3)):
        if isinstance(event, BatchDone):
            assert len(set(threading.enumerate()) - before) <= 1
            steps -= 1
            if not steps:
                break
    assert set(threading.enumerate()) == before


def test_a_step_that_fails_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a step that fails")

    before = set(threading.enumerate())
    monkeypatch.setattr(TrainingStep, "several", fail)
    with pytest.raises(RuntimeError, match="a step that fails"):
        list(train(network(), FEW, settings_for("digits", epochs=3)))
    assert set(threading.enumerate()) == before


def test_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "few.h5"
    splits = {name: Split(split.read(slice(None)), split.labels) for name, split in FEW.splits.items()}
    write_dataset(path, Contents("few", splits, FEW.class_names))
    whole = path.read_bytes()
    place = whole.index(splits["train"].read(slice(0, 10)).tobytes()) + 100
    path.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])
    before = set(threading.enumerate())
    damaged = open_dataset(path)
    message = "train/images cannot be read, the file is damaged"
    with pytest.raises(DataError, match=message):
        list(train(network(), damaged, settings_for("digits", epochs=3)))
    with pytest.raises(DataError, match=message):
        evaluate(network(), damaged.train)
    assert set(threading.enumerate()) == before


def test_halve_goes_back_to_the_best_weights_and_starts_from_rest() -> None:
    settings = Settings(epochs=12, learning_rate=0.2, batch_size=32, patience=1)
    trainer = Trainer(network(), FEW, settings)
    for event in trainer:
        if isinstance(event, RolledBack):
            break
    else:
        pytest.fail("a learning rate of 0.2 never made the validation error worse")
    state = trainer.state
    assert event.to_epoch == state.best_epoch < event.epoch
    assert event.learning_rate == pytest.approx(0.1)
    for node, name, array in (
        (each.node, each.key, each.value) for each in trainer.network.graph.parameters.values()
    ):
        key = f"{node}/{name}"
        np.testing.assert_array_equal(array, state.best_weights[key])
        assert not state.kept["velocity"][key].any()


def test_after_many_roll_backs_the_last_epoch_is_near_the_best() -> None:
    """The velocity of a larger rate would carry the weights away, however small the rate has become."""
    settings = settings_for("digits", schedule="halve", epochs=40, patience=1, learning_rate=0.1)
    rows = [event.row for event in train(network(), FEW, settings) if isinstance(event, EpochDone)]
    best = min(row["validation_top1_error"] for row in rows)
    assert sum(row["rolled_back"] for row in rows) > HALVINGS
    assert rows[-1]["validation_top1_error"] <= best + 0.05


def test_a_run_whose_rate_moves_nothing_ends_and_says_so(tmp_path: Path) -> None:
    settings = settings_for("digits", schedule="halve", epochs=50, patience=1, learning_rate=1e-12)
    trainer = Trainer(network(), FEW, settings)
    events = list(trainer)
    stopped, finished = events[-2:]
    assert isinstance(stopped, StoppedEarly)
    assert isinstance(finished, Finished)
    assert stopped.epoch == trainer.state.epoch == len(trainer.state.rows) == 2 + HALVINGS
    assert "did not improve" in stopped.reason
    assert not trainer.state.rows[-1]["rolled_back"]

    folder = RunFolder(tmp_path)
    folder.save_last(trainer, {})
    again, _, numbers, arrays = folder.load_last()
    more = Trainer(again, FEW, dataclasses.replace(settings, epochs=60), (numbers, arrays))
    assert more.over
    assert [type(event) for event in more] == [RunStarted, StoppedEarly, Finished]


def test_a_diverging_run_says_what_to_try_and_keeps_the_best() -> None:
    settings = Settings(epochs=3, learning_rate=100, batch_size=50)
    with pytest.raises(
        TrainingError, match=r"no longer finite \(epoch \d, batch \d, learning rate 100\).*try"
    ):
        list(train(network(), FEW, settings))


@pytest.mark.parametrize("scheme", sorted(initialization.SYMMETRIC))
def test_initialisations_that_cannot_learn_are_warned_about(scheme: str) -> None:
    trainer = Trainer(network(initialise=scheme), FEW, Settings(initialise=scheme))
    warned = [event for event in islice(trainer, 3) if isinstance(event, Warned)]
    assert initialization.SYMMETRIC[scheme] in warned[0].message


def test_without_validation_the_training_error_chooses() -> None:
    alone = Dataset.from_arrays(
        "alone", train=(FEW.train.images, FEW.train.labels), class_names=FEW.class_names
    )
    events = list(train(network(alone), alone, settings_for("digits", epochs=2)))
    assert any(isinstance(event, Warned) and "no validation split" in event.message for event in events)
    assert all("validation_loss" not in event.row for event in events if isinstance(event, EpochDone))


@pytest.mark.parametrize("loss", ["square", "log", "hinge", "max-margin"])
def test_every_loss_trains(loss: str) -> None:
    rate = 0.02 if loss == "square" else 0.01
    trained = network(initialise="glorot")
    rows = [
        event.row
        for event in train(trained, FEW, Settings(epochs=12, batch_size=25, loss=loss, learning_rate=rate))
        if isinstance(event, EpochDone)
    ]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert evaluate(trained, FEW.test).top1_error < 0.5


def test_data_that_does_not_fit_the_network() -> None:
    with pytest.raises(
        DataError, match="few: pictures of 8x8 are smaller than the network's 28x28; --fit resize"
    ):
        train(build("lenet"), FEW)
    with pytest.raises(DataError, match="few: a label is 9, and the network has 3 classes"):
        train(build("digits", classes=3), FEW)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    trainer = Trainer(network(), FEW, settings_for("digits", epochs=1))
    list(trainer)
    folder = RunFolder(tmp_path)
    folder.save_last(trainer, {})
    _, _, numbers, arrays = folder.load_last()
    other = build("lenet", input_shape=(32, 32, 1))
    large = Dataset.from_arrays("large", train=(np.zeros((4, 32, 32, 1), np.uint8), np.arange(4)))
    with pytest.raises(TrainingError, match=r"extra/.* is missing|extra/.* is expected"):
        Trainer(other, large, Settings(), (numbers, arrays))
