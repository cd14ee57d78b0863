"""Reads Caffe's files (.prototxt and .caffemodel), with layers of all three generations, as a description.

Caffe's blobs have names, and a layer may overwrite the blob that it reads; here every layer becomes a node of its own.
Pooling rounds its output size up, convolution rounds it down. Without a .prototxt the .caffemodel is read alone: it
repeats the network as it was trained.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from ..errors import ModelError, UsageError, cut
from ..layers import Shape
from .caffe_files import CaffeLayer, CaffeNetwork, read_mean_image, read_text, read_weights
from .caffe_layers import TRANSLATIONS, Reading
from .description import Description, Unsupported
from .preparation import Preparation
from .reading import Asked

__all__ = ["read", "read_mean_image"]

_DATA = ("Data", "ImageData", "MemoryData", "HDF5Data", "WindowData", "DummyData", "Input")
_LOSSES = (
    "SoftmaxWithLoss", "MultinomialLogisticLoss", "HingeLoss", "EuclideanLoss", "InfogainLoss", "ContrastiveLoss",
    "SigmoidCrossEntropyLoss",
)  # fmt: skip
_IGNORED = ("Accuracy", "Silence", "HDF5Output", "ArgMax", *_LOSSES)
"""Types of layers that are left out, as they measure or show something and compute nothing that the network needs."""


def read(path: Path, asked: Asked) -> Description:
    """Reads the network of a .caffemodel, with the layers of its .prototxt if one is given or lies beside it.

    Raises ModelError that names file, layer and line; UsageError if the size of the pictures is not known.
    """
    weights = read_weights(path)
    text = asked.prototxt or _beside(path)
    network = read_text(text) if text else weights
    if not network.layers:
        raise ModelError(f"{network.path}: no layers; a network's .prototxt is expected")
    description = Description(
        path, network.name or weights.name or path.stem, _input_shape(network, asked, path)
    )
    description.preparation = _preparation(network, description)
    if text:
        _take_weights(network, weights, description)
        if asked.prototxt is None:
            description.warnings.append(f"layers are taken from {text}, which lies beside the weights")
    _translate(network, description)
    return description


def _translate(network: CaffeNetwork, description: Description) -> None:
    unsupported = Unsupported()
    for layer in network.layers:
        if layer.type not in (*TRANSLATIONS, *_DATA, *_IGNORED):
            unsupported.note(layer.type, layer.name)
    unsupported.check(network.path, "type of layer")
    reading = Reading(description, unsupported)
    for name in network.message.texts("input"):
        reading.blobs[name] = "pixels"
    ends: dict[str, None] = {}
    for place, layer in enumerate(network.layers):
        if layer.type in _DATA:
            reading.blobs |= dict.fromkeys(layer.tops[:1], "pixels")
        elif layer.type in _LOSSES and layer.bottoms:
            ends[reading.source(layer, 0)] = None
        elif layer.type not in _IGNORED:
            _check_ends(layer)
            reading.following = network.layers[place + 1 :]
            TRANSLATIONS[layer.type](reading, layer)
    unsupported.check(network.path, "option of layer")
    _choose_output(description, list(ends))


def _check_ends(layer: CaffeLayer) -> None:
    if not layer.bottoms or not layer.tops:
        raise ModelError(f"{layer.where}: a {layer.type} layer needs a bottom and a top")


def _choose_output(description: Description, losses: list[str]) -> None:
    """Chooses the network's output: the last loss, or the last layer where there is no loss. Other ends are auxiliary
    classifiers.
    """
    read = {source for line in description.lines for source in (line[2] if len(line) == 3 else ())}
    others = [line[0] for line in description.lines if line[0] not in read]
    output = losses[-1] if losses else description.output
    dropped = [name for name in (*others, *losses) if name != output]
    if dropped:
        description.warnings.append(
            f"left out, as the output does not need it: what ends in {', '.join(map(cut, dict.fromkeys(dropped)))}"
        )
    description.output = output


def _take_weights(network: CaffeNetwork, weights: CaffeNetwork, description: Description) -> None:
    """Copies the weights of a .caffemodel to the layers of the same names of a .prototxt."""
    stored = {layer.name: layer.blobs for layer in weights.layers if layer.blobs}
    names = {layer.name for layer in network.layers}
    for layer in network.layers:
        layer.blobs = stored.get(layer.name, layer.blobs)
    unused = [name for name in stored if name not in names]
    if unused:
        description.warnings.append(
            f"weights of layers that are not in {network.path}: {', '.join(map(cut, unused[:10]))}"
            f"{f' and {len(unused) - 10} more' if len(unused) > 10 else ''}"
        )


def _input_shape(network: CaffeNetwork, asked: Asked, path: Path) -> Shape:
    if asked.input_shape is not None:
        return asked.input_shape
    shape = _declared_shape(network)
    if shape is None:
        raise UsageError(
            f"{network.path} does not say how large its pictures are: give --input HEIGHTxWIDTHxCHANNELS"
            f"{'' if network.path != path else ', or --prototxt with the text in which that stands'}"
        )
    if len(shape) != 3 or not all(0 < length < 1 << 20 for length in shape):
        raise ModelError(
            f"{network.path}: the input is {cut(shape)}; pictures, channels, height and width are expected"
        )
    return (shape[1], shape[2], shape[0])


def _declared_shape(network: CaffeNetwork) -> tuple[int, ...] | None:
    """Returns the input's (channels, height, width) as the file declares them, None if it does not."""
    dims = network.message.wholes("input_dim")
    for shape in network.message.messages("input_shape")[:1]:
        dims = shape.wholes("dim")
    if dims:
        return tuple(dims[1:4])
    for layer in network.layers:
        if layer.type == "Input" and "shape" in layer.options("input_param"):
            return tuple(layer.options("input_param").messages("shape")[0].wholes("dim")[1:])
        if layer.type == "MemoryData":
            options = layer.options("memory_data_param")
            return tuple(options.whole(name) for name in ("channels", "height", "width"))
        for name in ("transform_param", "data_param", "image_data_param"):
            side = layer.options(name).whole("crop_size")
            if side and layer.type in _DATA:
                grey = layer.options("transform_param").flag("force_gray")
                return (1 if grey else 3, side, side)
    return None


