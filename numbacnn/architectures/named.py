"""The networks that have names. A new one is a file here, or a function in one, and its line in ARCHITECTURES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..graph import LayerLine
from ..layers import Shape
from .alexnet import alexnet
from .cifar_quick import cifar_quick
from .digits import digits
from .lenet import lenet, lenet_1998
from .resnet import resnet_18
from .vgg import vgg_11_bn
from .vgg_small import vgg_small


@dataclass(frozen=True)
class Architecture:
    """A named network: its layers after the pixels, and the pictures and classes it was made for."""

    layers: Callable[[Shape, int], list[LayerLine]]
    input_shape: Shape
    classes: int
    heads: dict[str, float] = field(default_factory=dict)
    """Auxiliary classifiers, each with its share in the loss (`Graph`)."""


ARCHITECTURES: dict[str, Architecture] = {
    "lenet": Architecture(lenet, (28, 28, 1), 10),
    "lenet-1998": Architecture(lenet_1998, (28, 28, 1), 10),
    "alexnet": Architecture(alexnet, (227, 227, 3), 1000),
    "cifar-quick": Architecture(cifar_quick, (32, 32, 3), 10),
    "vgg-small": Architecture(vgg_small, (32, 32, 3), 10),
    "vgg-11-bn": Architecture(vgg_11_bn, (224, 224, 3), 1000),
    "resnet-18": Architecture(resnet_18, (224, 224, 3), 1000),
    "digits": Architecture(digits, (8, 8, 1), 10),
}
