"""Translates ONNX's operators of arithmetic and of shapes: factors and offsets, flattening, padding, and preprocessing
inside the graph.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..layers import Add, Multiply, Scale, Sigmoid, SiLU, Subsample
from .description import Array, as_float32
from .onnx_channels import resolved, shuffles
from .onnx_constants import slices
from .onnx_files import Operator
from .onnx_gelu import continues
from .onnx_reading import Reading


def arithmetic(reading: Reading, operator: Operator) -> None:
    """Translates Add, Sub, Mul and Div: of two maps their sum or product; with a constant a factor and an offset for
    each channel, or, of the pixels themselves, preprocessing.
    """
    if continues(reading, operator):
        return
    first, second = operator.inputs[:2]
    if not {first, second} & reading.constants.keys():
        of_two(reading, operator)
        return
    place = 0 if second in reading.constants else 1
    source, value = reading.source(operator, place), reading.constants[operator.inputs[1 - place]]
    if operator.type == "Div" and place == 1:
        reading.unsupported.note("Div of a constant", operator.name)
    if source == "pixels" and prepare(reading, operator, value, place):
        return
    channels = reading.shape(source)[-1]
    axis = -1 if len(reading.shape(source)) == 1 else -3
    given = value.reshape((1,) * (abs(axis) - value.ndim) + value.shape)
    if value.size not in (1, channels) or (value.size > 1 and given.shape[axis] != channels):
        reading.unsupported.note(f"{operator.type} with a constant of shape {value.shape}", operator.name)
        reading.pass_on(operator)
        return
    numbers = np.broadcast_to(as_float32(value).reshape(-1), channels)
    scale: Array = np.ones(channels, np.float32)
    shift: Array = np.zeros(channels, np.float32)
    if operator.type in ("Mul", "Div"):
        scale = numbers if operator.type == "Mul" else 1 / numbers
    else:
        shift = numbers if operator.type == "Add" or place == 1 else -numbers
        scale = -scale if operator.type == "Sub" and place == 1 else scale
    factor = operator.type in ("Mul", "Div")
    arrays = {"scale": scale} if factor else {"scale": scale, "shift": shift}
    reading.add(operator, Scale(bias=not factor), (source,), **arrays)


def prepare(reading: Reading, operator: Operator, value: Array, place: int) -> bool:
    """Takes a mean that is subtracted from the pixels, or a factor after it, as preprocessing; returns whether it did.
    Only files that declare pixels from 0 to 255 have such.
    """
    if reading.model.metadata.get("input") != "RGB pixels from 0 to 255" or place == 1:
        return False
    said, channels = reading.preparation, reading.shape("pixels")[2]
    if operator.type == "Sub" and said.mean is None and said.scale is None:
        image = value.size > channels
        mean = (
            as_float32(value).reshape(value.shape[-3:]).transpose(1, 2, 0)
            if image
            else tuple(as_float32(value).ravel().tolist())
        )
        reading.preparation = replace(said, mean=mean)
    elif operator.type == "Mul" and said.scale is None and value.size in (1, channels):
        reading.preparation = replace(said, scale=tuple(as_float32(value).ravel().tolist()))
    else:
        return False
    reading.pass_on(operator)
    return True


def gather(reading: Reading, operator: Operator) -> None:
    """Translates a Gather that reverses the pixels' channels: the preprocessing before it was given for RGB, and is
    reversed for the network's BGR.
    """
    source, indices = reading.source(operator), reading.constant(operator, 1)
    channels = reading.shape(source)[-1]
    turned = indices is not None and indices.tolist() == list(range(channels))[::-1]
    if (
        source != "pixels"
        or not turned
        or operator.whole("axis", 0) != 1
        or reading.preparation.order is not None
    ):
        reading.unsupported.note("Gather of what depends on the picture", operator.name)
        reading.pass_on(operator)
        return
    said = reading.preparation
    mean = said.mean[..., ::-1] if isinstance(said.mean, np.ndarray) else said.mean and said.mean[::-1]
    reading.preparation = replace(said, mean=mean, scale=said.scale and said.scale[::-1], order="BGR")
    reading.pass_on(operator)


def of_two(reading: Reading, operator: Operator) -> None:
    """Translates the sum or the product of two maps; x sigmoid(x) becomes SiLU."""
    sources = [reading.source(operator, place) for place in range(2)]
    if operator.type == "Add":
        reading.add(operator, Add(), sources)
        return
    if operator.type != "Mul":
        reading.unsupported.note(f"{operator.type} of two maps", operator.name)
        reading.pass_on(operator)
        return
    for value, gate in (sources, sources[::-1]):
        if isinstance(reading.description.layer(gate), Sigmoid) and reading.description.sources(gate) == (
            value,
        ):
            reading.add(operator, SiLU(), (value,))
            return
    volumes = sorted(sources, key=lambda node: -int(np.prod(reading.shape(node))))
    reading.add(operator, Multiply(), volumes)


def flatten(reading: Reading, operator: Operator) -> None:
    """Translates Flatten of all axes but the batch's."""
    if operator.whole("axis", 1) not in (1, -3):
        reading.unsupported.note("Flatten from another axis than the channels", operator.name)
    reading.nodes[operator.outputs[0]] = reading.description.flat(reading.source(operator))


