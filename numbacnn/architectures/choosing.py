"""Which of the named networks suit pictures of a size, and for which input each is built."""

from __future__ import annotations

from ..errors import ShapeError
from ..layers import Shape
from .named import ARCHITECTURES, OFFERED

DEFAULTS: dict[Shape, str] = {
    (8, 8, 1): "digits",
    (28, 28, 1): "lenet",
    (32, 32, 3): "cifar-quick",
    (227, 227, 3): "alexnet",
}
"""The network taken for pictures of a size, if none is named."""


def input_shape_for(name: str, image_shape: Shape, *, resize: bool = False) -> Shape:
    """The input (H,W,C) that a named network is built with for pictures (h,w,c).

    That is the pictures' size, but not more than what the network was made for; with `resize`, to which pictures are
    brought whatever their size, always that.
    """
    made_for = ARCHITECTURES[name].input_shape
    height, width, channels = image_shape
    if resize:
        return (*made_for[:2], channels)
    return (min(height, made_for[0]), min(width, made_for[1]), channels)


def suitable(image_shape: Shape, *, resize: bool = False) -> dict[str, Shape]:
    """The networks on offer that can be built for pictures (h,w,c), each with its input (H,W,C)."""
    found = {}
    for name in OFFERED:
        shape = input_shape_for(name, image_shape, resize=resize)
        try:
            ARCHITECTURES[name].graph(shape)
        except ShapeError:
            continue
        found[name] = shape
    return found
