"""Reads PyTorch's weights, state dicts (.pth, .pt, .th) and safetensors, with timm's config.json beside them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ModelError, NumbacnnError, cut
from ..storage.models import network_from
from .description import Array, Description, as_float32
from .preparation import Preparation
from .reading import Asked
from .recognition import describe, torch_names
from .safetensors import ARCHITECTURE, read_tensors
from .torch_files import read_torch, state_dict_of

_LARGEST_CONFIG = 16 << 20


def read(path: Path, asked: Asked) -> Description:
    """Reads the network of a state dict. Raises ModelError; UsageError where the tensors do not tell which network it
    is.
    """
    return _described(path, read_torch(path), asked, in_order=True)


def read_safetensors(path: Path, asked: Asked) -> Description:
    """Reads the network of a safetensors file. Raises ModelError; UsageError where the tensors do not tell which
    network it is.
    """
    tensors, metadata = read_tensors(path)
    if ARCHITECTURE in metadata and asked.network is None:
        return _ours(path, tensors, metadata[ARCHITECTURE])
    return _described(path, tensors, asked, in_order=False)


def _ours(path: Path, tensors: dict[str, Array], architecture: str) -> Description:
    """Reads a file that numbacnn wrote, which has its layers and its preprocessing."""
    try:
        network = network_from(json.loads(architecture), path)
    except (NumbacnnError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: its {ARCHITECTURE}: {cut(error, 300)}") from None
    graph = network.graph
    pixels, image = graph.pixels, tensors.get(f"{graph.nodes[0].name}.mean_image")
    description = Description(path, path.stem, network.input_shape)
    turned = pixels.channel_order == "BGR"
    description.preparation = Preparation(
        mean=_channels(pixels.mean, turned)
        if image is None
        else as_float32(image).transpose(1, 2, 0)[..., :: -1 if turned else 1],
        scale=_channels(pixels.scale, turned),
        order=pixels.channel_order,
        shorter_side=pixels.shorter_side,
    )
    numbered = tuple(str(index) for index in range(network.classes))
    description.class_names = () if network.class_names == numbered else network.class_names
    names = torch_names(graph)
    for node in graph.nodes[1:]:
        arrays = {}
        for ours, theirs in names.items():
            if ours.rsplit("/", 1)[0] == node.name:
                if theirs not in tensors:
                    raise ModelError(f"{path}: there is no {cut(theirs)} in it")
                arrays[ours.rsplit("/", 1)[1]] = tensors[theirs]
        description.add(node.name, node.layer, node.inputs, **arrays)
    return description


def _channels(value: float | tuple[float, ...], turned: bool) -> tuple[float, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return values[::-1] if turned else values


def _described(path: Path, found: Any, asked: Asked, *, in_order: bool) -> Description:
    """Describes the tensors' network, with the preprocessing of timm's config.json if one with a pretrained_cfg lies
    beside the weights.
    """
    config = path.with_name("config.json")
    whole = _json(config) if config.is_file() else {}
    said = whole.get("pretrained_cfg")
    if isinstance(said, dict) and asked.input_shape is None:
        match said.get("input_size"):
            case [int(channels), int(height), int(width)] if min(channels, height, width) > 0:
                asked = replace(asked, input_shape=(height, width, channels))
    description = describe(path, state_dict_of(found, path), asked, in_order=in_order)
    if isinstance(said, dict):
        _prepare(description, config, said)
        _compare_names(description, config, str(whole.get("architecture", "")))
        names = whole.get("label_names") or said.get("label_names")
        if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
            description.class_names = tuple(names)
    return description


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise ModelError(f"{path}: {path.stat().st_size:,} bytes are too much")
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path}: cannot be read as JSON ({cut(error)})") from None
    return found if isinstance(found, dict) else {}


def _prepare(description: Description, config: Path, said: dict[str, Any]) -> None:
    mean, deviation = (_colours(config, said, name) for name in ("mean", "std"))
    crop = said.get("crop_pct", 1.0)
    if not isinstance(crop, (int, float)) or not 0.05 < crop <= 1:
        raise ModelError(f"{config}: crop_pct = {cut(repr(crop))}: a share of the picture is expected")
    description.preparation = Preparation(
        mean=tuple(255 * each for each in mean) if mean else None,
        scale=tuple(1 / (255 * each) for each in deviation) if deviation else None,
        order="RGB",
        shorter_side=math.floor(min(description.input_shape[:2]) / crop),
    )
    interpolation = said.get("interpolation", "bilinear")
    if interpolation != "bilinear":
        description.warnings.append(
            f"{config.name} asks for {cut(repr(interpolation))} scaling of pictures; numbacnn scales bilinearly"
        )
    description.warnings.append(f"preprocessing is taken from {config}, which lies beside the weights")


def _compare_names(description: Description, config: Path, architecture: str) -> None:
    """Warns if timm's config names another architecture than the one that the tensors were recognised as: some
    architectures differ only in what is not stored, such as blurred pools or padding.
    """
    theirs, ours = (re.sub("[^a-z0-9]", "", name.lower()) for name in (architecture, description.name))
    if theirs and theirs.removeprefix("tf") != ours:
        description.warnings.append(
            f"{config.name} calls the network {cut(architecture)}; by its tensors it is read as {description.name}"
        )
    if architecture == "efficientnet_lite0":
        description.warnings.append(
            "timm's efficientnet_lite0 pads pictures evenly, and efficientnet-lite0 here as TensorFlow does, which its "
            "tf_efficientnet_lite0 is for"
        )


def _colours(config: Path, said: dict[str, Any], name: str) -> list[float]:
    values = said.get(name) or []
    if not isinstance(values, list) or not all(
        type(each) in (int, float) and 0 <= each < 1000 and (name == "mean" or each > 0) for each in values
    ):
        raise ModelError(f"{config}: {name} = {cut(repr(values))}: a number a channel is expected")
    return values
