"""Caffe's files: networks as text (.prototxt) or with weights (.caffemodel), of all three generations, and mean images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .caffe_schema import BLOB, NETWORK, V0_OPTIONS, V0_TYPES, V1_NAMES, V1_TYPES
from .files import file_bytes
from .messages import Message
from .protobuf import decode
from .prototext import read_prototext


@dataclass
class CaffeLayer:
    """A layer of any generation in the newest generation's terms: its type, the blobs that it reads (bottoms) and
    writes (tops), its message, its weights.
    """

    name: str
    type: str
    bottoms: list[str]
    tops: list[str]
    message: Message
    blobs: list[NDArray[Any]] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The layer's file, name and, in a text file, line, for error messages."""
        return f"{self.message.where}: layer '{self.name}'"

    def options(self, name: str) -> Message:
        """Returns one group of the layer's options, such as "convolution_param"; an empty message if it has none."""
        return self.message.message(name)


@dataclass
class CaffeNetwork:
    """A network's name, its layers for testing in the file's order, and the whole message for what else it says."""

    path: Path
    name: str
    layers: list[CaffeLayer]
    message: Message


def read_text(path: Path) -> CaffeNetwork:
    """Reads a .prototxt. Raises ModelError with file and line."""
    return _network(path, read_prototext(path))


def read_weights(path: Path) -> CaffeNetwork:
    """Reads a .caffemodel, which holds the layers' options beside their weights. Raises ModelError."""
    network = _network(path, decode(file_bytes(path), NETWORK, str(path)))
    if not network.layers:
        raise ModelError(f"{path}: no network with layers; Caffe's weights (.caffemodel) are expected")
    return network


def read_mean_image(path: Path) -> NDArray[np.float32]:
    """Reads a mean image as float32 (H,W,C), its channels in the file's order: Caffe's .binaryproto, or a .npy array
    (C,H,W). Raises ModelError.
    """
    if path.suffix == ".npy":
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read as an array ({error})") from None
    else:
        array = _blob(decode(file_bytes(path), BLOB, str(path)))
    array = array.reshape(array.shape[1:]) if array.ndim == 4 and array.shape[0] == 1 else array
    if array.ndim != 3 or array.shape[0] not in (1, 3) or array.dtype.kind not in "fu" or not array.size:
        raise ModelError(
            f"{path}: an array of shape {array.shape}; a mean image (channels, height, width) is expected"
        )
    image: NDArray[np.float32] = array.transpose(1, 2, 0).astype(np.float32)
    if not np.isfinite(image).all():
        raise ModelError(f"{path}: a mean image of finite numbers is expected")
    return image


def _network(path: Path, message: Message) -> CaffeNetwork:
    layers = [_layer(each) for each in message.messages("layer")]
    for each in message.messages("layers"):
        layers.append(_v0_layer(each) if "layer" in each else _layer(each))
    tested = [layer for layer in layers if _is_tested(layer)]
    return CaffeNetwork(path, message.text("name"), list(_padded(tested)), message)


def _layer(message: Message) -> CaffeLayer:
    kind: Any = message.all("type")[-1] if "type" in message else ""
    kind = V1_TYPES.get(kind, str(kind)) if isinstance(kind, int) else V1_NAMES.get(kind, kind)
    blobs = [_blob(each) for each in message.messages("blobs")]
    name = message.text("name") or str(kind)
    return CaffeLayer(name, str(kind), message.texts("bottom"), message.texts("top"), message, blobs)


def _v0_layer(message: Message) -> CaffeLayer:
    inner = message.message("layer")
    kind = V0_TYPES.get(inner.text("type"), inner.text("type"))
    group, names = V0_OPTIONS.get(kind, ("", {}))
    options = {new: inner.all(old) for old, new in names.items() if old in inner}
    fields = {group: [Message(options, inner.where)]} if group else {}
    if kind == "Padding":
        fields = {"pad": inner.all("pad")}
    blobs = [_blob(each) for each in inner.messages("blobs")]
    whole = Message(fields, message.where)
    return CaffeLayer(
        inner.text("name") or kind, kind, message.texts("bottom"), message.texts("top"), whole, blobs
    )


def _is_tested(layer: CaffeLayer) -> bool:
    """Returns whether the layer is part of the network when it is tested (some layers are there in training only)."""
    included, excluded = layer.message.messages("include"), layer.message.messages("exclude")
    phases = ("TRAIN", "TEST")
    if included:
        return any("phase" not in rule or rule.choice("phase", phases) == "TEST" for rule in included)
    return not any("phase" in rule and rule.choice("phase", phases) == "TEST" for rule in excluded)


def _padded(layers: list[CaffeLayer]) -> Iterator[CaffeLayer]:
    """Yields the layers of a file of the oldest generation without its padding layers; the convolutions that read those
    get their padding.
    """
    pads: dict[str, tuple[str, int]] = {}
    for layer in layers:
        if layer.type == "Padding" and layer.bottoms and layer.tops:
            pads[layer.tops[0]] = layer.bottoms[0], layer.message.whole("pad")
        elif layer.type == "Convolution" and layer.bottoms and layer.bottoms[0] in pads:
            source, pad = pads[layer.bottoms[0]]
            options = layer.options("convolution_param")
            more = Message({**options.fields, "pad": [options.whole("pad") + pad]}, options.where)
            message = Message({**layer.message.fields, "convolution_param": [more]}, layer.message.where)
            yield replace(layer, bottoms=[source], message=message)
        else:
            yield layer


def _blob(message: Message) -> NDArray[Any]:
    """Returns a blob's numbers in the shape that the file declares. Raises ModelError if it holds another number of
    values.
    """
    parts = message.all("data") or message.all("double_data")
    if any(not isinstance(part, np.ndarray) for part in parts):
        values = np.array(message.numbers("data"), np.float32)  # of a text file
    else:
        values = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])
    if "shape" in message:
        shape = tuple(message.message("shape").wholes("dim"))
    else:
        legacy = ("num", "channels", "height", "width")
        shape = (
            tuple(message.whole(name, 1) for name in legacy)
            if any(name in message for name in legacy)
            else (len(values),)
        )
    if any(length < 0 for length in shape) or _product(shape) != len(values):
        raise ModelError(
            f"{message.where}: an array declares the shape {shape} and holds {len(values):,} numbers"
        )
    return values.reshape(shape)


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
