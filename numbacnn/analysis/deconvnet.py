"""What excites a unit, and which pixels did it (Zeiler and Fergus, 2013, section 2.1 and figure 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, UsageError
from ..layers import ELU, Convolution, Dense, LeakyReLU, PReLU, Ramp, ReLU, Sigmoid, Tanh
from ..network import Images, Network
from .receptive_field import Box, receptive_field

OUTSIDE = 128
"""The grey of a patch where it reaches beyond the picture; reconstructions are 0 there."""


@dataclass(frozen=True)
class Strongest:
    """Each unit's strongest activations, best first; every array but `units` is (units, count).

    `images` are indices in the order in which the pictures came; rows and columns of flat units are 0.
    """

    node: str
    units: Any
    images: Any
    rows: Any
    columns: Any
    values: Any


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


def activation_of(network: Network, node: str) -> str:
    """The node whose output shows what a layer's units do: of a convolution or dense layer, its activation."""
    graph = network.graph
    elementwise = (ReLU, LeakyReLU, PReLU, ELU, Sigmoid, Tanh, Ramp)
    readers = graph.readers()[graph[node].name]
    if isinstance(graph[node].layer, (Convolution, Dense)) and len(readers) == 1:
        if isinstance(graph[readers[0]].layer, elementwise):
            return readers[0]
    return node


def strongest(
    network: Network, batches: Iterable[Any], node: str, units: Any = None, count: int = 9
) -> Strongest:
    """The `count` strongest activations of each unit over pictures that stream by, at most one a picture.

    `batches` are pictures, or (pictures, labels) as `Split.batches` yields them. Units are channels of a
    volume or elements of a flat output, by default all. Of equal values the first counts: the earlier picture,
    then the upper row, then the column further left.
    Raises NetworkError for an unknown node, UsageError for an unknown unit, DataError if no picture comes.
    """
    node = activation_of(network, node)
    shape = network.graph.shapes[node]
    units = _checked_units(np.arange(shape[-1]) if units is None else np.atleast_1d(units), node, shape)
    best: list[Any] = []
    seen = 0
    for batch in batches:
        images = network.as_images(batch[0] if isinstance(batch, tuple) else batch)
        plan = network.plan(len(images), "none")
        plan.forward(images)
        maps = plan.output(node)[..., units].reshape(len(images), -1, len(units))
        places = maps.argmax(axis=1)
        values = np.take_along_axis(maps, places[:, None], axis=1)[:, 0]
        pictures = np.broadcast_to(np.arange(seen, seen + len(images))[:, None], places.shape)
        found = [values.T, pictures.T, places.T]
        best = [np.concatenate(pair, axis=1) for pair in zip(best, found, strict=True)] if best else found
        # The sort is stable and pictures come in order, so the earlier of two equals stays in front.
        order = np.argsort(-best[0], axis=1, kind="stable")[:, :count]
        best = [np.take_along_axis(kept, order, axis=1) for kept in best]
        seen += len(images)
    if not best:
        raise DataError("no pictures to look for strong activations in")
    width = shape[1] if len(shape) == 3 else 1
    return Strongest(node, units, best[1], best[2] // width, best[2] % width, best[0])


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

    Picture n keeps its activation of `units[n]` at row and column `positions[n]` (one unit or place stands for
    all of them), every other is set to 0, and the backward pass undoes the layers: filters transposed, pools by
    their switches, rectifiers by `rule`. A flat unit's position does not matter.
    Raises NetworkError for an unknown node, UsageError for an unknown unit, place or rule.
    """
    images = network.as_images(images)
    node = activation_of(network, node)
    shape = network.graph.shapes[node]
    units = np.broadcast_to(_checked_units(np.asarray(units), node, shape), len(images))
    positions = np.broadcast_to(positions, (len(images), 2))
    wrong = (positions < 0) | (positions >= shape[:2]) if len(shape) == 3 else np.zeros((1, 2), bool)
    if wrong.any():
        place = tuple(positions[wrong.any(axis=1)][0].tolist())
        raise UsageError(f"place {place} of '{node}': its output has {shape[0]} rows and {shape[1]} columns")
    plan = network.plan(min(batch_size, len(images)), "input")
    walked = []
    for start in range(0, len(images), plan.batch_size):
        plan.forward(images[start : start + plan.batch_size])
        now = slice(start, start + plan.count)
        index = (np.arange(plan.count), units[now])
        if len(shape) == 3:
            index = (index[0], *positions[now].T, index[1])
        alone = np.zeros_like(plan.output(node))
        alone[index] = plan.output(node)[index]
        walked.append(plan.backward(node, alone, rule=rule).copy())
    return np.concatenate(walked)


def unit_patches(
    network: Network, read: Callable[[Any], Any], winners: Strongest, *, rule: str = "deconvnet"
) -> list[UnitPatches]:
    """Zeiler and Fergus' figure in arrays: each unit's winners as patches of pictures and as reconstructions.

    `read` gives the uint8 pictures of an array of indices (`Split.read`, or `images.__getitem__`). Patches of a
    layer are of one size: its receptive field, but no larger than the picture; what lies outside is OUTSIDE.
    """
    found = []
    for place, unit in enumerate(winners.units):
        indices, rows, columns = winners.images[place], winners.rows[place], winners.columns[place]
        images = network.as_images(read(indices))
        positions = np.stack([rows, columns], axis=1)
        walked = reconstruct(network, images, winners.node, int(unit), positions, rule=rule)
        frames = [_frame(network, winners.node, row, column) for row, column in positions.tolist()]
        found.append(
            UnitPatches(
                unit=int(unit),
                activations=winners.values[place],
                images=indices,
                rows=rows,
                columns=columns,
                boxes=[receptive_field(network, winners.node, *at) for at in positions.tolist()],
                patches=[_cut(image, frame, OUTSIDE) for image, frame in zip(images, frames, strict=True)],
                reconstructions=[_cut(image, frame, 0) for image, frame in zip(walked, frames, strict=True)],
            )
        )
    return found


def _checked_units(units: Any, node: str, shape: tuple[int, ...]) -> Any:
    wrong = (units < 0) | (units >= shape[-1])
    if wrong.any():
        raise UsageError(f"unit {units[wrong][0]} of '{node}': it has units 0 to {shape[-1] - 1}")
    return units


def _frame(network: Network, node: str, row: int, column: int) -> Box:
    """The receptive field where it would be without borders; along an axis that it covers, the whole picture."""
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
    cut[top - frame.top : bottom - frame.top, left - frame.left : right - frame.left] = image[top:bottom, left:right]
    return cut
