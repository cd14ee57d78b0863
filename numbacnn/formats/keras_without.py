"""Reads Keras's weights without layers: a JSON file beside them, or the name of a network, says which layers they
belong to.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..errors import ModelError, UsageError, cut
from ..graph import Node
from ..layers import BatchNorm, Convolution, Dense, PReLU
from ..storage.keras_files import KerasReader
from .description import Array, Description, as_float32
from .keras_weights import Weights
from .reading import Asked
from .recognition import graph_named

_LARGEST = 64 << 20


def layers_beside(path: Path) -> Any:
    """Returns the model that a JSON file beside the weights describes (`model.to_json()`): NAME.json or config.json;
    None if there is neither.
    """
    stem = re.sub(r"(\.weights)?\.(h5|hdf5)$", "", path.name)
    for beside in (path.with_name(f"{stem}.json"), path.with_name("config.json")):
        if not beside.is_file():
            continue
        try:
            if beside.stat().st_size > _LARGEST:
                raise ModelError(f"{beside}: {beside.stat().st_size:,} bytes are too much")
            found = json.loads(beside.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{beside}: cannot be read as JSON ({cut(error)})") from None
        if isinstance(found, dict) and found.get("class_name") in ("Sequential", "Functional", "Model"):
            return found
    return None


def without_layers(path: Path, file: KerasReader, weights: Weights, asked: Asked) -> Description:
    """Fills the network that --network names with the file's arrays, each kind of layer in order.

    Raises UsageError if no network is named, ModelError if the arrays are those of another network.
    """
    if asked.network is None:
        raise UsageError(
            f"{path} has weights alone, and does not say of which layers: give --network (a name or a .toml file), or put the "
            "model's to_json() beside it as .json"
        )
    kinds = _by_kind(file, weights)
    scores = kinds.get(Dense.kind) or kinds.get(Convolution.kind) or [[]]
    classes = scores[-1][0].shape[-1] if scores[-1] else 0
    graph = graph_named(asked.network, classes, asked)
    description = Description(path, asked.network, graph.input_shape)
    description.channels_last = True
    renamed = {graph.nodes[0].name: "pixels"}
    for node in graph.nodes[1:]:
        arrays: dict[str, Array] = {}
        wanted = [*graph.parameters_of(node), *graph.buffers_of(node)]
        if wanted:
            kind = _kind(node, graph.input_shapes(node)[0])
            if not kinds.get(kind):
                raise ModelError(
                    f"{path}: it is no {asked.network}: there are no arrays for '{node.name}' ({kind})"
                )
            arrays = _for(node, kinds[kind].pop(0), wanted)
        sources = [renamed[each] for each in node.inputs]
        renamed[node.name] = description.add(node.name, node.layer, sources, **arrays)
    left = sum(map(len, kinds.values()))
    if left:
        raise ModelError(f"{path}: it is no {asked.network}: the arrays of {left} layers have no place in it")
    return description


def _kind(node: Node, shape: tuple[int, ...]) -> str:
    if isinstance(node.layer, Convolution):
        return "depthwise convolution" if node.layer.groups == shape[-1] > 1 else "convolution"
    return node.layer.kind


def _by_kind(file: KerasReader, weights: Weights) -> dict[str, list[list[Array]]]:
    """Returns for each kind of layer the arrays of every layer of that kind, in order."""
    groups: dict[str, list[str]] = {}
    if weights.is_numbered:
        root = "layers" if file.has("layers") else "_layer_checkpoint_dependencies"
        for name in sorted(file.names(root), key=_counted):
            arrays = f"{root}/{name}/vars"
            groups[name] = [f"{arrays}/{number}" for number in sorted(file.names(arrays), key=int)]
    else:
        root = "/model_weights" if file.has("model_weights") else ""
        for name in file.texts_of("layer_names", root or "/"):
            ordered = file.texts_of("weight_names", f"{root}/{name}")
            groups[name] = [f"{root}/{name}/{each}" for each in ordered]
    kinds: dict[str, list[list[Array]]] = {}
    for name, fields in groups.items():
        found = [as_float32(weights.read(file.array(each, ("f2", "f4", "f8")))) for each in fields]
        if found:
            kinds.setdefault(_kind_of(name, fields, found), []).append(found)
    return kinds


def _counted(name: str) -> tuple[str, int]:
    """Returns a key that sorts conv2d_10 after conv2d_9."""
    match = re.fullmatch(r"(.*?)_(\d{1,6})", name)
    return (match[1], int(match[2])) if match else (name, 0)


def _kind_of(name: str, fields: list[str], arrays: list[Array]) -> str:
    first = arrays[0].ndim
    if first == 4:
        depthwise = "depthwise" in fields[0] or "depthwise" in name
        return "depthwise convolution" if depthwise else Convolution.kind
    if first == 2:
        return Dense.kind
    return BatchNorm.kind if len(arrays) > 1 else PReLU.kind


def _for(node: Node, arrays: list[Array], wanted: list[str]) -> dict[str, Array]:
    """Returns the arrays of a layer under our names, filters and weights in the order of axes that a Description has."""
    order = [
        name
        for name in ("weights", "bias", "slopes", "scale", "shift", "running_mean", "running_variance")
        if name in wanted
    ]
    named: dict[str, Array] = dict(zip(order, arrays, strict=False))
    if "weights" in named:
        given = named["weights"]
        if given.ndim == 4:
            grouped = isinstance(node.layer, Convolution) and node.layer.groups > 1 and given.shape[3] == 1
            named["weights"] = given.transpose(2, 3, 0, 1) if grouped else given.transpose(3, 2, 0, 1)
        else:
            named["weights"] = given.T
    return named
