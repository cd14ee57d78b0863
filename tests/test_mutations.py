"""Every field of every file, deleted and of every wrong kind: read, or refused with one line, never another exception."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tomli_w
from few_digits import few

from numbacnn import architectures
from numbacnn.data.contents import Contents
from numbacnn.data.dataset import Split
from numbacnn.errors import NumbacnnError, without_controls
from numbacnn.storage import load_checkpoint, load_model, open_dataset, write_dataset
from numbacnn.storage.datasets import EMBEDDED
from numbacnn.toml import read_toml
from numbacnn.training import BatchDone, RunFolder, Settings, Trainer, preprocessing
from numbacnn.training.restoring import checked_record
from numbacnn_cli.shell import describe

FEW = few(40, 20, 20)
SETTINGS = Settings(epochs=3, batch_size=16)
SMALL = {
    "input": [8, 8, 1],
    "layers": {
        "conv": {
            "type": "convolution",
            "filters": 2,
            "kernel": 3,
            "stride": 1,
            "padding": [1, 1, 1, 1],
            "groups": 1,
        },
        "relu": {"type": "relu"},
        "drop": {"type": "dropout", "probability": 0.5},
        "both": {"type": "concatenate", "inputs": ["relu", "drop"]},
        "flat": {"type": "flatten"},
        "scores": {"type": "dense", "outputs": 10},
        "softmax": {"type": "softmax"},
    },
}
"""A network of few arrays, as every one of them is read with each of a thousand records."""
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "negative": -1,
    "zero": 0,
    "half": 0.5,
    "huge": 2**70,
    "digits": int("9" * 400),
    "largest float": 1.7e308,
    "text": "x",
    "empty text": "",
    "long text": "é" * 100_000,
    "control": "a\x1b[31m\n\0b",
    "empty list": [],
    "numbers": [1, 2, 3],
    "texts": ["a"] * 4,
    "nested": [[[]]],
    "object": {},
    "objects": [{"a": "b"}],
}
NOT_JSON = {"nan": "NaN", "infinite": "-Infinity", "over": "1e999", "deep": "[" * 50_000}
DELETED = object()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in objects and lists, of a list to its first and last."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index in sorted({0, len(value) - 1} if value else ()):
            yield from places(value[index], (*path, index))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    value = copy.deepcopy(value)
    target = value
    for key in path[:-1]:
        target = target[key]
    if new is DELETED:
        del target[path[-1]]
    else:
        target[path[-1]] = new
    return value


def mutants(value: Any) -> Iterator[tuple[str, str]]:
    """What was done, and the JSON: every place with every value, deleted, and one name too many in every object."""
    for path in places(value):
        for name, new in VALUES.items():
            yield f"{path} = {name}", json.dumps(changed(value, path, new))
        yield f"{path} deleted", json.dumps(changed(value, path, DELETED))
        for name, text in NOT_JSON.items():
            yield f"{path} = {name}", json.dumps(changed(value, path, "@@")).replace('"@@"', text)
        inner = value
        for key in path:
            inner = inner[key]
        if isinstance(inner, dict):
            yield f"{path} has one more", json.dumps(changed(value, (*path, "learning_rat"), 1))


EVERY = pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
"""Every third mutant, which takes each place with a third of the values and each value at other places; slow: every one."""


def all_end_well(names_and_acts: Iterator[tuple[str, Callable[[], Any]]], least: int) -> int:
    """Runs everything; says how many were refused. Nothing may raise another exception, take long or say much."""
    refusals = count = 0
    for name, act in names_and_acts:
        begun = time.process_time()
        count += 1
        try:
            act()
        except NumbacnnError as error:
            refusals += 1
            message = describe(error).message
            assert len(message) < 1500, name
            assert without_controls(message) == message, name
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {str(error)[:300]}") from error
        assert time.process_time() - begun < 5, name
    assert count >= least
    return refusals


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its second epoch."""
    path = tmp_path_factory.mktemp("run")
    definition = tmp_path_factory.mktemp("network") / "small.toml"
    definition.write_text(tomli_w.dumps(SMALL))
    network = architectures.build(definition, class_names=FEW.class_names, pixels=preprocessing(FEW))
    trainer = Trainer(network, FEW, SETTINGS)
    events = (event for event in trainer if isinstance(event, BatchDone))
    for _ in range(5):
        next(events)
    folder = RunFolder(path)
    folder.write_config({"data": "digits", "network": "digits", **SETTINGS.as_dict()})
    record = {"data": "digits", "network": "digits", "settings": SETTINGS.as_dict(), "numbacnn": "9.9"}
    folder.save_epoch(trainer, record, improved=True)
    return path


def resume(path: Path) -> None:
    """What `train --resume` does until the first step, and the table that it would write."""
    folder = RunFolder(path)
    network, record, numbers, arrays = folder.load_last()
    settings = checked_record(record, folder.last)
    trainer = Trainer(network, FEW, settings, (numbers, arrays))
    folder._write_metrics(trainer.state)


