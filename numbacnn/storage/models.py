"""Trained networks in HDF5: architecture, preprocessing, class names, weights and training record.

    /                       kind = "numbacnn model", format_version = 2
    architecture            JSON (1): {"input_shape": [H, W, C], or [] of a network without pictures, "class_names": […],
                            "layers": [{"name": …, "type": …, "inputs": […], options…}, …]}, and where there are any
                            "heads": {NODE: weight}, "frozen": [NODE/NAME, …], "rates": {NODE/NAME: factor}
    record                  JSON (1): what the program that trained it wrote down
    parameters/NODE/NAME    float32, what a layer learned
    buffers/NODE/NAME       float32, what belongs to a layer and follows the training (running statistics)
    constants/NODE/NAME     float32, what belongs to the model and is not learned (mean_image)
    extra/NAME              arrays beside the model, such as momentum; a checkpoint has them

The architecture is read first; it says which arrays there must be and of which shape, and only those are read.
Names are percent-encoded, since HDF5 takes "/" and "." for paths. Format 1, which is read too, has no buffers, heads,
frozen parameters or rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, NetworkError, NumbacnnError, cut
from ..graph import MAX_LAYERS, Graph, LayerLine
from ..layers import Shape
from ..layers.options import build_layer
from ..limits import MAX_CLASSES, need_described
from ..network import Network
from ..program import Program
from .hdf5 import Reader, writing

KIND = "numbacnn model"
BEST = "model.h5"
"""The best model in a run's folder."""

_EXTRA_TYPES = ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """A model's file as a whole."""

    network: Network
    record: dict[str, Any]
    extra: Arrays = field(default_factory=dict)


