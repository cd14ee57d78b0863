"""Restores a run from its folder: record, state and configuration, checked as weights are before they are used.

Any of them may have been damaged, edited by hand or written by another version. Every error is a TrainingError that
says which value it is about, what it is and what is expected.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from ..errors import TrainingError, UsageError, cut, nearest
from .schedules import Schedule
from .settings import Settings

INFINITE = float("inf")
MOST = 2**53
"""Of a count: what every JSON reader keeps exactly."""

_COUNTS = ("epoch", "batch", "step", "wrong", "seen", "best_epoch", "updates", "added")
_NUMBERS = ("loss_sum", "seconds", "waiting")
_BESTS = ("best_error", "best_loss")
_LATER = ("waiting", "updates", "added")
"""What the first runs did not write."""
_COLUMNS = ("epoch", "learning_rate", "train_loss", "train_top1_error")
"""What every row of the table of epochs has."""
FINETUNING = ("freeze", "freeze_until", "below")
"""What config.toml says beside of a run that began with a trained network."""
_SETTINGS = {field.name for field in dataclasses.fields(Settings)}


def checked_record(record: Mapping[str, Any], where: object) -> Settings:
    """The settings in a model's record, which has also the names of its data set and network."""
    for name in ("data", "network"):
        _need_text(record.get(name), f"{where}: {name} of the record")
    settings = record.get("settings")
    if not isinstance(settings, dict):
        raise TrainingError(f"{where}: settings of the record {_is(settings)}: an object is expected")
    writer = record.get("numbacnn")
    by = f", and numbacnn {cut(writer)} wrote the file" if isinstance(writer, str) else ""
    return _settings(settings, f"{where}: settings", by)


def checked_config(config: Mapping[str, Any], where: object) -> dict[str, Any]:
    """The options in a run's config.toml: data and network, and the settings; of a network that was trained before, the
    model in place of the network, and which layers learn.
    """
    if not config:
        raise TrainingError(f"{where} is empty: the options of the run are expected")
    begun = ("data", "model") if "model" in config else ("data", "network")
    for name in begun:
        _need_text(config.get(name), f"{where}: {name}")
    others = (*begun, *FINETUNING) if "model" in config else begun
    _settings({name: value for name, value in config.items() if name not in others}, str(where))
    if config.get("freeze", "none") not in ("all", "none"):
        raise TrainingError(f"{where}: freeze {_is(config['freeze'])}: all or none is expected")
    if "freeze_until" in config:
        _need_text(config["freeze_until"], f"{where}: freeze_until")
    if "below" in config:
        _need_number(config["below"], f"{where}: below")
    return dict(config)


