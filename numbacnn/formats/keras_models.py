"""Keras's description of a model, Sequential or Functional, of Keras 2 or 3: its layers, and which layer reads which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ModelError, cut
from ..graph import MAX_LAYERS

_DEEPEST = 16
"""How deep models may be nested within models."""

_MODELS = ("Sequential", "Functional", "Model")


class Call(NamedTuple):
    """One use of a layer: the layer's name, and the number of this use, from 0."""

    layer: str
    number: int = 0


@dataclass(frozen=True)
class LayerOf:
    """A layer of a model, or a nested model: its class, its options, and what each of its uses reads."""

    name: str
    type: str
    config: dict[str, Any]
    model: Model | None
    reads: tuple[tuple[Call, ...], ...]


@dataclass(frozen=True)
class Model:
    """A model's layers in its order, its inputs and its outputs."""

    path: Path
    name: str
    layers: tuple[LayerOf, ...]
    inputs: tuple[Call, ...]
    outputs: tuple[Call, ...]
    input_shape: tuple[int | None, ...]

    def all_layers(self) -> Iterator[tuple[LayerOf, tuple[str, ...]]]:
        """Yields every layer, those of nested models included, with the names of the models that it is in."""
        for layer in self.layers:
            yield layer, (layer.name,)
            if layer.model is not None:
                for inner, names in layer.model.all_layers():
                    yield inner, (layer.name, *names)

    def in_order(self) -> Iterator[tuple[LayerOf, Call, tuple[Call, ...]]]:
        """Yields every use of a layer after those that it reads, with what it reads. Raises ModelError if there is no
        such order.
        """
        waiting = [
            (layer, Call(layer.name, number), reads)
            for layer in self.layers
            for number, reads in enumerate(layer.reads)
        ]
        ready = set(self.inputs)
        while waiting:
            later = []
            for entry in waiting:
                _, call, reads = entry
                if all(each in ready for each in reads):
                    ready.add(call)
                    yield entry
                else:
                    later.append(entry)
            if len(later) == len(waiting):
                missing = next(each for each in later[0][2] if each not in ready)
                raise ModelError(
                    f"{self.path}: '{cut(later[0][0].name)}' reads '{cut(missing.layer)}', which no layer before it writes"
                )
            waiting = later


def model_of(path: Path, described: Any, depth: int = 0) -> Model:
    """Returns the model that the JSON describes. Raises ModelError."""
    kind = described.get("class_name") if isinstance(described, dict) else None
    config = described.get("config") if isinstance(described, dict) else None
    if kind not in _MODELS or not isinstance(config, (dict, list)):
        raise ModelError(
            f"{path}: it describes {cut(repr(kind))}; a Sequential or a Functional model is expected"
        )
    if depth > _DEEPEST:
        raise ModelError(f"{path}: models within models within models, more than {_DEEPEST} deep")
    entries = config if isinstance(config, list) else config.get("layers")
    name = "sequential" if isinstance(config, list) else str(config.get("name") or kind.lower())
    if not isinstance(entries, list) or len(entries) > MAX_LAYERS:
        raise ModelError(f"{path}: '{cut(name)}' has no list of layers")
    layers = [_layer(path, entry, number, depth) for number, entry in enumerate(entries)]
    if len({layer.name for layer in layers}) != len(layers):
        raise ModelError(f"{path}: two layers of '{cut(name)}' have one name")
    if not layers:
        raise ModelError(f"{path}: there is no layer in '{cut(name)}'")
    if kind == "Sequential":
        return _sequential(path, name, layers, config)
    assert isinstance(config, dict)
    inputs, outputs = (_ends(path, config.get(key)) for key in ("input_layers", "output_layers"))
    if len(inputs) != 1:
        raise ModelError(f"{path}: '{cut(name)}' has {len(inputs)} inputs; one, pictures, is expected")
    first = next((layer for layer in layers if layer.name == inputs[0].layer), layers[0])
    return Model(path, name, tuple(layers), inputs, outputs, _shape(first))


def _sequential(path: Path, name: str, layers: list[LayerOf], config: Any) -> Model:
    """Makes a Sequential model, in which each layer reads the one before it."""
    shape = _shape(layers[0])
    if not shape and isinstance(config, dict):
        shape = _as_shape(config.get("build_input_shape"))
    start = Call("")
    chain, before = [], start
    for layer in layers:
        chain.append(LayerOf(layer.name, layer.type, layer.config, layer.model, ((before,),)))
        before = Call(layer.name)
    return Model(path, name, tuple(chain), (start,), (before,), shape)


def _layer(path: Path, entry: Any, number: int, depth: int) -> LayerOf:
    config = entry.get("config") if isinstance(entry, dict) else None
    kind = entry.get("class_name") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or not isinstance(config, (dict, list)):
        raise ModelError(f"{path}: layer {number} has no class_name and config")
    model = model_of(path, entry, depth + 1) if kind in _MODELS else None
    own = config if isinstance(config, dict) else {}
    name = entry.get("name") or own.get("name") or f"{kind.lower()}_{number}"
    nodes = entry.get("inbound_nodes") or []
    if not isinstance(name, str) or not name or not isinstance(nodes, list):
        raise ModelError(f"{path}: layer {number}: a name and a list of inbound_nodes are expected")
    return LayerOf(name, kind, own, model, tuple(tuple(_reads(path, name, node)) for node in nodes))


def _reads(path: Path, name: str, node: Any) -> Iterator[Call]:
    """Yields what one use of a layer reads. Keras 3 writes tensors as objects, Keras 2 as lists."""
    if isinstance(node, dict):
        if any(map(_tensors_in, (node.get("kwargs") or {}).values())):
            raise ModelError(f"{path}: layer '{cut(name)}' reads tensors by name, which is not read")
        yield from _tensors_in(node.get("args"))
        return
    entries = [node] if isinstance(node, list) and node and isinstance(node[0], str) else node
    for entry in entries if isinstance(entries, list) else [None]:
        match entry:
            case [str(layer), int(number), 0, *_]:
                yield Call(layer, number)
            case _:
                raise ModelError(
                    f"{path}: layer '{cut(name)}': what it reads, {cut(repr(entry))}, is no layer"
                )


def _tensors_in(value: Any) -> list[Call]:
    found: list[Call] = []
    waiting = [value]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, list):
            waiting = [*each, *waiting]
        elif isinstance(each, dict) and each.get("class_name") == "__keras_tensor__":
            match each.get("config"):
                case {"keras_history": [str(layer), int(number), *_]}:
                    found.append(Call(layer, number))
        elif isinstance(each, dict):
            waiting = [*each.values(), *waiting]
    return found


def _ends(path: Path, given: Any) -> tuple[Call, ...]:
    match given:
        case [str(layer), int(number), int()]:
            return (Call(layer, number),)
        case [_, *_]:
            return tuple(call for each in given for call in _ends(path, each))
        case {**several} if several:
            return tuple(call for each in several.values() for call in _ends(path, each))
    raise ModelError(f"{path}: {cut(repr(given))} are no layers that a model begins or ends with")


def _shape(layer: LayerOf) -> tuple[int | None, ...]:
    """Returns the shape of a picture if the first layer declares it."""
    if layer.model is not None:
        return layer.model.input_shape
    return _as_shape(layer.config.get("batch_shape") or layer.config.get("batch_input_shape"))


def _as_shape(given: Any) -> tuple[int | None, ...]:
    if isinstance(given, list) and all(each is None or type(each) is int for each in given):
        return tuple(given[1:])
    return ()
