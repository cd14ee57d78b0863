"""The families of networks that state dicts are recognised as by torchvision's names of tensors, or by those of ResNets
for CIFAR-10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..layers import (
    Add,
    Concatenate,
    Dropout,
    GlobalAveragePool,
    MaxPool,
    ReLU,
    ReLU6,
    Subsample,
)
from .description import Array
from .state_dicts import Family, StateDict

Arrays = dict[str, Array]


# ResNets, with basic blocks or bottlenecks, for ImageNet or CIFAR-10


def _resnet_matches(names: Iterable[str]) -> bool:
    return {"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer1.0.bn1.weight"} <= set(names)


def _blocks(arrays: Arrays) -> dict[int, int]:
    """Returns the number of blocks of each stage, by the stage's number."""
    found: dict[int, int] = {}
    for name in arrays:
        part = re.fullmatch(r"layer(\d{1,3})\.(\d{1,4})\.conv1\.weight", name)
        if part:
            found[int(part[1])] = max(found.get(int(part[1]), 0), int(part[2]) + 1)
    return dict(sorted(found.items()))


def _resnet_name(arrays: Arrays) -> str:
    convolutions = 3 if "layer1.0.conv3.weight" in arrays else 2
    depth = convolutions * sum(_blocks(arrays).values()) + 2
    grouped = arrays["layer1.0.conv2.weight"].shape[1:2] != arrays["layer1.0.conv1.weight"].shape[:1]
    return f"resnext-{depth}" if grouped else f"resnet-{depth}"


def _is_small(arrays: Arrays) -> bool:
    """Returns whether the first filters are 3x3, as in the stem for pictures of 32x32."""
    return arrays["conv1.weight"].shape[2:] == (3, 3)


def _resnet(state: StateDict) -> None:
    small = _is_small(state.arrays)
    node = state.convolution("conv1", "pixels", stride=1 if small else 2)
    node = state.add("relu1", ReLU(), state.batch_norm("bn1", node))
    if not small:
        node = state.add("maxpool", MaxPool(3, stride=2, padding=1, rounding="floor"), node)
    for stage, blocks in _blocks(state.arrays).items():
        for block in range(blocks):
            node = _block(state, f"layer{stage}.{block}", node, 2 if stage > 1 and block == 0 else 1)
    node = state.add("avgpool", GlobalAveragePool(), node)
    state.dense("linear" if state.has("linear") else "fc", node)


def _block(state: StateDict, name: str, source: str, stride: int) -> str:
    bottleneck = state.has(f"{name}.conv3")
    node = source
    for number in (1, 2, 3) if bottleneck else (1, 2):
        strided = number == (
            2 if bottleneck else 1
        )  # as torchvision has it, in the 3x3 filters of a bottleneck
        node = state.convolution(f"{name}.conv{number}", node, stride=stride if strided else 1)
        node = state.batch_norm(f"{name}.bn{number}", node)
        if number < (3 if bottleneck else 2):
            node = state.add(f"{name}.relu{number}", ReLU(), node)
    shortcut = source
    for kind in ("downsample", "shortcut"):
        if state.has(f"{name}.{kind}.0"):
            shortcut = state.convolution(f"{name}.{kind}.0", source, stride=stride, padding=0)
            shortcut = state.batch_norm(f"{name}.{kind}.1", shortcut)
    if shortcut == source and state.description.shape(source) != state.description.shape(node):
        channels = state.description.shape(node)[-1]
        shortcut = state.add(f"{name}.shortcut", Subsample(channels, stride=stride), source)
    return state.add(f"{name}.relu", ReLU(), state.add(f"{name}.add", Add(), node, shortcut))


# AlexNet and the VGG networks: features and a classifier, numbered with the layers that have no weights


def _numbers(arrays: Arrays, prefix: str) -> list[int]:
    found = {
        int(part[1]) for name in arrays if (part := re.fullmatch(rf"{prefix}\.(\d{{1,4}})\.weight", name))
    }
    return sorted(found)


def _alexnet_matches(names: Iterable[str]) -> bool:
    wanted = {f"features.{number}.weight" for number in (0, 3, 6, 8, 10)} | {"classifier.6.weight"}
    return {name for name in names if name.endswith(".weight")} == wanted | {
        "classifier.1.weight",
        "classifier.4.weight",
    }


