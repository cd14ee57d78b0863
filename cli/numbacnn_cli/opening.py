"""The model that --model means, and the data that --data means or that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import CPU, Compute
from .output import Output
from .runs import PACKAGED_MODEL, resolve_model

if TYPE_CHECKING:
    from numbacnn import Dataset, Network


@dataclass(frozen=True)
class OpenedModel:
    """A trained network, the file that it was found in, and the record of its training."""

    path: Path
    network: Network
    record: dict[str, Any]

    @property
    def fact(self) -> str:
        """A figure's description of the model."""
        return (
            "model: the digits network in the package"
            if self.path == PACKAGED_MODEL
            else f"model {self.path}"
        )


def views_of(option: str | None, model: OpenedModel, out: Output) -> str:
    """Returns in how many views each picture is seen: as --views says, else as in the model's training, which is
    reported.
    """
    from numbacnn.views import VIEWS

    settings = model.record.get("settings")
    known = settings.get("views") if isinstance(settings, dict) else None
    chosen = option or (known if isinstance(known, str) and known in VIEWS else "one")
    if option is None and chosen != "one":
        out.note(
            f"each picture is seen in {len(VIEWS[chosen])} views, as the model's training measured (--views one: once)"
        )
    return chosen


def open_model(option: Path | None, out: Output, compute: Compute = CPU) -> OpenedModel:
    """Opens the model of --model on the device of --device, and reports which it is. Raises UsageError, ModelError,
    DeviceError; NetworkError for a network with other inputs than pictures.
    """
    from numbacnn.storage.models import load_model

    path, taken = resolve_model(option)
    out.note(taken)
    network, record = load_model(path)
    network.need_pictures()
    compute.place(network)
    return OpenedModel(path, network, record)


def open_data(option: str | None, model: OpenedModel, out: Output, *, needs_classes: bool = True) -> Dataset:
    """The data set of --data, else the one that the model was trained on, with the model's classes; says which it is.

    A command that only looks at the pictures (`needs_classes` False) takes a folder of any, whose labels are -1.
    Raises UsageError if the model does not know one, DataError if the data set cannot be used with it.
    """
    network = model.network
    dataset = open_pictures(data_of(option, model, out), network, needs_classes=needs_classes)
    if not dataset.has_classes:
        return dataset
    if dataset.image_shape != network.input_shape:
        out.note(_brought(dataset, network))
    matched = dataset.with_classes_of(network)
    if dataset.class_names != network.class_names:
        out.note(_matched(dataset, network))
    return matched


def open_pictures(given: str | Path, network: Network, *, needs_classes: bool = False) -> Dataset:
    """Opens a data set, or a folder as one, with its own classes; a folder of any pictures if no classes are needed.

    Raises DataError if it cannot be read.
    """
    from numbacnn.data.picture_files import open_folder, open_unlabelled
    from numbacnn.errors import DataError
    from numbacnn.storage.datasets import open_dataset

    if not Path(given).is_dir():
        return open_dataset(given)
    try:
        return open_folder(Path(given), network)
    except DataError:
        if needs_classes:
            raise
        return open_unlabelled(Path(given), network)


def data_of(option: str | None, model: OpenedModel, out: Output) -> str:
    """Returns the data set that --data names, else the one that the model was trained on, and reports which it is.
    Raises UsageError if the model's file names none.
    """
    from numbacnn.errors import DataError, UsageError, cut
    from numbacnn.training.whereabouts import find_data

    if not option and not isinstance(model.record.get("data"), str):
        raise UsageError(f"{model.path} does not say what it was trained on: give a data set with --data")
    try:
        given = option or find_data(model.record, model.path.parent)
    except DataError as error:
        raise UsageError(
            f"{model.path} was trained on {cut(model.record['data'])}, which is no longer there: give a data set with "
            f"--data ({error})"
        ) from None
    out.note(f"data: {given}{'' if option else ' (what the model was trained on)'}")
    return given


def _matched(dataset: Dataset, network: Network) -> str:
    """Returns how the data set's classes were matched with the model's."""
    from numbacnn.data.classes import matched_by_index

    own, known = dataset.class_names, network.class_names
    if not matched_by_index(own, known):
        return f"classes are matched by name: {len(own)} in the data set, {len(known)} in the model"
    return f"classes are matched by index, as one side has only numbers: '{own[0]}' is the model's '{known[0]}', and so on"


def _brought(dataset: Dataset, network: Network) -> str:
    """Returns what is done to pictures of another size or other colours before the network sees them."""
    from numbacnn.fitting import window

    rows, columns, channels = dataset.image_shape
    height, width, wanted = network.input_shape
    tall, wide, _, _ = window(rows, columns, network.input_shape, network.graph.pixels.shorter_side)
    done = [] if (tall, wide) == (rows, columns) else [f"scaled to {tall}x{wide}"]
    if (tall, wide) != (height, width):
        done.append(f"cut to the middle {height}x{width}")
    if channels != wanted:
        done.append("turned to grey" if wanted == 1 else "given three equal channels")
    return f"pictures of {rows}x{columns} are {', '.join(done)}, as the model takes them"
