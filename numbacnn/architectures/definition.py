"""Networks that a user writes in TOML, one line a layer.

    input = [32, 32, 3]

    [layers]
    conv1 = { type = "convolution", filters = 32, kernel = 5, padding = 2 }
    relu1 = { type = "relu" }
    pool1 = { type = "max-pool", kernel = 2 }
    flat = { type = "flatten" }
    scores = { type = "dense", outputs = 10 }
    softmax = { type = "softmax" }

Networks may have other inputs beside pictures, or in their place (`input` is left out then), each named by its line:

    board = { type = "planes", shape = [8, 8, 12] }
    text = { type = "embedding", vocabulary = 1000, size = 16, length = 20 }

A layer reads the one above, or what `inputs = ["…", "…"]` names. The last is softmax. Auxiliary classifiers, which learn
beside it, are other ends: a table [heads] says the share of each one's loss, `aux1 = 0.3`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NetworkError, NumbacnnError, UsageError, cut, nearest
from ..graph import MAX_NAME, Graph, LayerLine, OpenGraph
from ..layers import LAYERS, Pixels, Shape
from ..layers.options import build_layer
from ..network import Network
from ..toml import read_toml

_KEYS = ("input", "layers", "heads")


@dataclass(frozen=True)
class Definition:
    """A network as a file defines it."""

    layers: list[LayerLine]
    input_shape: Shape
    classes: int
    heads: dict[str, float]


def read_definition(path: Path) -> Definition:
    """The network in a TOML file, checked from end to end.

    Raises UsageError if there is no such file, NetworkError or ShapeError that name the file and the line.
    """
    if not path.exists():
        raise UsageError(f"{path}: no such file")
    table, text = read_toml(path, NetworkError)
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        line = _line(text, unknown[0])
        raise NetworkError(f"{path}:{line}: unknown key '{cut(unknown[0])}'{nearest(unknown[0], _KEYS)}")
    entries = table.get("layers")
    if not isinstance(entries, dict) or not entries:
        raise NetworkError(f"{path}: a table [layers] with one line a layer is expected")
    shape = table.get("input", [] if _begins_without_pictures(entries) else None)
    if not (
        isinstance(shape, list)
        and (len(shape) == 3 or "input" not in table)
        and all(type(n) is int and n > 0 for n in shape)
    ):
        line = _line(text, "input")
        raise NetworkError(f"{path}:{line}: input = [height, width, channels] is expected")
    if shape and _begins_without_pictures(entries):
        raise NetworkError(
            f"{path}:{_line(text, 'input')}: input is the size of pictures, and the first layer, '{cut(next(iter(entries)))}', is "
            'given something else: leave input out, or name the layer that takes pictures first: pixels = { type = "pixels" }'
        )
    layers: list[LayerLine] = []
    prefix: OpenGraph | None = None
    for name, entry in entries.items():
        try:
            layers.append(_layer_line(name, entry))
            # Layer after layer, so that a window that does not fit is reported with its own line.
            if prefix is None:
                prefix = OpenGraph(layers, tuple(shape))
            else:
                prefix.add(layers[-1])
        except NumbacnnError as error:
            raise type(error)(f"{path}:{_line(text, name)}: {_once(str(error), name)}") from None
    heads = table.get("heads", {})
    if not isinstance(heads, dict) or not all(type(value) in (int, float) for value in heads.values()):
        raise NetworkError(f"{path}:{_line(text, 'heads')}: [heads] with lines NAME = share is expected")
    try:
        network = Network(Graph(layers, tuple(shape), heads=heads))
    except NumbacnnError as error:
        raise type(error)(f"{path}: {error}") from None
    return Definition(layers, tuple(shape), network.classes, heads)


def _begins_without_pictures(entries: dict[str, Any]) -> bool:
    """Whether the first layer is an input that takes no pictures."""
    first = next(iter(entries.values()))
    kind = (
        LAYERS.get(first["type"]) if isinstance(first, dict) and isinstance(first.get("type"), str) else None
    )
    return kind is not None and kind.is_input and kind is not Pixels


def _layer_line(name: str, entry: Any) -> LayerLine:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise NetworkError(f"layer '{cut(name)}': {cut(name)} = {{ type = \"…\", … }} is expected")
    options = {key: value for key, value in entry.items() if key not in ("type", "inputs")}
    try:
        layer = build_layer(entry["type"], options)
    except NumbacnnError as error:
        raise type(error)(f"layer '{name}': {error}") from None
    if "inputs" not in entry:
        return name, layer
    inputs = entry["inputs"]
    if not isinstance(inputs, list) or not all(isinstance(source, str) for source in inputs):
        raise NetworkError(f'layer \'{name}\': inputs = ["…", "…"] is expected')
    return name, layer, tuple(inputs)


def _line(text: str, key: str) -> int:
    """The line that gives a key its value, or its table's; 1 if none does."""
    pattern = re.compile(rf"\s*(\[\s*(layers\s*\.\s*)?)?[\"']?{re.escape(key)}[\"']?\s*[=\]]")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _once(message: str, name: str) -> str:
    prefix = f"layer '{cut(name, MAX_NAME)}': "
    return prefix + message.removeprefix(prefix)
