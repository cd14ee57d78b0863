"""Writes networks in other programs' formats."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..layers import Convolution, Dense, TransposedConvolution
from ..network import Network
from ..replacing import replacing
from ..storage.models import description_of
from .building import flat_orders
from .description import Array
from .onnx_writer import onnx_bytes
from .recognition import torch_names
from .safetensors import ARCHITECTURE, tensors_bytes

SUFFIXES = (".onnx", ".safetensors")


def write_network(path: Path, network: Network, name: str) -> None:
    """Writes a network in the format of the file's suffix, completely or not at all. Raises ModelError for layers that
    the format lacks, NetworkError for a network whose input is not pictures.
    """
    network.need_pictures()
    if path.suffix.lower() == ".onnx":
        parts = onnx_bytes(network, name, _version())
    else:
        metadata = {"format": "pt", ARCHITECTURE: json.dumps(description_of(network))}
        parts = tensors_bytes(tensors_of(network), metadata)
    try:
        with replacing(path) as partial, partial.open("wb") as file:
            for part in parts:
                file.write(part)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror or error})") from None


def tensors_of(network: Network) -> dict[str, Array]:
    """Returns all arrays in PyTorch's order of axes, filters (K,C,R,S) and weights (K,D) over (C,H,W), by names such as
    conv1.weight.
    """
    graph, orders = network.graph, flat_orders(network.graph)
    found: dict[str, Array] = {}
    for ours, theirs in torch_names(graph).items():
        node = graph[ours.rsplit("/", 1)[0]]
        array, layer = graph.read(ours), node.layer
        order = orders[node.inputs[0]] if node.inputs else None
        if isinstance(layer, (Convolution, TransposedConvolution)) and array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        elif isinstance(layer, Dense) and array.ndim == 2:
            array = (array if order is None else array[np.argsort(order)]).T
        elif order is not None and not isinstance(layer, Dense):
            array = array[np.argsort(order)]
        found[theirs] = array
    for name, image in graph.pixels.constants.items():
        found[f"{graph.nodes[0].name}.{name}"] = image.transpose(2, 0, 1)
    return found


def _version() -> str:
    try:
        return version("numbacnn")
    except PackageNotFoundError:  # a folder of sources on Python's path
        return "0"
