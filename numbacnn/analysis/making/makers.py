"""Pictures of classes and units (Simonyan et al., 2014; Olah et al., 2017), and from features (Mahendran and Vedaldi, 2015)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import UsageError, nearest, need_whole
from ...network import Images, Network
from ..baselines import mean_colour
from ..strongest import activation_of
from .ascent import Ascent, Step
from .canvas import CANVASES, Canvas, FourierCanvas, PixelCanvas
from .objectives import Likeness, Units

CLASS = Ascent(steps=200, rate=0.03, zoom=0.2, l2=0.15, variation=0.1)
INVERSION = Ascent(steps=300, zoom=0.0, variation=0.3)


def class_pictures(
    network: Network,
    classes: Any,
    ascent: Ascent = CLASS,
    *,
    canvas: str = "fourier",
    margin: int | None = None,
) -> Iterator[Step]:
    """A picture for each class that has a large score before the softmax, after each step: (N,H,W,C).

    The canvas is `margin` pixels larger than the network's input on each side (None: a tenth of it), so far may the
    network's view move; the pictures are its middle. Raises DataError for classes that do not exist, UsageError for a canvas.
    """
    wanted = network.as_labels(classes, np.size(classes))
    return _made(network, Units(network, network.graph.scores, wanted), len(wanted), ascent, canvas, margin)


def unit_pictures(
    network: Network,
    layer: str,
    units: Any,
    ascent: Ascent = CLASS,
    *,
    place: tuple[int, int] | None = None,
    canvas: str = "fourier",
    margin: int | None = None,
) -> Iterator[Step]:
    """The same for channels of a layer (the mean of their maps, or one `place`), or flat units, before their activation.

    Raises UsageError for an unknown layer, unit or place.
    """
    chosen = Units(network, network.graph[layer].name, units, place)
    return _made(network, chosen, np.size(units), ascent, canvas, margin)


def _made(
    network: Network, objective: Units, count: int, ascent: Ascent, canvas: str, margin: int | None
) -> Iterator[Step]:
    height, width, channels = network.input_shape
    margin = max(min(height, width) // 10, 1) if margin is None else margin
    need_whole("margin", margin, 0, max(height, width))
    shape = (count, height + 2 * margin, width + 2 * margin, channels)
    for step in ascent.climb(network.graph, _canvas(canvas, shape, network, ascent.seed), objective):
        middle = step.pictures[:, margin : margin + height, margin : margin + width]
        yield step._replace(pictures=middle)


def _canvas(name: str, shape: tuple[int, int, int, int], network: Network, seed: int) -> Canvas:
    if name not in CANVASES:
        raise UsageError(f"canvas '{name}'{nearest(name, CANVASES)}")
    if name == "fourier":
        return FourierCanvas(shape, seed)
    generator = np.random.Generator(np.random.Philox(key=seed))
    return PixelCanvas(np.clip(mean_colour(network.graph) + 0.02 * generator.standard_normal(shape), 0, 1))


def inversions(
    network: Network, images: Images, layer: str, ascent: Ascent = INVERSION, *, canvas: str = "fourier"
) -> Iterator[Step]:
    """Pictures that a layer takes for `images`, from noise: (N,H,W,C) after each step.

    The values are minus the squared distance of the layer's outputs over their squared length. A convolution stands for the
    activation after it. Raises UsageError for an unknown layer.
    """
    images = network.as_images(images)
    node = activation_of(network, network.graph[layer].name)
    features = network.activations(images, node)
    drawn = _canvas(canvas, images.shape, network, ascent.seed)
    return replace(ascent, zoom=0.0).climb(network.graph, drawn, Likeness(node, features))
