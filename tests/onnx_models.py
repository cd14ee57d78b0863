"""ONNX files that tests put together, operator by operator, and what reading them is refused with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from numbacnn.errors import ModelError, UsageError
from numbacnn.formats import Asked, Preparation, read_network
from numbacnn.formats.protobuf import Writer


def model(
    *operators: Writer,
    opset: int = 17,
    shape: tuple[int, ...] = (1, 3, 9, 7),
    tensors: tuple[Writer, ...] = (),
) -> bytes:
    """Returns a file with one input x and one output y."""
    dimensions = Writer()
    for length in shape:
        dimensions.data(1, Writer().integer(1, length))
    kind = Writer().data(1, Writer().integer(1, 1).data(2, dimensions))
    graph = Writer()
    for each in operators:
        graph.data(1, each)
    for tensor in tensors:
        graph.data(5, tensor)
    graph.data(11, Writer().data(1, "x").data(2, kind)).data(12, Writer().data(1, "y"))
    whole = Writer().integer(1, 8).data(7, graph).data(8, Writer().integer(2, opset))
    return b"".join(whole.parts())


def operator(
    kind: str, *names: str, outputs: tuple[str, ...] = (), **attributes: int | list[int] | Writer
) -> Writer:
    """Returns an operator; the last of the names is its output, or `outputs` are, those before it its inputs."""
    message = Writer()
    inputs, outputs = (names, outputs) if outputs else (names[:-1], names[-1:])
    for name in inputs:
        message.data(1, name)
    for name in outputs:
        message.data(2, name)
    message.data(3, f"its {kind}").data(4, kind)
    for name, value in attributes.items():
        own = Writer().data(1, name)
        if isinstance(value, int):
            own.integer(3, value).integer(20, 2)
        elif isinstance(value, list):
            for each in value:
                own.integer(8, each)
            own.integer(20, 7)
        else:
            own.data(5, value).integer(20, 4)
        message.data(5, own)
    return message


def numbers(values: Any, name: str) -> Writer:
    """Returns a constant of this name."""
    message = Writer()
    for length in values.shape:
        message.integer(1, length)
    return message.integer(2, 7 if values.dtype.kind == "i" else 1).data(8, name).array(9, values)


def refused(path: Path, data: bytes, **asked: Any) -> str:
    """Returns what reading the file is refused with."""
    path.write_bytes(data)
    with pytest.raises((ModelError, UsageError)) as error:
        read_network(path, Asked(**asked), Preparation(mean=(0.0,)))
    return str(error.value)