def _alexnet(state: StateDict) -> None:
    node = "pixels"
    for number in (0, 3, 6, 8, 10):
        stride, padding = (4, 2) if number == 0 else (1, None)
        node = state.convolution(f"features.{number}", node, stride=stride, padding=padding)
        node = state.add(f"features.{number + 1}", ReLU(), node)
        if number in (0, 3, 10):
            node = state.add(f"features.{number + 2}", MaxPool(3, stride=2, rounding="floor"), node)
    node = state.add("classifier.0", Dropout(0.5), node)
    node = state.add("classifier.2", ReLU(), state.dense("classifier.1", node))
    node = state.add("classifier.3", Dropout(0.5), node)
    node = state.add("classifier.5", ReLU(), state.dense("classifier.4", node))
    state.dense("classifier.6", node)


def _vgg_matches(names: Iterable[str]) -> bool:
    wanted = {"features.0.weight", "classifier.0.weight", "classifier.3.weight", "classifier.6.weight"}
    return wanted <= set(names) and "features.3.squeeze.weight" not in set(names)


def _vgg_name(arrays: Arrays) -> str:
    numbers = _numbers(arrays, "features")
    normalised = any(arrays[f"features.{number}.weight"].ndim == 1 for number in numbers)
    weighted = sum(arrays[f"features.{number}.weight"].ndim == 4 for number in numbers) + 3
    return f"vgg-{weighted}{'-bn' if normalised else ''}"


def _vgg(state: StateDict) -> None:
    """Builds a VGG network. Layers are numbered, and a number that is missing after a rectifier belongs to a pool."""
    numbers = _numbers(state.arrays, "features")
    node = "pixels"
    for number in numbers:
        if len(state.shape(f"features.{number}")) == 1:
            continue
        node = state.convolution(f"features.{number}", node)
        last = number
        if number + 1 in numbers and len(state.shape(f"features.{number + 1}")) == 1:
            last = number + 1
            node = state.batch_norm(f"features.{last}", node)
        node = state.add(f"features.{last + 1}", ReLU(), node)
        if last + 2 not in numbers:
            node = state.add(f"features.{last + 2}", MaxPool(2, rounding="floor"), node)
    for number in (0, 3):
        node = state.add(f"classifier.{number + 1}", ReLU(), state.dense(f"classifier.{number}", node))
        node = state.add(f"classifier.{number + 2}", Dropout(0.5), node)
    state.dense("classifier.6", node)


# SqueezeNet


def _squeezenet_matches(names: Iterable[str]) -> bool:
    return {"features.0.weight", "features.3.squeeze.weight", "classifier.1.weight"} <= set(names)


def _squeezenet_name(arrays: Arrays) -> str:
    return "squeezenet-1.0" if arrays["features.0.weight"].shape[2:] == (7, 7) else "squeezenet-1.1"


def _squeezenet(state: StateDict) -> None:
    """Builds a SqueezeNet. Its layers are numbered, and the numbers that are missing belong to pools."""
    node = state.add("features.1", ReLU(), state.convolution("features.0", "pixels", stride=2, padding=0))
    for number in range(2, 13):
        fire = f"features.{number}"
        if state.has(f"{fire}.squeeze"):
            node = state.add(f"{fire}.squeeze_activation", ReLU(), state.convolution(f"{fire}.squeeze", node))
            branches = [
                state.add(f"{fire}.{branch}_activation", ReLU(), state.convolution(f"{fire}.{branch}", node))
                for branch in ("expand1x1", "expand3x3")
            ]
            node = state.add(f"{fire}.concat", Concatenate(), *branches)
        elif any(
            name.startswith(f"features.{later}.") for later in range(number + 1, 13) for name in state.arrays
        ):
            node = state.add(fire, MaxPool(3, stride=2, rounding="ceil"), node)
    node = state.add(
        "classifier.2",
        ReLU(),
        state.convolution("classifier.1", state.add("classifier.0", Dropout(0.5), node)),
    )
    state.add("classifier.3", GlobalAveragePool(), node)


# GoogLeNet with batch normalisation, and MobileNet v2


