"""What excites a unit, and which pixels did it (Zeiler and Fergus, 2013, section 2.1 and figure 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError, need_whole
from ..network import Images, Network
from .receptive_field import Box, receptive_field
from .room import pictures_at_a_time
from .strongest import Strongest, activation_of, checked_units

OUTSIDE = 128
"""The grey of a patch where it reaches beyond the picture; reconstructions are 0 there."""


@dataclass(frozen=True)
class UnitPatches:
    """One unit's strongest activations, and the pixels behind them.

    `patches` (h,w,C) uint8 are cut from the pictures, `reconstructions` (h,w,C) float32 from the walk back,
    both to the unit's receptive field; `boxes` are its visible parts, in the pixels of each picture.
    """

    unit: int
    activations: Any
    images: Any
    rows: Any
    columns: Any
    boxes: list[Box]
    patches: list[Any]
    reconstructions: list[Any]


def reconstruct(
    network: Network,
    images: Images,
    node: str,
    units: Any,
    positions: Any = (0, 0),
    *,
    rule: str = "deconvnet",
    batch_size: int = 64,
) -> Any:
    """One activation of each picture walked back to its pixels: (N,H,W,C) float32.

    Picture n keeps its activation of `units[n]` at row and column `positions[n]` (one unit or place stands
    for all of them), every other is set to 0, and the backward pass undoes the layers: filters transposed,
    pools by their switches, rectifiers by `rule`. A flat unit's position does not matter.
    Raises UsageError for an unknown node, unit, place or rule.
    """
    images = network.as_images(images)
    node = activation_of(network, node)
    shape = network.graph.shapes[node]
    units = _of_each(checked_units(units, node, shape), "units", (len(images),))
    positions = _of_each(np.asarray(positions), "positions", (len(images), 2))
    wrong = (positions < 0) | (positions >= shape[:2]) if len(shape) == 3 else np.zeros((1, 2), bool)
    if wrong.any():
        place = tuple(positions[wrong.any(axis=1)][0].tolist())
        raise UsageError(f"place {place} of '{node}': its output has {shape[0]} rows and {shape[1]} columns")
    plan = network.program_for(len(images), batch_size, "input", (node,))
    walked = []
    for start in range(0, len(images), plan.batch_size):
        plan.forward(images[start : start + plan.batch_size])
        now = slice(start, start + plan.count)
        index = (np.arange(plan.count), units[now])
        if len(shape) == 3:
            index = (index[0], *positions[now].T, index[1])
        alone = np.zeros_like(plan.output(node))
        alone[index] = plan.output(node)[index]
        walked.append(np.array(plan.backward(node, alone, rule=rule)))
    return np.concatenate(walked)


def _of_each(given: Any, name: str, shape: tuple[int, ...]) -> Any:
    """One for every picture, or one that stands for all. Raises UsageError for another number, or no whole numbers."""
    if given.dtype.kind not in "iu" or given.shape not in (shape, shape[1:]):
        raise UsageError(
            f"{name} of {given.dtype}, shape {given.shape}: whole numbers {shape} or {shape[1:]} are expected"
        )
    return np.broadcast_to(given, shape)


def unit_patches(
    network: Network,
    read: Callable[[Any], Any],
    winners: Strongest,
    *,
    rule: str = "deconvnet",
    batch_size: int | None = None,
) -> Iterator[UnitPatches]:
    """Zeiler and Fergus' figure in arrays, unit by unit: its winners' patches and their reconstructions.

    `read` gives the uint8 pictures of an array of indices (`Split.read`, or `images.__getitem__`). Patches of
    a layer are of one size: its receptive field, but no larger than the picture. What lies outside the
    picture is OUTSIDE. `batch_size` is how many pictures are taken at a time, by default as many as `pictures_at_a_time`
    says.
    """
    if batch_size is None:
        batch_size = pictures_at_a_time(network, "input", (winners.node,))
    need_whole("batch size", batch_size)
    node, count = winners.node, winners.images.shape[1]
    together = max(batch_size // count, 1)
    for first in range(0, len(winners.units), together):
        group = slice(first, first + together)
        places = np.stack([winners.rows[group], winners.columns[group]], axis=2)
        images = network.as_images(read(winners.images[group].ravel()))
        units = np.repeat(winners.units[group], count)
        walked = reconstruct(
            network, images, node, units, places.reshape(-1, 2), rule=rule, batch_size=batch_size
        )
        for index, spots in enumerate(places.tolist()):
            of_unit = slice(index * count, (index + 1) * count)
            frames = [_frame(network, node, *spot) for spot in spots]
            yield UnitPatches(
                unit=int(winners.units[first + index]),
                activations=winners.values[first + index],
                images=winners.images[first + index],
                rows=winners.rows[first + index],
                columns=winners.columns[first + index],
                boxes=[receptive_field(network, node, *spot) for spot in spots],
                patches=[_cut(*pair, OUTSIDE) for pair in zip(images[of_unit], frames, strict=True)],
                reconstructions=[_cut(*pair, 0) for pair in zip(walked[of_unit], frames, strict=True)],
            )


def _frame(network: Network, node: str, row: int, column: int) -> Box:
    """The receptive field as it would be without borders; along an axis that it covers, the whole picture."""
    height, width, _ = network.input_shape
    field = receptive_field(network, node, row, column, clipped=False)
    if field.bottom - field.top >= height:
        field = field._replace(top=0, bottom=height)
    if field.right - field.left >= width:
        field = field._replace(left=0, right=width)
    return field


def _cut(image: Any, frame: Box, outside: float) -> Any:
    height, width, channels = image.shape
    cut = np.full((frame.bottom - frame.top, frame.right - frame.left, channels), outside, image.dtype)
    top, left = max(frame.top, 0), max(frame.left, 0)
    bottom, right = min(frame.bottom, height), min(frame.right, width)
    visible = cut[top - frame.top : bottom - frame.top, left - frame.left : right - frame.left]
    visible[...] = image[top:bottom, left:right]
    return cut
