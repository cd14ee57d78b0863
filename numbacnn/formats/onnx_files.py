"""ONNX files: operators in order with their attributes, constants, the input and the outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError, cut
from .description import Array
from .files import as_numbers, file_bytes, itemsize
from .messages import Message
from .onnx_schema import MODEL, NUMBERS
from .protobuf import decode

_OLDEST, _NEWEST = 7, 28
"""The oldest and newest opset that are known; a file of a newer one is read with a warning."""


@dataclass
class Operator:
    """A node of the graph: its type, the values that it reads and writes, its attributes by name."""

    type: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]

    def whole(self, name: str, default: int) -> int:
        """Returns an attribute that is a whole number. Raises ModelError."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise ModelError(f"{self.type} '{cut(self.name)}': {name} is no whole number")
        return value

    def number(self, name: str, default: float) -> float:
        """Returns an attribute that is a number. Raises ModelError."""
        value = self.attributes.get(name, default)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ModelError(f"{self.type} '{cut(self.name)}': {name} is no number")
        return float(value)

    def wholes(self, name: str, default: list[int]) -> list[int]:
        """Returns an attribute that is a list of whole numbers. Raises ModelError."""
        value = self.attributes.get(name, default)
        if not isinstance(value, list) or not all(isinstance(each, int) for each in value):
            raise ModelError(f"{self.type} '{cut(self.name)}': {name} is no list of whole numbers")
        return value

    def text(self, name: str, default: str) -> str:
        """Returns an attribute that is a text. Raises ModelError."""
        return str(self.attributes.get(name, default))


@dataclass
class OnnxModel:
    """The contents of a file: operators, constants by name, the input's name and shape, the outputs, the opset,
    metadata and warnings.
    """

    path: Path
    name: str
    opset: int
    operators: list[Operator]
    constants: dict[str, Array]
    input: str
    input_shape: tuple[int, ...]
    outputs: list[str]
    metadata: dict[str, str]
    warnings: list[str] = field(default_factory=list)


def read_model(path: Path) -> OnnxModel:
    """Reads the contents of an .onnx file. Raises ModelError."""
    message = decode(file_bytes(path), MODEL, str(path))
    if "graph" not in message or "opset_import" not in message:
        raise ModelError(f"{path}: damaged, or no ONNX: there is no graph with its opset in it")
    opsets = {each.text("domain"): each.whole("version", 1) for each in message.messages("opset_import")}
    opset = opsets.get("", opsets.get("ai.onnx", 0))
    if opset < _OLDEST:
        raise ModelError(f"{path}: written for opset {opset}; {_OLDEST} to {_NEWEST} are read")
    graph = message.message("graph")
    constants = {each.text("name"): tensor_of(each, path) for each in graph.messages("initializer")}
    inputs = [each for each in graph.messages("input") if each.text("name") not in constants]
    if len(inputs) != 1:
        names = ", ".join(cut(each.text("name")) for each in inputs[:5])
        raise ModelError(f"{path}: {len(inputs)} inputs ({names}); one, of pictures, is expected")
    dimensions = inputs[0].message("type").message("tensor_type").message("shape").messages("dim")
    model = OnnxModel(
        path,
        graph.text("name"),
        opset,
        [_operator(each, path) for each in graph.messages("node")],
        constants,
        inputs[0].text("name"),
        tuple(each.whole("dim_value") for each in dimensions),
        [each.text("name") for each in graph.messages("output")],
        {each.text("key"): each.text("value") for each in message.messages("metadata_props")},
    )
    if opset > _NEWEST:
        model.warnings.append(
            f"written for opset {opset}, which is newer than the newest that is known, {_NEWEST}"
        )
    return model


def _operator(message: Message, path: Path) -> Operator:
    kind, domain = message.text("op_type"), message.text("domain")
    if domain not in ("", "ai.onnx"):
        kind = f"{domain}.{kind}"
    outputs = message.texts("output")
    attributes = {each.text("name"): _attribute(each, path) for each in message.messages("attribute")}
    name = message.text("name") or next(iter(outputs), kind)
    return Operator(kind, name, message.texts("input"), outputs, attributes)


def _attribute(message: Message, path: Path) -> Any:
    """Returns an attribute's value from whichever field is present, as old files do not store the type; the type is
    used where a value of zero was left out of the message.
    """
    kinds = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
    name = kinds.get(message.whole("type")) or next((each for each in kinds.values() if each in message), "")
    if name == "t":
        return tensor_of(message.message("t"), path)
    if name == "f":
        return message.number("f")
    if name == "i":
        return message.whole("i")
    if name == "s":
        return message.text("s")
    if name == "floats":
        return [float(each) for part in message.all("floats") for each in part]
    return (
        message.wholes("ints") if name == "ints" else message.texts("strings") if name == "strings" else None
    )


def tensor_of(message: Message, path: Path) -> Array:
    """Returns a tensor's numbers, as a view of the file where they are stored raw. Raises ModelError if their count
    does not match the shape.
    """
    name, shape = message.text("name"), tuple(message.wholes("dims"))
    kind = message.whole("data_type")
    if kind not in NUMBERS:
        raise ModelError(
            f"{path}: the numbers of {cut(name)} are of type {kind}; floats and whole numbers are read"
        )
    if any(length < 0 for length in shape):
        raise ModelError(f"{path}: {cut(name)} has the shape {cut(shape)}")
    code = NUMBERS[kind]
    if message.whole("data_location") or "external_data" in message:
        row = as_numbers(_beside(message, path, math.prod(shape) * itemsize(code)), code)
    elif "raw_data" in message:
        raw = message.all("raw_data")[-1]
        row = as_numbers(raw[: len(raw) // itemsize(code) * itemsize(code)], code)
    elif "float_data" in message or "double_data" in message:
        row = np.concatenate(message.all("float_data") or message.all("double_data"))
    else:
        row = np.array(message.wholes("int64_data") or message.wholes("int32_data"), np.int64)
        row = row.astype(np.uint16).view(np.float16) if code == "f2" else row
    if len(row) != math.prod(shape):
        raise ModelError(f"{path}: {cut(name)} declares the shape {shape} and holds {len(row):,} numbers")
    return row.reshape(shape)


def _beside(message: Message, path: Path, size: int) -> memoryview:
    """Returns a tensor's bytes from a second file beside the network's, as PyTorch writes large tensors. Raises
    ModelError for a file elsewhere.
    """
    said = {each.text("key"): each.text("value") for each in message.messages("external_data")}
    name, location = message.text("name"), said.get("location", "")
    if not location or location in (".", "..") or any(sign in location for sign in "/\\:\0"):
        raise ModelError(
            f"{path}: the numbers of {cut(name)} are said to lie in '{cut(location)}'; a file beside it is expected"
        )
    start = said.get("offset", "0")
    data = file_bytes(path.with_name(location))
    if not (start.isascii() and start.isdecimal() and len(start) < 19) or int(start) + size > len(data):
        raise ModelError(
            f"{path.with_name(location)}: {size:,} bytes of {cut(name)} from byte {cut(start)} on are expected, and it has "
            f"{len(data):,}"
        )
    return data[int(start) : int(start) + size]