def reshape(reading: Reading, operator: Operator) -> None:
    """Translates Reshape to a row, to the shape that the value has, or as part of a channel shuffle."""
    wanted = reading.constant(operator, 1)
    lengths = [] if wanted is None else [int(each) for each in wanted.reshape(-1)]
    if shuffles(reading, operator, lengths):
        return
    source = reading.source(operator)
    shape = reading.shape(source)
    theirs = (shape[2], *shape[:2]) if len(shape) == 3 else shape
    size = int(np.prod(shape))
    if len(lengths) == 2 and lengths[1] in (-1, size, *([0] if len(shape) == 1 else [])):
        reading.nodes[operator.outputs[0]] = reading.description.flat(source)
    elif resolved(lengths, theirs) == theirs or (
        len(lengths) == 4 and lengths[2:] == [1, 1] and size == shape[-1]
    ):
        reading.pass_on(operator)
    else:
        reading.unsupported.note("Reshape other than to a row", operator.name)
        reading.pass_on(operator)


def shape(reading: Reading, operator: Operator) -> None:
    """Evaluates Shape. The number of pictures is not known and stands as 0, which a Reshape reads as "leave this axis
    as it is".
    """
    shape = reading.shape(reading.source(operator))
    theirs = (shape[2], *shape[:2]) if len(shape) == 3 else shape
    reading.constants[operator.outputs[0]] = np.array((0, *theirs), np.int64)


def squeeze(reading: Reading, operator: Operator) -> None:
    """Translates Squeeze of maps of 1x1 to a row, and Unsqueeze of a row to such maps."""
    source = reading.source(operator)
    if int(np.prod(reading.shape(source)[:-1])) != 1:
        reading.unsupported.note(f"{operator.type} of maps", operator.name)
    reading.nodes[operator.outputs[0]] = (
        source if operator.type == "Unsqueeze" else reading.description.flat(source)
    )


def slice(reading: Reading, operator: Operator) -> None:
    """Translates a Slice that takes every so many rows and columns from the first on."""
    source = reading.source(operator)
    inputs = [np.empty(0), *(reading.known(name) for name in operator.inputs[1:])]
    starts, ends, along, steps = slices(operator, inputs, reading.model)
    shape = reading.shape(source)
    if [axis % (len(shape) + 1) for axis in along] == [1]:
        chosen = range(shape[-1])[starts[0] : ends[0] : steps[0]]
        if chosen:
            reading.nodes[operator.outputs[0]] = reading.description.chosen(operator.name, source, chosen)
            return
    whole = len(shape) == 3 and all(
        end >= shape[axis % 4 - 2] for end, axis in zip(ends, along, strict=True) if axis % 4 > 1
    )
    if not whole or any(starts) or sorted(axis % 4 for axis in along) != [2, 3] or len(set(steps)) != 1:
        reading.unsupported.note("Slice other than every so many rows and columns", operator.name)
        reading.pass_on(operator)
        return
    reading.add(operator, Subsample(shape[2], stride=steps[0]), (source,))


def pad(reading: Reading, operator: Operator) -> None:
    """Translates zeros around channels, or around a map; a convolution or an average pool that alone reads the map
    takes them as its padding.
    """
    source = reading.source(operator)
    given, value = reading.constant(operator, 1), reading.constant(operator, 2)
    pads = operator.wholes("pads", []) if given is None else [int(each) for each in given.reshape(-1)]
    zero = operator.number("value", 0) == 0 and (
        value is None or not value.size or float(value.reshape(-1)[0]) == 0
    )
    if operator.text("mode", "constant") != "constant" or not zero or len(pads) != 8 or min(pads) < 0:
        reading.unsupported.note("Pad other than with zeros", operator.name)
        reading.pass_on(operator)
        return
    first, after = pads[:4], pads[4:]
    if not any((*first[:1], *first[2:], *after[:1], *after[2:])) and first[1] == (first[1] + after[1]) // 2:
        reading.add(operator, Subsample(reading.shape(source)[2] + first[1] + after[1], stride=1), (source,))
        return
    window = reading.only_reader(operator.outputs[0], "Conv") or reading.only_reader(
        operator.outputs[0], "AveragePool"
    )
    counted = window is not None and (
        window.type == "Conv"
        or window.whole("count_include_pad", 0)
        or not any(window.wholes("pads", [0] * 4))
    )
    if any((*first[:2], *after[:2])):
        reading.unsupported.note("Pad of channels on one side", operator.name)
        reading.pass_on(operator)
        return
    if window is None or not counted:
        around = first[2], after[2], first[3], after[3]
        reading.nodes[operator.outputs[0]] = reading.description.padded(operator.name, source, around)
        return
    own = window.wholes("pads", [0, 0, 0, 0])
    more = (*first[2:], *after[2:])
    window.attributes["pads"] = [each + extra for each, extra in zip(own, more, strict=True)]
    window.attributes["count_include_pad"] = 1
    reading.pass_on(operator)
