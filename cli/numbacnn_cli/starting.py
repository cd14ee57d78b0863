"""What a run starts from: the network, the data and the settings that its options come to, and where each comes from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import Compute, Given
from .output import Output

if TYPE_CHECKING:
    from numbacnn.training import RunFolder, Trainer

DATA = "digits"
"""The data set where --data is left out."""


@dataclass(frozen=True)
class Start:
    """A run that has not begun. `config` is the contents of config.toml, `sources` says where each of its values comes
    from.
    """

    config: dict[str, Any]
    sources: dict[str, str]
    trainer: Trainer


def new_start(
    data: str | None, network: str | None, changes: dict[str, Any], compute: Compute, given: Given
) -> Start:
    """A new run of `changes`, what is known of the network and the defaults. Raises whatever makes it impossible."""
    from numbacnn.storage.datasets import open_dataset
    from numbacnn.training import Trainer
    from numbacnn.training.preparing import as_settings, build_network, choose, default_network
    from numbacnn.training.recipes import GIVEN

    dataset = open_dataset(data or DATA)
    name = network or default_network(dataset)
    choices = choose(dataset, name, changes)
    settings = as_settings(choices)
    built = build_network(dataset, name, settings)
    compute.place(built)
    trainer = Trainer(built, dataset, settings)
    sources = {
        "data": given.place("data") if data else "default",
        "network": given.place("network") if network else "suits the size of the pictures",
    }
    used = trainer.settings.as_dict()
    for setting, choice in choices.items():
        source = given.place(setting) if choice.source == GIVEN else choice.source
        if used[setting] != choice.value:
            source += f": {choice.value}"
        sources[setting] = source
    return Start({"data": data or DATA, "network": name, **used}, sources, trainer)


def resumed_start(
    folder: RunFolder,
    data: str | None,
    network: str | None,
    run: Path | None,
    changes: dict[str, Any],
    compute: Compute,
    given: Given,
    out: Output,
) -> Start:
    """A run that goes on as it was configured, perhaps for more epochs; one that was killed before it had saved anything
    begins once more.

    Raises UsageError for options that would change it, or for fewer epochs than it has done.
    """
    from numbacnn.errors import TrainingError, UsageError
    from numbacnn.storage.datasets import open_dataset
    from numbacnn.training import Trainer
    from numbacnn.training.restoring import checked_record
    from numbacnn.training.whereabouts import need_same_data

    from .finetune import begun_again, features_of

    config = folder.read_config()
    if run is not None and run.resolve() != folder.path.resolve():
        raise _unchangeable("run", run, folder.path)
    begun = "model" if "model" in config else "network"
    if network is not None and Path(network) != Path(config[begun]):
        raise _unchangeable(begun, network, config[begun])
    for name, value in changes.items():
        if name != "epochs" and value != config.get(name):
            raise _unchangeable(name, value, config.get(name))
    if data not in (None, config["data"]) and not folder.last.exists():
        raise _unchangeable("data", data, config["data"])
    if folder.unsaved and begun == "model":
        return begun_again(folder, config, changes, compute, given, out)
    if folder.unsaved:
        configured = {name: value for name, value in config.items() if name not in ("data", "network")}
        return new_start(config["data"], config["network"], {**configured, **changes}, compute, given)
    built, record, numbers, arrays = folder.load_last()
    compute.place(built)
    settings = dataclasses.replace(checked_record(record, folder.last), **changes)
    dataset = open_dataset(_data_of(folder, record, data, config["data"]))
    need_same_data(dataset, record, folder.path)
    fixed = features_of(folder, built, dataset, settings, out) if config.get("freeze") == "all" else None
    try:
        trainer = Trainer(built, dataset, settings, (numbers, arrays), features=fixed)
    except TrainingError as error:
        raise TrainingError(f"{folder.last}: {error}") from None
    if settings.epochs < trainer.state.epoch:
        raise UsageError(
            f"--epochs {settings.epochs}: the run in {folder.path} has done {trainer.state.epoch} epochs; give more to go on"
        )
    used = {**config, **trainer.settings.as_dict()}
    sources = {
        name: given.place(name) if name == "epochs" and name in changes else f"the run in {folder.path}"
        for name in used
    }
    return Start(used, sources, trainer)


def _data_of(folder: RunFolder, record: dict[str, Any], data: str | None, configured: str) -> str:
    """Where the run's data set is; `data` may say so where it is not found otherwise, and else has to be that one."""
    from numbacnn.errors import DataError
    from numbacnn.training.whereabouts import find_data

    try:
        found = find_data(record, folder.path)
    except DataError as error:
        if data is not None:
            return data
        raise DataError(f"{error}; put it there, or say with --data where it is now") from None
    if (
        data not in (None, configured, record["data"], found)
        and Path(str(data)).resolve() != Path(found).resolve()
    ):
        raise _unchangeable("data", data, configured)
    return found


def _unchangeable(name: str, given: object, has: object) -> Exception:
    from numbacnn.errors import UsageError, cut

    return UsageError(
        f"--{name.replace('_', '-')} {cut(given)} cannot change when a run is resumed (it has {cut(has)}; only --epochs "
        "can); start a new run"
    )


def nothing_left(trainer: Trainer, folder: RunFolder) -> str:
    """Returns why a resumed run has nothing to do, and how it would go on; "" if something is left."""
    if not trainer.over:
        return ""
    done = trainer.state.epoch
    if done >= trainer.settings.epochs:
        return (
            f"nothing is left to do: all {done} epochs are done; to go on: numbacnn train --resume {folder.path} "
            f"--epochs N, with N above {done}"
        )
    return (
        f"nothing is left to do, and more epochs would change nothing ({trainer.spent}); start a new run, with another "
        "--learning-rate or a larger --patience"
    )


def show_config(start: Start, compute: Compute, given: Given, out: Output) -> dict[str, Any]:
    """Shows all that the run would use as TOML for --config, each line with where its value comes from."""
    import tomli_w

    config = {**start.config, "device": compute.device, "precision": compute.precision}
    sources = {**start.sources, **{name: given.place(name) for name in ("device", "precision")}}
    lines = {name: tomli_w.dumps({name: value}).rstrip() for name, value in config.items()}
    width = max(map(len, lines.values()))
    for name, line in lines.items():
        out.say(f"{line:{width}}  # {sources[name]}")
    return {"config": config, "sources": sources}