def checked_numbers(numbers: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """All of a state but its arrays, as `State.numbers` gave it; what is null there is infinite."""
    known = set(known)
    for name in numbers:
        if name not in known:
            _unknown("the state of the run", name, known)
    for name in (*_COUNTS, *_NUMBERS, *_BESTS, "schedule", "rows"):
        if name not in numbers and name not in _LATER:
            raise TrainingError(f"{name} is missing in the state of the run")
    for name in _COUNTS:
        if name in numbers:
            _need_count(numbers[name], f"{name} of the state")
    for name in _NUMBERS:
        if name in numbers:
            _need_number(numbers[name], f"{name} of the state")
    for name in _BESTS:
        if numbers[name] is not None:
            _need_number(numbers[name], f"{name} of the state")
    _check_schedule(numbers["schedule"])
    _check_rows(numbers["rows"], numbers["epoch"])
    if numbers["best_epoch"] > numbers["epoch"]:
        raise TrainingError(
            f"best_epoch of the state is {numbers['best_epoch']}, and only {numbers['epoch']} epochs were completed"
        )
    return {name: INFINITE if value is None else value for name, value in numbers.items()}


def checked_arrays(
    arrays: Mapping[str, Any], groups: Mapping[str, bool], parameters: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Group -> parameter -> array, as `State.arrays` gave them: those of a group for every parameter, in its shape.

    `groups` says whether there has to be one; where it need not be, it is left out as a whole or not at all.
    """
    found: dict[str, dict[str, Any]] = {}
    for group, needed in groups.items():
        if not needed and not any(name.startswith(f"{group}/") for name in arrays):
            continue
        found[group] = {}
        for key, parameter in parameters.items():
            name = f"{group}/{key}"
            if name not in arrays:
                raise TrainingError(f"extra/{cut(name)} is missing: a run needs it to go on")
            array = arrays[name]
            if array.shape != parameter.shape or array.dtype != parameter.dtype:
                raise TrainingError(
                    f"extra/{cut(name)} holds {array.dtype} of shape {array.shape}: {parameter.dtype} of shape "
                    f"{parameter.shape} is expected"
                )
            if not np.isfinite(array).all():
                raise TrainingError(f"extra/{cut(name)} holds a number that is not finite")
            found[group][key] = array
    return found


def check_progress(state: Any, batches: int, batch_size: int, pictures: int) -> None:
    """Raises TrainingError unless the counts of a `State` belong together, and to that many pictures."""
    seen = min(state.batch * batch_size, pictures)
    expected = (
        ("batch", state.batch <= batches, f"at most {batches}, the batches of an epoch,"),
        ("seen", state.seen == seen, f"{seen}, the pictures of {state.batch} batches,"),
        ("wrong", state.wrong <= state.seen, f"at most {state.seen}, the pictures seen,"),
        ("step", state.step == state.epoch * batches + state.batch, f"{state.epoch * batches + state.batch}"),
        ("seconds", state.seconds > 0 or not state.batch, "more than 0"),
    )
    for name, fits, wanted in expected:
        if not fits:
            raise TrainingError(
                f"{name} of the state is {getattr(state, name)}: after {state.epoch} epochs and {state.batch} batches "
                f"of {pictures} pictures {wanted} is expected; the file was changed, or the data set is another one"
            )


def _settings(stored: Mapping[str, Any], where: str, by: str = "") -> Settings:
    for name in stored:
        if name not in _SETTINGS:
            _unknown(where, name, _SETTINGS, by)
    try:
        return Settings(**stored)
    except UsageError as error:
        raise TrainingError(f"{where}: {error}") from None


def _unknown(where: str, name: object, known: Iterable[str], by: str = "") -> NoReturn:
    hint = nearest(str(name), known)
    if "did you mean" not in hint:
        hint = f"; a newer numbacnn knows it{by}: update numbacnn"
    raise TrainingError(f"{where}: '{cut(name)}' is not known to this numbacnn{hint}")


def _check_schedule(schedule: Any) -> None:
    if not isinstance(schedule, dict):
        raise TrainingError(f"schedule of the state {_is(schedule)}: an object is expected")
    known = {field.name for field in dataclasses.fields(Schedule)} - {"settings"}
    for name, value in schedule.items():
        if name not in known:
            _unknown("schedule of the state", name, known)
        if name == "factor":
            _need_number(value, "factor of the state's schedule")
            if not 0 < value <= 1:
                raise TrainingError(
                    f"factor of the state's schedule is {value:g}: above 0 and at most 1 is expected"
                )
        else:
            _need_count(value, f"{name} of the state's schedule")


def _check_rows(rows: Any, epochs: int) -> None:
    if not isinstance(rows, list) or len(rows) != epochs:
        given = f"has {len(rows)} rows" if isinstance(rows, list) else _is(rows)
        raise TrainingError(f"rows of the state {given}: one for each of {epochs} epochs is expected")
    for place, row in enumerate(rows, 1):
        where = f"row {place} of the state"
        if not isinstance(row, dict):
            raise TrainingError(f"{where} {_is(row)}: an object is expected")
        missing = next((name for name in _COLUMNS if name not in row), None)
        if missing is not None:
            raise TrainingError(f"{where} has no {missing}")
        for name, value in row.items():
            if not isinstance(value, bool):
                _need_number(value, f"{cut(name)} in {where}", least=-INFINITE)
        if row["epoch"] != place:
            raise TrainingError(f"{where} is of epoch {row['epoch']:g}: {place} is expected")


def _need_text(value: Any, what: str) -> None:
    if not isinstance(value, str) or not value:
        raise TrainingError(f"{what} {_is(value)}: a name is expected")


def _need_count(value: Any, what: str) -> None:
    if type(value) is not int or not 0 <= value <= MOST:
        raise TrainingError(f"{what} {_is(value)}: a whole number of at least 0 is expected")


def _need_number(value: Any, what: str, least: float = 0) -> None:
    is_whole = type(value) is int and abs(value) <= MOST
    if not (is_whole or (type(value) is float and math.isfinite(value))) or not value >= least:
        wanted = "a finite number" if least < 0 else "a finite number of at least 0"
        raise TrainingError(f"{what} {_is(value)}: {wanted} is expected")


def _is(value: Any) -> str:
    return "is missing" if value is None else f"is {cut(repr(value))}"