def _googlenet_matches(names: Iterable[str]) -> bool:
    return {"conv1.conv.weight", "inception3a.branch1.conv.weight", "fc.weight"} <= set(names)


def _normalised(state: StateDict, prefix: str, source: str, stride: int = 1) -> str:
    node = state.convolution(f"{prefix}.conv", source, stride=stride)
    return state.add(f"{prefix}.relu", ReLU(), state.batch_norm(f"{prefix}.bn", node, eps=1e-3))


def _googlenet(state: StateDict) -> None:
    """Builds torchvision's GoogLeNet: its pools round up, and it has 3x3 filters where the paper (Szegedy et al., 2015)
    has 5x5.
    """

    def pool(name: str, source: str, kernel: int = 3) -> str:
        return state.add(name, MaxPool(kernel, stride=2, rounding="ceil"), source)

    node = pool("maxpool1", _normalised(state, "conv1", "pixels", 2))
    node = pool("maxpool2", _normalised(state, "conv3", _normalised(state, "conv2", node)))
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        name = f"inception{block}"
        pooled = state.add(f"{name}.pool", MaxPool(3, stride=1, padding=1, rounding="ceil"), node)
        branches = [
            _normalised(state, f"{name}.branch1", node),
            _normalised(state, f"{name}.branch2.1", _normalised(state, f"{name}.branch2.0", node)),
            _normalised(state, f"{name}.branch3.1", _normalised(state, f"{name}.branch3.0", node)),
            _normalised(state, f"{name}.branch4.1", pooled),
        ]
        node = state.add(f"{name}.concat", Concatenate(), *branches)
        if block in ("3b", "4e"):
            node = pool(f"maxpool{block[0]}", node, 3 if block == "3b" else 2)
    node = state.add("dropout", Dropout(0.2), state.add("avgpool", GlobalAveragePool(), node))
    state.dense("fc", node)


def _mobilenet_matches(names: Iterable[str]) -> bool:
    return {
        "features.0.0.weight",
        "features.1.conv.0.0.weight",
        "features.18.0.weight",
        "classifier.1.weight",
    } <= set(names)


_STRIDED = (2, 4, 7, 14)
"""The blocks of MobileNet v2 that halve height and width (Sandler et al., 2018, table 2)."""


def _mobilenet(state: StateDict) -> None:
    def clipped(name: str, source: str, stride: int = 1) -> str:
        node = state.batch_norm(f"{name}.1", state.convolution(f"{name}.0", source, stride=stride))
        return state.add(f"{name}.2", ReLU6(), node)

    node = clipped("features.0", "pixels", 2)
    for number in range(1, 18):
        block, source = f"features.{number}.conv", node
        parts = 2 if state.has(f"{block}.1.0") else 1
        for part in range(parts):
            stride = 2 if part == parts - 1 and number in _STRIDED else 1
            node = clipped(f"{block}.{part}", node, stride)
        node = state.batch_norm(f"{block}.{parts + 1}", state.convolution(f"{block}.{parts}", node))
        if state.description.shape(source) == state.description.shape(node):
            node = state.add(f"features.{number}.add", Add(), source, node)
    node = state.add("avgpool", GlobalAveragePool(), clipped("features.18", node))
    state.dense("classifier.1", state.add("classifier.0", Dropout(0.2), node))


def _imagenet(arrays: Arrays) -> int:
    return 224


FAMILIES = (
    Family(_resnet_matches, _resnet_name, lambda arrays: 32 if _is_small(arrays) else 224, _resnet),
    Family(
        _googlenet_matches,
        lambda _: "googlenet-bn",
        _imagenet,
        _googlenet,
        ("aux1.", "aux2."),
        "; torchvision's own weights of GoogLeNet take pixels from -1 to 1: --mean 127.5 --scale 1/127.5",
    ),
    Family(_mobilenet_matches, lambda _: "mobilenet-v2", _imagenet, _mobilenet),
    Family(_squeezenet_matches, _squeezenet_name, _imagenet, _squeezenet),
    Family(_alexnet_matches, lambda _: "alexnet", _imagenet, _alexnet),
    Family(_vgg_matches, _vgg_name, _imagenet, _vgg),
)
"""The families in the order in which they are tried."""
