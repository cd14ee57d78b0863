"""Reads ONNX files, with the operators of convolutional networks for pictures (N,C,H,W), opset 7 and later, as a
description.

Operators whose inputs are all constants, such as those that compute shapes, are evaluated while the file is read.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from ..errors import ModelError, NumbacnnError, UsageError, cut
from ..layers import Shape
from .description import Description, Unsupported
from .onnx_constants import FOLDED, fold
from .onnx_files import OnnxModel, Operator, read_model
from .onnx_operators import TRANSLATIONS
from .onnx_reading import Reading
from .reading import Asked

_NAMELESS = ("", "main_graph", "torch_jit", "torch-jit-export", "tf2onnx", "graph")
"""Names that exporters give to every graph, and which therefore name no network."""


def read(path: Path, asked: Asked) -> Description:
    """Reads the network of an .onnx file. Raises ModelError that names the operator or lists all that are not
    supported, UsageError if the size of the pictures is not known.
    """
    model = read_model(path)
    description = Description(
        path, path.stem if model.name in _NAMELESS else model.name, _input_shape(model, asked)
    )
    description.warnings += model.warnings
    unsupported = Unsupported()
    for operator in model.operators:
        if operator.type not in TRANSLATIONS and operator.type not in FOLDED:
            unsupported.note(operator.type, operator.name)
    unsupported.check(path, "operator")
    readers = Counter(name for operator in model.operators for name in operator.inputs)
    reading = Reading(description, unsupported, model, readers)
    for place, operator in enumerate(model.operators):
        if operator.name in reading.done or not operator.outputs:
            continue
        reading.following = model.operators[place + 1 :]
        try:
            _read_operator(reading, operator)
        except NumbacnnError as error:
            unsupported.check(path, "kind of operator")  # what was passed over may be the cause
            message = str(error)
            raise type(error)(
                message
                if message.startswith(str(path))
                else f"{path}: {operator.type} '{cut(operator.name)}': {message}"
            ) from None
    unsupported.check(path, "kind of operator")
    _choose_output(reading, model)
    _take_metadata(reading, model)
    return description


def _read_operator(reading: Reading, operator: Operator) -> None:
    if operator.type in FOLDED and all(reading.is_known(name) for name in operator.inputs):
        values = [reading.known(name) for name in operator.inputs]
        reading.constants[operator.outputs[0]] = fold(operator, values, reading.model)
    elif operator.type in TRANSLATIONS:
        TRANSLATIONS[operator.type](reading, operator)
    else:
        reading.unsupported.note(f"{operator.type} of what depends on the picture", operator.name)
        reading.pass_on(operator)


def _input_shape(model: OnnxModel, asked: Asked) -> Shape:
    if len(model.input_shape) not in (0, 4):
        raise ModelError(
            f"{model.path}: its input '{cut(model.input)}' has {len(model.input_shape)} axes; pictures (N,C,H,W) are expected"
        )
    _, channels, height, width = model.input_shape or (0, 0, 0, 0)
    if asked.input_shape is not None:
        return asked.input_shape
    if min(channels, height, width) < 1:
        raise UsageError(
            f"{model.path} does not say how large its pictures are: give --input HEIGHTxWIDTHxCHANNELS"
        )
    if max(channels, height, width) >= 1 << 20:
        raise ModelError(f"{model.path}: its input is {cut(model.input_shape)}; that is no picture's size")
    return (height, width, channels)


def _choose_output(reading: Reading, model: OnnxModel) -> None:
    """Takes the first output as the network's. Another output that is the softmax of the same scores is not reported as
    left out.
    """
    outputs = [name for name in model.outputs if name in reading.nodes]
    if not outputs:
        raise ModelError(f"{model.path}: none of its outputs depends on the picture")
    description = reading.description
    description.output = reading.nodes[outputs[0]]
    others = [
        name
        for name in outputs[1:]
        if not {reading.nodes[name], *description.sources(reading.nodes[name])}
        & {description.output, *description.sources(description.output)}
    ]
    if others:
        description.warnings.append(
            f"left out: the outputs {', '.join(map(cut, others))}; '{cut(outputs[0])}' is taken"
        )


def _take_metadata(reading: Reading, model: OnnxModel) -> None:
    """Takes the names of classes that numbacnn writes into a file's metadata, and the preprocessing that was found at
    the start of the graph.
    """
    description = reading.description
    description.preparation = reading.preparation
    try:
        names = json.loads(model.metadata.get("class_names", "[]"))
    except (ValueError, RecursionError):
        names = []
    if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
        numbered = [str(index) for index in range(len(names))]
        description.class_names = () if names == numbered else tuple(names)
