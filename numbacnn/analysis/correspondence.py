"""Whether a network knows which parts of objects correspond: hiding the same part of several pictures should change its
features alike (Zeiler and Fergus, 2013, section 4.4 and table 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError, UsageError, need_whole
from ..network import Images, Network
from .occlusion import occluded
from .receptive_field import Box
from .room import pictures_at_a_time
from .strongest import activation_of

Boxes = Sequence[Box]
"""What is hidden of each of N pictures."""


class Correspondence(NamedTuple):
    """One part hidden in all pictures. `differences` has, layer by layer, a number from 0 to 1 for each pair of pictures."""

    part: str | None
    """None: places at random."""
    boxes: Boxes
    differences: dict[str, Any]


def correspondence(
    network: Network, images: Images, boxes: Boxes, node: str, value: str | float = "grey"
) -> float:
    """How little the change that hiding a part makes agrees between pictures: 0 to 1, the lower the more alike.

    `boxes` hide the same part (the left eye, say) in each of N pictures. The measure is Zeiler and Fergus' Delta over the
    pairs of pictures and the layer's units: the share of units whose activation moves to different sides (sign of the
    difference), averaged over all pairs. Compare it with that of places at random. Raises UsageError for an unknown layer
    or fewer than two pictures, ShapeError if there is not a box a picture.
    """
    found = next(correspondences(network, images, {"": boxes}, [node], random=0, value=value))
    return float(next(iter(found.differences.values())).mean())


def correspondences(
    network: Network,
    images: Images,
    parts: Mapping[str, Boxes],
    nodes: Sequence[str],
    *,
    random: int = 10,
    seed: int = 0,
    value: str | float = "grey",
) -> Iterator[Correspondence]:
    """`correspondence` of several parts at several layers, pair by pair, and then of places at random, drawn `random` times.

    Each of the places drawn is as large as one of that picture's parts. Nodes are named by their activations, as in
    `activation_of`. Raises UsageError and ShapeError as `correspondence` does.
    """
    pictures = network.as_images(images)
    if len(pictures) < 2:
        raise UsageError("a correspondence is between pictures: two or more are expected")
    for boxes in parts.values():
        if len(boxes) != len(pictures):
            raise ShapeError(f"{len(boxes)} boxes for {len(pictures)} pictures: one a picture is expected")
    need_whole("random places", random, 0)
    layers = tuple(dict.fromkeys(activation_of(network, node) for node in nodes))
    before = _outputs(network, pictures, layers)
    named: list[tuple[str | None, Boxes]] = list(parts.items())
    named += [(None, _drawn(parts, len(pictures), network, seed, draw)) for draw in range(random)]
    for part, boxes in named:
        hidden = np.concatenate(
            [occluded(network, picture, [box], value) for picture, box in zip(pictures, boxes, strict=True)]
        )
        after = _outputs(network, hidden, layers)
        yield Correspondence(
            part,
            boxes,
            {layer: _differences(np.sign(before[layer] - after[layer])) for layer in layers},
        )


def _outputs(network: Network, images: Any, layers: tuple[str, ...]) -> dict[str, Any]:
    """Layer -> what it puts out, (N, units)."""
    plan = network.program_for(len(images), pictures_at_a_time(network, keep=layers), keep=layers)
    found: dict[str, list[Any]] = {layer: [] for layer in layers}
    for start in range(0, len(images), plan.batch_size):
        part = images[start : start + plan.batch_size]
        plan.forward(part)
        for layer in layers:
            found[layer].append(plan.output(layer).reshape(len(part), -1).copy())
    return {layer: np.concatenate(parts) for layer, parts in found.items()}


def _differences(signs: Any) -> Any:
    """For each pair of rows (N, units) the share of units whose signs differ: (N (N - 1) / 2)."""
    return np.array(
        [
            (signs[one] != signs[other]).mean()
            for one in range(len(signs))
            for other in range(one + 1, len(signs))
        ]
    )


def _drawn(parts: Mapping[str, Boxes], count: int, network: Network, seed: int, draw: int) -> list[Box]:
    """A place in each picture, as large as one of its parts."""
    height, width = network.input_shape[:2]
    generator = np.random.Generator(np.random.Philox(key=[seed, draw], counter=[4, 0, 0, 0]))
    sizes = list(parts.values())
    places = []
    for picture in range(count):
        box = sizes[int(generator.integers(len(sizes)))][picture]
        tall, wide = box.bottom - box.top, box.right - box.left
        top, left = (
            int(generator.integers(side - size + 1)) for side, size in ((height, tall), (width, wide))
        )
        places.append(Box(top, left, top + tall, left + wide))
    return places