def rewritten(path: Path, field: str, text: str) -> None:
    with h5py.File(path, "r+") as file:
        del file[field]
        file.create_dataset(field, data=np.array([text.encode()]))


def test_the_run_goes_on_as_it_is(folder: Path) -> None:
    resume(folder)
    RunFolder(folder).read_config()
    load_model(folder / "model.h5")


@pytest.mark.slow
def test_a_checkpoints_state_and_settings(folder: Path, tmp_path: Path) -> None:
    data = (folder / "last.h5").read_bytes()
    record = load_checkpoint(folder / "last.h5").record
    path = tmp_path / "last.h5"

    def acts() -> Iterator[tuple[str, Callable[[], Any]]]:
        for name, text in islice(
            mutants(record), 0, None, 2
        ):  # an odd number of values: each meets every other place
            path.write_bytes(data)
            rewritten(path, "record", text)
            yield name, lambda: resume(tmp_path)

    assert all_end_well(acts(), 500) > 450


@EVERY
def test_a_models_architecture(folder: Path, tmp_path: Path, step: int) -> None:
    data = (folder / "model.h5").read_bytes()
    path = tmp_path / "model.h5"
    with h5py.File(folder / "model.h5") as file:
        description = json.loads(file["architecture"][0])

    def acts() -> Iterator[tuple[str, Callable[[], Any]]]:
        for name, text in mutants(description):
            path.write_bytes(data)
            rewritten(path, "architecture", text)
            yield name, lambda: load_model(path)

    assert all_end_well(islice(acts(), 0, None, step), 400 // step) > 300 // step


ARRAYS: dict[str, Callable[[Any, str], Any]] = {
    "deleted": lambda file, name: None,
    "float64": lambda file, name: file.create_dataset(name, data=np.zeros(file_shape(file, name))),
    "whole": lambda file, name: file.create_dataset(name, data=np.zeros(file_shape(file, name), "i8")),
    "text": lambda file, name: file.create_dataset(name, data=np.array([b"abc"])),
    "any text": lambda file, name: file.create_dataset(name, data=["abc"], dtype=h5py.string_dtype()),
    "single": lambda file, name: file.create_dataset(name, data=1.0),
    "none": lambda file, name: file.create_dataset(name, data=np.zeros(0, "f4")),
    "empty": lambda file, name: file.create_dataset(name, data=h5py.Empty("f4")),
    "one more": lambda file, name: file.create_dataset(
        name, data=np.zeros((*file_shape(file, name), 2), "f4")
    ),
    "nan": lambda file, name: file.create_dataset(name, data=np.full(file_shape(file, name), np.nan, "f4")),
    "infinite": lambda file, name: file.create_dataset(
        name, data=np.full(file_shape(file, name), np.inf, "f4")
    ),
    "bytes": lambda file, name: file.create_dataset(name, data=np.full(file_shape(file, name), 255, "u1")),
    "negative": lambda file, name: file.create_dataset(name, data=np.full(file_shape(file, name), -1, "i8")),
    "compound": lambda file, name: file.create_dataset(name, data=np.zeros(3, [("a", "f4")])),
    "group": lambda file, name: file.create_group(name),
    "link": lambda file, name: file.__setitem__(name, h5py.SoftLink("/")),
    "complex": lambda file, name: file.create_dataset(name, data=np.zeros(file_shape(file, name), "c8")),
}
_SHAPES: dict[str, tuple[int, ...]] = {}


def file_shape(file: Any, name: str) -> tuple[int, ...]:
    return _SHAPES[name]


def fields_of(path: Path) -> list[str]:
    """Every group and array in a file, and its shape in _SHAPES."""
    found: list[str] = []
    _SHAPES.clear()

    def note(name: str, item: Any) -> None:
        found.append(name)
        _SHAPES[name] = getattr(item, "shape", (2,))

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def damaged(original: Path, path: Path, act: Callable[[], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every array and group of a file in the place of every other thing; attributes too."""
    data = original.read_bytes()
    for field in fields_of(original):
        for name, replace in ARRAYS.items():
            path.write_bytes(data)
            with h5py.File(path, "r+") as file:
                del file[field]
                replace(file, field)
            yield f"{field}: {name}", act
    for attribute in ("kind", "format_version"):
        for value in (None, 7, 2**40, -1, 0.5, "x", b"\xff", "é" * 500, [1, 2], h5py.Empty("f4")):
            path.write_bytes(data)
            with h5py.File(path, "r+") as file:
                del file.attrs[attribute]
                if value is not None:
                    file.attrs[attribute] = value
            yield f"{attribute}: {value!r}", act


@EVERY
def test_a_checkpoints_arrays(folder: Path, tmp_path: Path, step: int) -> None:
    acts = damaged(folder / "last.h5", tmp_path / "last.h5", lambda: resume(tmp_path))
    assert all_end_well(islice(acts, 0, None, step), 200 // step) > 200 // step


@EVERY
def test_a_data_sets_arrays(tmp_path: Path, step: int) -> None:
    original, path = tmp_path / "a.h5", tmp_path / "b.h5"
    write_dataset(original, Contents("few", dict(FEW.splits), FEW.class_names, "here", "none"))

    def read() -> None:
        dataset = open_dataset(path)
        for split in dataset.splits.values():
            split.read(slice(0, 4))
            split.read(np.array([3, 1]))

    assert all_end_well(islice(damaged(original, path, read), 0, None, step), 150 // step) > 120 // step


@EVERY
def test_how_a_data_sets_drawings_lie(tmp_path: Path, step: int) -> None:
    data = EMBEDDED["digits"].read_bytes()
    with h5py.File(EMBEDDED["digits"], locking=False) as file:
        framing = json.loads(file["framing"][0])

    def acts() -> Iterator[tuple[str, Callable[[], Any]]]:
        for number, (name, text) in enumerate(mutants(framing)):
            path = tmp_path / f"{number}.h5"  # each its own: a data set that was read may still be open
            path.write_bytes(data)
            rewritten(path, "framing", text)
            yield name, lambda path=path: open_dataset(path)
            path.unlink()

    assert all_end_well(islice(acts(), 0, None, step), 200 // step) > 150 // step


def test_a_runs_options(folder: Path, tmp_path: Path) -> None:
    config = read_toml(folder / "config.toml", NumbacnnError).values
    path = tmp_path / "config.toml"

    def acts() -> Iterator[tuple[str, Callable[[], Any]]]:
        for place in places(config):
            for name, value in (
                *VALUES.items(),
                ("deleted", DELETED),
                ("nan", float("nan")),
                ("inf", float("inf")),
            ):
                if name == "null":
                    continue  # TOML has none
                path.write_text(tomli_w.dumps(changed(config, place, value)), encoding="utf-8")
                yield f"{place} = {name}", lambda: RunFolder(tmp_path).read_config()
        for name, text in (
            ("empty", ""),
            ("a comment", "# x"),
            ("a table", "[epochs]"),
            ("no TOML", "epochs = "),
        ):
            path.write_text(text)
            yield name, lambda: RunFolder(tmp_path).read_config()
        path.unlink()
        yield "no file", lambda: RunFolder(tmp_path).read_config()

    assert all_end_well(acts(), 300) > 250


@EVERY
def test_a_network_in_toml(tmp_path: Path, step: int) -> None:
    path = tmp_path / "n.toml"
    network = {
        "input": [8, 8, 3],
        "layers": {
            "pixels": {"type": "pixels", "mean": [1.0, 2.0, 3.0], "scale": 0.1, "channel_order": "BGR"},
            "conv": {"type": "convolution", "filters": 4, "kernel": [3, 3], "padding": 1, "groups": 1},
            "slope": {"type": "leaky-relu", "slope": 0.1},
            "pool": {"type": "max-pool", "kernel": 2, "rounding": "exact"},
            "drop": {"type": "dropout", "probability": 0.5},
            "both": {"type": "concatenate", "inputs": ["pool", "drop"]},
            "flat": {"type": "flatten"},
            "scores": {"type": "dense", "outputs": 4},
            "softmax": {"type": "softmax"},
        },
    }
    values = {name: value for name, value in VALUES.items() if name != "null"}
    values |= {"deleted": DELETED, "nan": float("nan"), "inf": float("inf"), "billion": 10**9}

    def acts() -> Iterator[tuple[str, Callable[[], Any]]]:
        for place in places(network):
            for name, value in values.items():
                path.write_text(tomli_w.dumps(changed(network, place, value)), encoding="utf-8")
                yield f"{place} = {name}", lambda: architectures.build(path)

    assert all_end_well(islice(acts(), 0, None, step), 600 // step) > 500 // step


@pytest.mark.parametrize("split", ["train", "test"])
def test_labels_and_pictures_that_do_not_belong_together(tmp_path: Path, split: str) -> None:
    path = tmp_path / "a.h5"
    short = Split(FEW.train.read(slice(0, 5)), FEW.train.labels[:5])
    write_dataset(path, Contents("few", {**FEW.splits, split: short}, FEW.class_names))
    with h5py.File(path, "r+") as file:
        del file[f"{split}/labels"]
        file.create_dataset(f"{split}/labels", data=np.array([0, 1, 2, 200, 3], "u1"))
    with pytest.raises(
        NumbacnnError, match=rf"{split}/labels\[3\] is 200; with 10 classes, 0 to 9 is expected"
    ):
        open_dataset(path)
