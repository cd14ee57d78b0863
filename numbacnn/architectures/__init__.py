"""Networks by name, and from a TOML file that a user writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError, cut, nearest, need_whole
from ..graph import PIXELS, Graph
from ..layers import Pixels, Shape
from ..network import Network
from .choosing import DEFAULTS, input_shape_for, suitable
from .definition import read_definition
from .named import ARCHITECTURES, OFFERED, Architecture

__all__ = [
    "ARCHITECTURES",
    "DEFAULTS",
    "OFFERED",
    "Architecture",
    "build",
    "input_shape_for",
    "read_definition",
    "suitable",
]


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
    too. Raises UsageError for an unknown name, numbers that cannot be meant or another number of classes than a file's,
    NetworkError or ShapeError for layers that cannot be built.
    """
    if classes is not None:
        need_whole("classes", classes, 2)
    if input_shape is not None:
        if len(input_shape) != 3:
            raise UsageError(f"input shape {cut(input_shape)}: height, width and channels are expected")
        for size in input_shape:
            need_whole("input shape", size)
    if str(name).endswith(".toml"):
        definition = read_definition(Path(name))
        made_for = Architecture(
            lambda *_: definition.layers, definition.input_shape, definition.classes, definition.heads
        )
        needed = classes or len(class_names) or made_for.classes
        if needed != made_for.classes:
            raise UsageError(f"{name} ends in {made_for.classes} classes, and {needed} are needed")
    elif name in ARCHITECTURES:
        made_for = ARCHITECTURES[str(name)]
    else:
        raise UsageError(f"unknown network '{name}'{nearest(str(name), ARCHITECTURES)}; or give a .toml file")
    if input_shape and not made_for.input_shape:
        raise UsageError(f"input shape {cut(input_shape)}: {name} takes no pictures")
    shape = input_shape or made_for.input_shape
    if classes is None:
        classes = len(class_names) or made_for.classes
    layers = made_for.layers(shape, classes)
    if pixels is not None and not layers[0][1].is_input:  # a file may have its own
        layers = [(PIXELS, pixels), *layers]
    network = Network(Graph(layers, shape, heads=made_for.heads), class_names)
    if initialise is not None:
        network.initialise(initialise, seed)
    return network