def _preparation(network: CaffeNetwork, description: Description) -> Preparation:
    """Returns the preprocessing of the file's transform_param. Caffe subtracts the mean before it scales, and its tools
    keep colours as BGR.
    """
    order = "BGR" if description.input_shape[2] == 3 else None
    for layer in network.layers:
        for name in ("transform_param", "data_param", "image_data_param"):
            options = layer.options(name)
            if not {"scale", "mean_value", "mean_file"} & set(options.fields):
                continue
            mean = tuple(options.numbers("mean_value")) or None
            scale = (options.number("scale"),) if "scale" in options else None
            named = options.text("mean_file")
            hint = f"; its mean image is '{cut(named)}', which --mean FILE takes" if named else ""
            # Without a mean the scale alone would be half of what is done.
            return Preparation(mean, None if named else scale, order, hint=hint)
    images = list(islice(description.path.parent.glob("*.binaryproto"), 2))
    hint = f"; {images[0]}, which lies beside it, may be its mean image" if len(images) == 1 else ""
    return Preparation(order=order, hint=hint)


def _beside(path: Path) -> Path | None:
    """Finds the .prototxt beside the weights: the one of the same name, deploy.prototxt, or the only one in the folder."""
    for name in (f"{path.stem}.prototxt", "deploy.prototxt"):
        if path.with_name(name).is_file():
            return path.with_name(name)
    texts = list(islice(path.parent.glob("*.prototxt"), 2))
    return texts[0] if len(texts) == 1 else None
