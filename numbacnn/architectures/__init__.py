"""Networks by name, and from a TOML file that a user writes.

A new network is a file here, or a function in one, and its line in ARCHITECTURES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import NetworkError, nearest
from ..graph import PIXELS, Graph, LayerLine
from ..layers import Pixels, Shape
from ..network import Network
from .alexnet import alexnet
from .cifar_quick import cifar_quick
from .definition import read_definition
from .digits import digits
from .lenet import lenet, lenet_1998
from .vgg_small import vgg_small

__all__ = ["ARCHITECTURES", "Architecture", "build", "read_definition"]


@dataclass(frozen=True)
class Architecture:
    """A named network: its layers after the pixels, and the pictures and classes it was made for."""

    layers: Callable[[Shape, int], list[LayerLine]]
    input_shape: Shape
    classes: int


ARCHITECTURES: dict[str, Architecture] = {
    "lenet": Architecture(lenet, (28, 28, 1), 10),
    "lenet-1998": Architecture(lenet_1998, (28, 28, 1), 10),
    "alexnet": Architecture(alexnet, (227, 227, 3), 1000),
    "cifar-quick": Architecture(cifar_quick, (32, 32, 3), 10),
    "vgg-small": Architecture(vgg_small, (32, 32, 3), 10),
    "digits": Architecture(digits, (8, 8, 1), 10),
}


def build(
    name: str | Path,
    *,
    input_shape: Shape | None = None,
    classes: int | None = None,
    class_names: Sequence[str] = (),
    pixels: Pixels | None = None,
    initialise: str | None = "he",
    seed: int = 0,
) -> Network:
    """A network with first values in its parameters; `name` is one of ARCHITECTURES or a .toml file.

    Shape and classes left out are those that the network was made for; with `initialise` None, weights are left out
    too. Raises NetworkError or ShapeError.
    """
    if str(name).endswith(".toml"):
        definition = read_definition(Path(name))
        made_for = Architecture(lambda *_: definition.layers, definition.input_shape, definition.classes)
        if classes not in (None, made_for.classes):
            raise NetworkError(f"{name} ends in {made_for.classes} classes, and {classes} are needed")
    elif name in ARCHITECTURES:
        made_for = ARCHITECTURES[str(name)]
    else:
        raise NetworkError(
            f"unknown network '{name}'{nearest(str(name), ARCHITECTURES)}; or give a .toml file"
        )
    shape = input_shape or made_for.input_shape
    if classes is None:
        classes = len(class_names) or made_for.classes
    layers = made_for.layers(shape, classes)
    if pixels is not None and not isinstance(layers[0][1], Pixels):  # a file may have its own
        layers = [(PIXELS, pixels), *layers]
    network = Network(Graph(layers, shape), class_names)
    if initialise is not None:
        network.initialise(initialise, seed)
    return network
