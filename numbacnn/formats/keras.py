"""Reads Keras's files, whole models (.keras, .h5) and weights alone (.weights.h5), as a description.

A model is its layers as JSON, and arrays in HDF5: by the layers' names in .h5, numbered by class in the newer formats.
Nothing in them is run: only the classes that `keras_layers` lists are translated.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ModelError, NumbacnnError, UsageError, cut
from ..layers import Shape
from ..limits import need_described
from ..storage.keras_files import KerasReader
from .description import Description, Unsupported
from .keras_layers import TRANSLATIONS
from .keras_models import Call, Model, model_of
from .keras_reading import KerasLayer, Reading, raise_named
from .keras_weights import Place, Weights, numbered
from .keras_without import layers_beside, without_layers
from .reading import Asked

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_LARGEST_CONFIG = 64 << 20


def read(path: Path, asked: Asked) -> Description:
    """Reads the network of a Keras file. Raises ModelError, or UsageError where the file does not say enough by itself."""
    if zipfile.is_zipfile(path):
        with _unpacked(path) as (config, file):
            return _described(path, config, Weights(file), asked)
    with KerasReader(path) as file:
        text = file.text_of("model_config")
        config = _json(path, "model_config", text) if text else layers_beside(path)
        weights = Weights(file)
        if config is None:
            return without_layers(path, file, weights, asked)
        return _described(path, config, weights, asked)


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[Any, KerasReader]]:
    """Yields the layers' JSON and the weights of a .keras file, which is a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="numbacnn-") as folder:
            names = archive.namelist()
            if _CONFIG not in names:
                raise ModelError(f"{path}: there is no {_CONFIG} in it; a .keras file is expected")
            if _WEIGHTS not in names:
                pickles = [name for name in names if name.endswith((".npz", ".npy", ".pkl"))]
                said = (
                    f"its weights are {pickles[0]}, whose pickles are programs, which are not run: save it as .keras or .weights.h5"
                    if pickles
                    else f"there is no {_WEIGHTS} in it"
                )
                raise ModelError(f"{path}: {said}")
            for name, most in ((_CONFIG, _LARGEST_CONFIG), (_WEIGHTS, None)):
                size = archive.getinfo(name).file_size
                if most is not None and size > most:
                    raise ModelError(f"{path}: {name} has {size:,} bytes; at most {most:,} are expected")
                need_described(size, path, f"{name} takes", ModelError)
            config = _json(path, _CONFIG, archive.read(_CONFIG))
            unpacked = Path(folder) / _WEIGHTS
            with archive.open(_WEIGHTS) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target)
            with KerasReader(unpacked, path) as file:
                yield config, file
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError) as error:
        raise ModelError(f"{path}: cannot be unpacked ({error})") from None


def _json(path: Path, what: str, text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: {what} is no JSON ({cut(error)})") from None


def _described(path: Path, config: Any, weights: Weights, asked: Asked) -> Description:
    model = model_of(path, config)
    unknown = Unsupported()
    for layer, names in model.all_layers():
        if layer.model is None and layer.type not in TRANSLATIONS:
            unknown.note(layer.type, "/".join(names))
        if layer.config.get("data_format") == "channels_first":
            unknown.note("channels before rows and columns (channels_first)", "/".join(names))
    unknown.check(path, "layer")
    description = Description(path, model.name, _input_shape(path, model, asked))
    description.channels_last = True
    reading = Reading(description, Unsupported())
    description.output = _translated(reading, model, weights, ("pixels",), Place((), ()))
    reading.unsupported.check(path, "kind of layer")
    description.preparation = reading.preparation()
    if len(model.outputs) > 1:
        description.warnings.append(
            f"left out: all outputs but the first, of '{cut(model.outputs[0].layer)}'"
        )
    return description


def _translated(
    reading: Reading, model: Model, weights: Weights, inputs: tuple[str, ...], above: Place
) -> str:
    """Adds the layers of a model to the description, and returns the node of the model's first output."""
    nodes: dict[Call, str] = dict(zip(model.inputs, inputs, strict=False))
    numbers = dict(
        zip((each.name for each in model.layers), numbered(each.type for each in model.layers), strict=True)
    )
    for layer, call, sources in model.in_order():
        if call in nodes:
            continue
        place = Place((*above.names, layer.name), (*above.numbered, numbers[layer.name]))
        given = tuple(nodes[source] for source in sources)
        if layer.model is not None:
            nodes[call] = _translated(reading, layer.model, weights, given, place)
            continue
        in_hand = KerasLayer(layer.type, layer.config, place, weights, model.path)
        if not given:
            raise ModelError(f"{in_hand.where}: it reads nothing")
        try:
            nodes[call] = TRANSLATIONS[layer.type](reading, in_hand, given)
        except NumbacnnError as error:
            reading.unsupported.check(model.path, "kind of layer")  # what was passed over may be the cause
            raise raise_named(error, in_hand) from None
    return nodes[model.outputs[0]]


def _input_shape(path: Path, model: Model, asked: Asked) -> Shape:
    if asked.input_shape is not None:
        return asked.input_shape
    shape = model.input_shape
    if len(shape) != 3 or min((each or 0) for each in shape) < 1:
        if len(shape) not in (0, 3):
            raise ModelError(f"{path}: its input has the shape {shape}; pictures (H,W,C) are expected")
        raise UsageError(
            f"{path} does not say how large its pictures are: give --input HEIGHTxWIDTHxCHANNELS"
        )
    height, width, channels = (int(each or 0) for each in shape)
    if max(height, width, channels) >= 1 << 20:
        raise ModelError(f"{path}: its input is {cut(shape)}; that is no picture's size")
    return height, width, channels
