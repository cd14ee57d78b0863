"""A weight gradient as sums over all pixels of patches, read in place, times the outputs' gradients; see cut.py."""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from ..parallel import in_parallel, share
from ..product import PANELS, ROWS, columns_of_tile, multiply_tile, pack, zeros
from .cut import Terms, cut
from .patches import fill_strip, tile_at


def backward_weights(d_weights: Any, x: Any, d_y: Any, terms: Terms, groups: int, workspace: Any) -> None:
    """d_weights (R,S,C/G,K) of x (N,H,W,C) and d_y (N,P,Q,K)."""
    plan = cut(d_y.shape[:3], x.shape[3], d_y.shape[3], terms, groups)
    workers, together = plan.parts_at_a_time(workspace.size)
    numbers = (*plan.tile, *plan.strip, plan.tiles, workers, plan.parts, together, plan.slice)
    _backward_weights(
        d_weights.reshape(-1),
        x,
        d_y,
        terms,
        groups,
        plan.taps,
        plan.stretch,
        plan.rows,
        zeros(columns_of_tile(4), x.dtype),
        numbers,
        workspace,
    )


@share
def _sum_tiles(
    start: Any,
    stop: Any,
    sums: Any,
    x: Any,
    d_y: Any,
    terms: Any,
    groups: Any,
    taps: Any,
    stretch: Any,
    row_offsets: Any,
    none: Any,
    numbers: Any,
    first_part: Any,
    last_part: Any,
    workspace: Any,
) -> None:
    for worker in range(start, stop):
        pictures, taken, strip_rows, columns, picture, tiles, workers, parts, _, size = numbers
        count, rows, cells, all_filters = d_y.shape
        filters, channels = all_filters // groups, x.shape[3] // groups
        width, depth, step = 64 // d_y.itemsize, taps.size, terms[3] * x.shape[3]
        own = workspace[worker * size : (worker + 1) * size]
        strip, share = own[: pictures * picture], own[pictures * picture :]
        flat, source = d_y.reshape(d_y.size), x.reshape(x.size)
        for part in range(first_part + worker, last_part, workers):
            place = (part - first_part) * depth
            begin, end = tiles * part // parts, tiles * (part + 1) // parts
            for index in range(begin, end):
                n, several, p, height = tile_at(index, count, rows, pictures, taken)
                fill_strip(strip, source, x.shape[1:], n, several, p, terms, (strip_rows, columns, picture))
                first, length = (n * rows + p) * cells * all_filters, several * height * cells
                # Whole vectors are read, so the last filters of the last pixel have to be copied to where there is room.
                in_place = first + length * all_filters + width <= flat.size
                for group in range(groups):
                    if not in_place:
                        pack(share, flat, first + group * filters, all_filters, 1, length, filters)
                    for j in range(0, filters, PANELS * width):
                        panel = first + group * filters + j if in_place else j * length
                        if stretch < 2 * ROWS:
                            for i in range(0, depth, ROWS):
                                multiply_tile(
                                    sums, (place + i) * all_filters + group * filters + j, all_filters,
                                    strip, group * channels, taps, i, row_offsets, several * height, step,
                                    flat if in_place else share, panel, all_filters if in_place else width,
                                    width if in_place else length * width, cells, min(ROWS, depth - i), min(PANELS * width, filters - j), index > begin,
                                    none, 0, 1.0,
                                )  # fmt: skip
                            continue
                        for o in range(0, depth, stretch):
                            for i in range(0, stretch, ROWS):
                                multiply_tile(
                                    sums, (place + o + i) * all_filters + group * filters + j, all_filters,
                                    strip, group * channels + taps[o] + i, None, 0, row_offsets, several * height, step,
                                    flat if in_place else share, panel, all_filters if in_place else width,
                                    width if in_place else length * width, cells, min(ROWS, stretch - i), min(PANELS * width, filters - j), index > begin,
                                    none, 0, 1.0,
                                )  # fmt: skip


@share
def _add_sums(start: Any, stop: Any, d_weights: Any, sums: Any, begin: Any, end: Any) -> None:
    for i in range(start, stop):
        total = sums[i] if begin == 0 else d_weights[i] + sums[i]
        for part in range(1, end - begin):
            total += sums[part * d_weights.size + i]
        d_weights[i] = total


@jit(parallel=True)
def _backward_weights(
    d_weights: Any,
    x: Any,
    d_y: Any,
    terms: Any,
    groups: Any,
    taps: Any,
    stretch: Any,
    row_offsets: Any,
    none: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    workers, parts, together, size = numbers[6], numbers[7], numbers[8], d_weights.size
    sums = workspace[workers * numbers[9] :]
    for begin in range(0, parts, together):
        end = min(parts, begin + together)
        in_parallel(
            _sum_tiles,
            workers,
            (sums, x, d_y, terms, groups, taps, stretch, row_offsets, none, numbers, begin, end, workspace),
        )
        in_parallel(_add_sums, size, (d_weights, sums, begin, end))
