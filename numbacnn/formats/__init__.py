"""Reads the networks of other programs: one module for each file format, whose reader returns a `Description`;
`building` makes a network of it.

A new format is one module here and one line in FORMATS. Files may come from anywhere: nothing in them is run, and the
sizes that they declare are compared with what they hold before memory is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, nearest
from ..network import Network
from ..storage.keras_files import is_of_keras
from ..storage.models import BEST, KIND, load_model
from . import caffe, keras, onnx, pytorch
from .building import network_of
from .class_names import BESIDE, read_class_names
from .description import Description
from .exporting import SUFFIXES, write_network
from .preparation import Preparation, parse_numbers, read_mean
from .reading import Asked

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Asked",
    "Converted",
    "Preparation",
    "parse_numbers",
    "read_class_names",
    "read_mean",
    "read_network",
    "write_network",
]


@dataclass(frozen=True)
class Format:
    """A file format: its name, the suffixes of its files, and the function that reads it."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, Asked], Description]
    options: tuple[str, ...] = ()
    """The fields of `Asked`, beside the size of the pictures, that this format's reader uses."""


FORMATS: dict[str, Format] = {
    "caffe": Format("Caffe", (".caffemodel",), caffe.read, ("prototxt",)),
    "pytorch": Format("PyTorch", (".pth", ".pt", ".th", ".bin", ".ckpt"), pytorch.read, ("network",)),
    "keras": Format("Keras", (".keras", ".h5", ".hdf5"), keras.read, ("network",)),
    "onnx": Format("ONNX", (".onnx",), onnx.read),
    "safetensors": Format("safetensors", (".safetensors",), pytorch.read_safetensors, ("network",)),
}
"""Maps the name that --format takes to its format."""


@dataclass(frozen=True)
class Converted:
    """A network that was read from another program's file, the name of its architecture, and warnings for the user."""

    network: Network
    name: str
    warnings: tuple[str, ...]


def read_network(
    path: Path,
    asked: Asked,
    preparation: Preparation,
    *,
    classes: Path | None = None,
    class_names: Sequence[str] = (),
    format_name: str | None = None,
    needs_preparation: bool = True,
) -> Converted:
    """Reads the network in a file of another program (or a model of numbacnn's own), with its preprocessing and the
    names of its classes.

    `preparation` and `classes` (a file with names of classes) come from the user and take precedence over what the file
    says; `class_names` are used where neither the file nor `classes` has names. With `needs_preparation` False, a file
    may leave its preprocessing open: pixels then go in unchanged.

    Raises UsageError where the user has to say more than the file does, ModelError where the file is damaged or has
    layers that are not supported.
    """
    path = path / BEST if (path / BEST).is_file() else path
    if format_name is None and path.suffix.lower() == ".h5" and path.is_file() and not is_of_keras(path):
        return _ours(path, asked, preparation, classes)
    chosen = _format(path, format_name)
    for option, given in (("prototxt", asked.prototxt), ("network", asked.network)):
        if given is not None and option not in chosen.options:
            *others, last = [each.name for each in FORMATS.values() if option in each.options]
            takers = f"{', '.join(others)} and {last}" if others else last
            raise UsageError(
                f"--{option} {given}: that is for weights of {takers}, and {path} is read as {chosen.name}"
            )
    description = chosen.read(path, asked)
    prepared = description.preparation.overlaid(preparation)
    if needs_preparation and not prepared.is_known:
        raise UsageError(
            f"{path} does not say what is done to pixels before the network sees them{prepared.hint}. Give --mean (numbers on "
            "the scale from 0 to 255, a file, or 'imagenet': most of PyTorch's networks for photographs) and, where they have "
            "them, --scale and --order; --mean 0 if pixels go in as they are"
        )
    guessed = chosen is FORMATS["caffe"] and prepared.order == "BGR" and preparation.order is None
    if guessed and description.input_shape[2] == 3:
        description.warnings.append(
            "channels are taken as BGR, as Caffe's tools have them; --order rgb if they are not"
        )
    description.preparation = prepared
    beside = next((path.with_name(name) for name in BESIDE if path.with_name(name).is_file()), None)
    if classes is not None:
        description.class_names = read_class_names(classes)
    elif not (description.class_names or class_names) and beside is not None:
        description.class_names = read_class_names(beside)
        description.warnings.append(
            f"names of classes are taken from {beside}, which lies beside the weights"
        )
    description.class_names = description.class_names or tuple(class_names)
    network = network_of(description)
    if not description.class_names:
        description.warnings.append(
            f"the file does not name its {network.classes} classes, they are numbered from 0; --classes FILE, a text with one "
            "class a line, names them"
        )
    return Converted(network, description.name, tuple(description.warnings))


def _ours(path: Path, asked: Asked, preparation: Preparation, classes: Path | None) -> Converted:
    """Loads a model of numbacnn's own, which holds its preprocessing and class names itself. Raises UsageError for
    options that would change them.
    """
    if asked != Asked() or preparation != Preparation() or classes is not None:
        raise UsageError(f"{path} is a {KIND}: its size, its preprocessing and its classes are what they are")
    network, record = load_model(path)
    name = record.get("network")
    return Converted(network, name if isinstance(name, str) else path.stem, ())


def _format(path: Path, name: str | None) -> Format:
    if not path.is_file():
        wrong = "no file" if path.exists() else "no such file"
        raise UsageError(f"{path}: {wrong}; weights of another program are expected")
    if name is not None:
        if name not in FORMATS:
            raise UsageError(f"--format {name}{nearest(name, FORMATS)}")
        return FORMATS[name]
    for known in FORMATS.values():
        if path.suffix.lower() in known.suffixes:
            return known
    suffixes = ", ".join(suffix for known in FORMATS.values() for suffix in known.suffixes)
    raise UsageError(
        f"{path}: its name does not tell the format ({suffixes} are known): give --format {'|'.join(FORMATS)}"
    )