def save_model(
    path: str | Path,
    network: Network,
    *,
    record: Mapping[str, Any],
    extra: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Writes a network, what is known of its training (JSON), and arrays beside it; `path` is replaced at the end.

    Weights are stored as float32. Raises ModelError if one is not finite, or the file cannot be written.
    """
    path = Path(path)
    with writing(path, KIND, ModelError) as file:
        for name, value in (("architecture", description_of(network)), ("record", dict(record))):
            try:
                file.json(name, value)
            except (TypeError, ValueError) as error:
                raise ModelError(f"{path}: {name} cannot be stored as JSON: {error}") from None
        for group, node, name, array in _stored(network.graph):
            values = np.asarray(array, np.float32)
            _need_finite(values, f"{path}: {name} of layer '{node}'")
            file.array(f"{group}/{_encode(node)}/{_encode(name)}", values)
        for name, array in (extra or {}).items():
            if not array.size or not array.ndim or array.dtype.str[1:] not in _EXTRA_TYPES:
                raise ModelError(
                    f"{path}: '{name}' is {array.dtype} of shape {array.shape}; an array of numbers is expected"
                )
            file.array(f"extra/{_encode(name)}", array)


def load_model(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """The network in a file and its training record.

    Raises ModelError if the file is damaged, forged, or does not fit its own architecture.
    """
    with Reader(Path(path), KIND, ModelError) as file:
        return _read_network(file), _read_record(file)


def load(path: str | Path) -> Network:
    """The network in a file, or the best one of a run's folder. Raises ModelError as `load_model` does."""
    path = Path(path)
    network, _ = load_model(path / BEST if path.is_dir() else path)
    return network


def save(path: str | Path, network: Network) -> None:
    """Writes a network to a file that `load` and the commands' --model read; `path` is replaced at the end.

    Raises ModelError as `save_model` does, which can also write down what is known of the training.
    """
    save_model(path, network, record={})


def load_checkpoint(path: str | Path) -> Checkpoint:
    """The network, its record and the arrays saved beside it. Raises ModelError as `load_model` does."""
    with Reader(Path(path), KIND, ModelError) as file:
        network, record = _read_network(file), _read_record(file)
        stored = {unquote(name): file.array(f"extra/{name}", _EXTRA_TYPES) for name in file.names("extra")}
        sizes = sum(array.nbytes for array in stored.values())
        need_described(sizes, file.path, "what is in extra takes", ModelError)
        return Checkpoint(network, record, {name: array.read() for name, array in stored.items()})


def load_record(path: str | Path) -> dict[str, Any]:
    """The training record alone. Raises ModelError."""
    with Reader(Path(path), KIND, ModelError) as file:
        return _read_record(file)


def _stored(graph: Graph) -> Iterator[tuple[str, str, str, Any]]:
    """(group, node, name, numbers) of every array of a model."""
    for parameter in graph.parameters.values():
        yield "parameters", parameter.node, parameter.key, graph.read(parameter.name)
    for buffer in graph.buffers.values():
        yield "buffers", buffer.node, buffer.key, graph.read(buffer.name)
    for node in graph.nodes:
        for name, array in node.layer.constants.items():
            yield "constants", node.name, name, array


def description_of(network: Network) -> dict[str, Any]:
    """The architecture, as JSON has it: layers with their options, class names, heads."""
    layers = [
        {"name": node.name, "type": node.layer.kind, "inputs": list(node.inputs), **node.layer.config()}
        for node in network.graph.nodes
    ]
    parameters = network.graph.parameters
    beside = {
        "heads": network.graph.heads,
        "frozen": [name for name, each in parameters.items() if not each.trainable],
        "rates": {name: each.rate for name, each in parameters.items() if each.rate != 1},
    }
    return {
        "input_shape": list(network.input_shape),
        "class_names": list(network.class_names),
        "layers": layers,
        **{key: value for key, value in beside.items() if value},
    }


def _read_record(file: Reader) -> dict[str, Any]:
    record = file.json("record")
    if not isinstance(record, dict):
        raise ModelError(f"{file.path}: record is no JSON object")
    return record


def _read_network(file: Reader) -> Network:
    try:
        network = network_from(file.json("architecture"), file.path)
    except ModelError:
        raise
    except NumbacnnError as error:
        raise ModelError(f"{file.path}: architecture: {error}") from None
    graph = network.graph
    learned: dict[str, dict[str, Shape]] = {}
    for parameter in graph.parameters.values():
        learned.setdefault(parameter.node, {})[parameter.key] = parameter.shape
    kept: dict[str, dict[str, Shape]] = {}
    for buffer in graph.buffers.values():
        kept.setdefault(buffer.node, {})[buffer.key] = buffer.spec.shape
    constants: dict[str, dict[str, Shape]] = {}
    if graph.takes_pictures and file.has(f"constants/{_encode(graph.nodes[0].name)}/mean_image"):
        constants[graph.nodes[0].name] = {"mean_image": network.input_shape}
    groups = learned, kept, constants
    numbers = sum(math.prod(shape) for group in groups for own in group.values() for shape in own.values())
    # Sizes alone: nothing of a Program is allocated before its first use.
    needed = numbers * graph.dtype.itemsize + Program(graph, 1, keep=()).bytes
    need_described(needed, file.path, "its network takes for a single picture", ModelError)
    # All of them are checked before any is read.
    names = "parameters", "buffers", "constants"
    plans = {name: _plan(file, name, wanted) for name, wanted in zip(names, groups, strict=True)}
    for group, plan in plans.items():
        for node, arrays in plan.items():
            for name, stored in arrays.items():
                values = stored.read()
                _need_finite(values, f"{file.path}: {stored.field}")
                if group == "constants":
                    graph[node].layer.constants[name] = values
                else:
                    graph.write(f"{node}/{name}", values)
    return network


def network_from(description: Any, path: Path) -> Network:
    """The network that the architecture describes, without weights. Raises NumbacnnError."""
    match description:
        case {
            "input_shape": [] | [int(), int(), int()] as sizes,
            "class_names": [*names],
            "layers": [*entries],
        }:
            shape = tuple(sizes)
        case _:
            raise NetworkError("an object with input_shape, class_names and layers is expected")
    if not all(type(size) is int and 1 <= size <= 1 << 20 for size in shape):
        raise NetworkError(f"input_shape is {cut(list(shape))}; sizes of at least 1 are expected")
    if len(entries) > MAX_LAYERS:
        raise NetworkError(f"{len(entries):,} layers; at most {MAX_LAYERS:,} are expected")
    if len(names) > MAX_CLASSES:
        raise NetworkError(f"{len(names):,} class names; at most {MAX_CLASSES:,} are expected")
    if not all(isinstance(name, str) and name for name in names):
        raise NetworkError("class_names is no list of names")
    heads, rates = description.get("heads", {}), description.get("rates", {})
    for key, numbers in (("heads", heads), ("rates", rates)):
        if not isinstance(numbers, dict) or not all(
            type(value) in (int, float) for value in numbers.values()
        ):
            raise NetworkError(f"{key} is no object of numbers")
    graph = Graph(
        [_layer_line(entry) for entry in entries],
        shape,
        heads=heads,
        need=lambda needed: need_described(needed, path, "its running statistics take", ModelError),
    )
    frozen = description.get("frozen", [])
    if not isinstance(frozen, list) or not all(isinstance(name, str) for name in frozen):
        raise NetworkError("frozen is no list of parameters")
    graph.set_learning(frozen=frozen, rates=rates)
    return Network(graph, names)


def _layer_line(entry: Any) -> LayerLine:
    if not isinstance(entry, dict) or not {"name", "type", "inputs"} <= entry.keys():
        raise NetworkError('a layer is no object with "name", "type" and "inputs"')
    options = dict(entry)
    name, kind, inputs = (options.pop(key) for key in ("name", "type", "inputs"))
    if not (isinstance(name, str) and name and isinstance(kind, str) and isinstance(inputs, list)):
        raise NetworkError(f"layer {cut(repr(name))}: a name, a type and a list of inputs are expected")
    try:
        return name, build_layer(kind, options), tuple(map(str, inputs))
    except NumbacnnError as error:
        raise NetworkError(f"layer '{cut(name)}': {error}") from None


def _plan(file: Reader, group: str, wanted: Mapping[str, Mapping[str, Shape]]) -> dict[str, dict[str, Any]]:
    """Node -> name -> array, not yet read; exactly those that are wanted. Raises ModelError."""
    wanted = {node: shapes for node, shapes in wanted.items() if shapes}
    _need_names(file, group, wanted)
    plan: dict[str, dict[str, Any]] = {}
    for node, shapes in wanted.items():
        folder = f"{group}/{_encode(node)}"
        _need_names(file, folder, shapes)
        plan[node] = {
            name: file.array(f"{folder}/{_encode(name)}", "f4", shape) for name, shape in shapes.items()
        }
    return plan


def _need_names(file: Reader, group: str, wanted: Mapping[str, Any]) -> None:
    found, expected = set(file.names(group)), {_encode(name) for name in wanted}
    for names, what in (
        (expected - found, "is missing"),
        (found - expected, "has no place in the architecture"),
    ):
        if names:
            raise ModelError(f"{file.path}: {group}/{min(names)} {what}")


def _need_finite(values: NDArray[Any], where: str) -> None:
    if not np.isfinite(values).all():
        index = tuple(int(place) for place in np.argwhere(~np.isfinite(values))[0])
        raise ModelError(f"{where}: value {list(index)} is {values[index]}; finite numbers are expected")


def _encode(name: str) -> str:
    return quote(name, safe=" ()-_+=") if name != "." else "%2E"
