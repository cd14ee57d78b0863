"""Runs a chain for a batch: each group of pictures is read from the batch's arrays, goes through all steps, and its
results are written back.

The steps of a chain are a table (S, COLUMNS) of whole numbers, each row the address of a step's function and its
arguments (products.py, pools.py, elements.py); `numbers` (S, 2) holds the arguments that are not whole. `arenas`
(slots, size) has a row for each group that is computed at the same time. Results do not depend on which thread computes
which group: the shares of a batch, and with them the order in which gradients are added, follow from the number of its
pictures alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compilation import jit
from ..parallel import in_parallel, share
from ..vectors import add, copy
from .calling import call
from .squares import normalise, turn
from .vectors import VECTOR_BYTES

COLUMNS = 28


@jit
def bring(arena: Any, images: Any, first: Any, places: Any, mean: Any, scale: Any, order: Any) -> None:
    """Reads pictures from `first` on into lanes, with the preprocessing of `ops.pixels`. places: offset of the first
    number, of the next row, room for a row.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    source, length = images.reshape(images.size), scale.size
    height = images.shape[1]
    count = min(lanes, images.shape[0] - first)
    at, row, room = places[0], places[1], places[2]
    if count < lanes:
        arena[room : room + length * lanes] = 0
    for h in range(height):
        begin = (first * height + h) * length
        if count == lanes and length >= lanes:
            for i in range(0, length, lanes):
                there = min(i, length - lanes)
                turn(arena, room + there * lanes, source, begin + there, height * length)
        else:
            for lane in range(count):
                for i in range(length):
                    arena[room + i * lanes + lane] = source[begin + lane * height * length + i]
        here = mean[h % mean.shape[0]]
        for i in range(length):
            normalise(arena, at + h * row + i * lanes, room + order[i] * lanes, here[i], scale[i])


@jit
def _through(
    arena: Any, weights: Any, gradients: Any, steps: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """Runs all steps of one group, in order."""
    for s in range(steps.shape[0]):
        call(steps[s, 0], (arena, weights, gradients, steps[s], numbers[s], random, first, adds))


@jit
def take_out(rows: Any, arena: Any, at: Any, first: Any) -> None:
    """rows (N,K) of the group's pictures = the vectors at `at`."""
    lanes = VECTOR_BYTES // arena.itemsize
    for lane in range(min(lanes, rows.shape[0] - first)):
        for k in range(rows.shape[1]):
            rows[first + lane, k] = arena[at + k * lanes + lane]


@jit
def put_in(arena: Any, at: Any, rows: Any, first: Any) -> None:
    """The vectors at `at` = rows (N,K) of the group's pictures; lanes without a picture become 0."""
    lanes = VECTOR_BYTES // arena.itemsize
    for lane in range(lanes):
        for k in range(rows.shape[1]):
            arena[at + k * lanes + lane] = rows[first + lane, k] if first + lane < rows.shape[0] else 0


@share
def _work(
    begin: Any, end: Any, shares: Any, learns: Any, losses: Any, d_scores: Any, scores: Any, images: Any, labels: Any,
    weights: Any, once: Any, once_numbers: Any, steps: Any, numbers: Any, back: Any, back_numbers: Any, random: Any, mean: Any,
    scale: Any, order: Any, places: Any, loss: Any, option: Any, factor: Any, arenas: Any, partials: Any,
) -> None:  # fmt: skip
    """Computes the shares begin .. end of a batch, one group after another."""
    lanes = VECTOR_BYTES // arenas.itemsize
    groups = (images.shape[0] + lanes - 1) // lanes
    _through(arenas[begin], weights, partials[0], once, once_numbers, random, np.intp(0), np.intp(0))
    for number in range(begin, end):
        part = np.intp(number)
        arena, partial = arenas[begin], partials[part if learns else 0]
        start = groups * part // shares
        for group in range(start, groups * (part + 1) // shares):
            first = np.intp(group * lanes)
            bring(arena, images, first, places, mean, scale, order)
            _through(arena, weights, partial, steps, numbers, random, first, np.intp(0))
            take_out(scores, arena, places[3], first)
            if not learns:
                continue
            last = np.uintp(min(first + lanes, images.shape[0]))
            call(loss, (np.uintp(first), last, losses, d_scores, scores, labels, option, factor))
            put_in(arena, places[4], d_scores, first)
            adds = np.intp(group != start)
            _through(arena, weights, partial, back, back_numbers, random, first, adds)
            own, there = arena[places[5] : places[5] + places[6]], partial[: places[6]]
            for i in range(own.size):
                there[i] = own[i] + there[i] if adds else own[i]


@share
def _add_up(begin: Any, end: Any, chunks: Any, shares: Any, gradient: Any, partials: Any, sums: Any) -> None:
    """Adds the shares' gradients, in order, for the chunks begin .. end of every parameter's rows."""
    for s in range(sums.shape[0]):
        target, rows, length, source, source_row = sums[s, 0], sums[s, 1], sums[s, 2], sums[s, 3], sums[s, 4]
        for row in range(rows * begin // chunks, rows * end // chunks):
            total = gradient[target + row * length : target + (row + 1) * length]
            at = source + row * source_row
            copy(total, partials[0, at : at + length])
            for other in range(1, shares):
                add(total, partials[other, at : at + length])


_CHUNKS = 64
"""The number of parts into which the gradients are divided among threads."""


@jit(parallel=True)
def run(
    shares: Any, learns: Any, gradient: Any, losses: Any, d_scores: Any, scores: Any, images: Any, labels: Any, weights: Any, once: Any,
    once_numbers: Any, steps: Any, numbers: Any, back: Any, back_numbers: Any, random: Any, mean: Any, scale: Any, order: Any, places: Any, loss: Any,
    option: Any, factor: Any, sums: Any, arenas: Any, partials: Any,
) -> None:  # fmt: skip
    """Computes scores (N,K) of pictures (N,H,W,C), which are divided into `shares`; if `learns`, also losses (N,),
    d_scores (N,K) and the gradient of all parameters.

    once, once_numbers: the steps that follow from the weights alone; steps, numbers: the forward steps; back, back_numbers: the backward steps. places (7,): those of `bring`, then the
    offsets of the scores, of their gradient and of a group's sums, and the number of sums. loss: the address of the
    loss, `option` its own number. sums (M,5): for each parameter its offset in `gradient`, rows, their length, its
    offset in a share's gradients, and the offset of the next row there.
    """
    in_parallel(
        _work, shares,
        (shares, learns, losses, d_scores, scores, images, labels, weights, once, once_numbers, steps, numbers, back,
         back_numbers, random, mean, scale, order, places, loss, option, factor, arenas, partials),
    )  # fmt: skip
    if learns:
        in_parallel(_add_up, _CHUNKS, (_CHUNKS, shares, gradient, partials, sums))
