"""The networks that have names. A new one is a file here, or a function in one, and its line in ARCHITECTURES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..graph import Graph, LayerLine
from ..layers import Shape
from . import googlenet as _googlenet
from .airbench import airbench94
from .alexnet import alexnet, alexnet_2012, caffenet, zfnet
from .cifar_quick import cifar_quick
from .digits import digits
from .efficientnet import efficientnet_lite0
from .lenet import lenet, lenet_1998
from .mobilenet import mobilenet_v1
from .nin import nin
from .resnet import DEPTHS as RESNETS
from .resnet import cifar_resnet, resnet
from .squeezenet import squeezenet_1_0, squeezenet_1_1
from .vgg import DEPTHS as VGGS
from .vgg import vgg
from .vgg_small import vgg_small


@dataclass(frozen=True)
class Architecture:
    """A named network: its layers after the pixels, and the pictures and classes it was made for."""

    layers: Callable[[Shape, int], list[LayerLine]]
    input_shape: Shape
    classes: int
    heads: dict[str, float] = field(default_factory=dict)
    """Auxiliary classifiers, each with its share in the loss (`Graph`)."""

    def graph(self, input_shape: Shape | None = None, classes: int | None = None) -> Graph:
        """Its graph without any numbers, for an input and classes that are left out if they are those it was made for.

        Raises ShapeError where a layer does not fit.
        """
        shape = input_shape or self.input_shape
        return Graph(self.layers(shape, classes or self.classes), shape, heads=self.heads)


_PHOTOGRAPHS, _CROPS, _CLASSES = (224, 224, 3), (227, 227, 3), 1000

ARCHITECTURES: dict[str, Architecture] = {
    "digits": Architecture(digits, (8, 8, 1), 10),
    "lenet": Architecture(lenet, (28, 28, 1), 10),
    "lenet-1998": Architecture(lenet_1998, (28, 28, 1), 10),
    "cifar-quick": Architecture(cifar_quick, (32, 32, 3), 10),
    "vgg-small": Architecture(vgg_small, (32, 32, 3), 10),
    "airbench94": Architecture(airbench94, (32, 32, 3), 10),
    **{
        f"resnet-{depth}": Architecture(cifar_resnet(depth), (32, 32, 3), 10)
        for depth in (20, 32, 44, 56, 110)
    },
    "alexnet": Architecture(alexnet, _CROPS, _CLASSES),
    "alexnet-2012": Architecture(alexnet_2012, _CROPS, _CLASSES),
    "caffenet": Architecture(caffenet, _CROPS, _CLASSES),
    "zfnet": Architecture(zfnet, _PHOTOGRAPHS, _CLASSES),
    "nin": Architecture(nin, _CROPS, _CLASSES),
    **{
        f"vgg-{depth}{ending}": Architecture(vgg(depth, norm=norm), _PHOTOGRAPHS, _CLASSES)
        for depth in VGGS
        for ending, norm in (("", False), ("-bn", True))
    },
    "googlenet": Architecture(_googlenet.googlenet, _PHOTOGRAPHS, _CLASSES, _googlenet.HEADS),
    **{f"resnet-{depth}": Architecture(resnet(depth), _PHOTOGRAPHS, _CLASSES) for depth in RESNETS},
    "squeezenet-1.0": Architecture(squeezenet_1_0, _CROPS, _CLASSES),
    "squeezenet-1.1": Architecture(squeezenet_1_1, _CROPS, _CLASSES),
    "mobilenet-v1": Architecture(mobilenet_v1, _PHOTOGRAPHS, _CLASSES),
    "efficientnet-lite0": Architecture(efficientnet_lite0, _PHOTOGRAPHS, _CLASSES),
}

OFFERED = (
    "digits",
    "lenet",
    "lenet-1998",
    "cifar-quick",
    "vgg-small",
    "airbench94",
    "resnet-20",
    "alexnet",
    "vgg-11-bn",
    "googlenet",
    "resnet-18",
    "squeezenet-1.1",
    "mobilenet-v1",
)
"""What is named where a network is to be chosen: of each family one that is quick to train."""
