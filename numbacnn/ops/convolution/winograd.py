"""3x3 and 5x5 convolutions of stride 1 with fewer multiplications than their definition has (Lavin and Gray, 2015).

An image is cut into tiles of m x m outputs and the inputs under them, m + r - 1 ("extent") each way for filters of
r x r: F(2, 3), F(4, 3), F(2, 5) and F(4, 5) are known. Transformed tiles (V), transformed filters (U) and their products (M)
have one matrix for each of extent^2 positions in a tile:

forward            M = V U, position by position; y is M transformed back
backward_input     the same, of d_y and the mirrored filters
backward_weights   D = V' W, W the transformed tiles of d_y; d_weights is D transformed back (winograd_sums.py)
"""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from ..parallel import parallel
from ..product import PANELS, ROWS, prefetch
from ..product.whole_tiles import STEPS, multiply_whole
from .added import store_sum
from .gather import gather_share
from .tile_pool import WINDOW, largest_of_window
from .tiles import ALIGN, blocks_of, is_far, packed_size, tiles_of
from .transforms import filters, inputs, outputs


def convolve(
    y: Any, x: Any, weights: Any, bias: Any, slope: Any, padding: Any, size: int, workspace: Any
) -> None:
    """y (N,P,Q,K) = f(x (N,H,W,C) * weights (R,R,C,K) + bias), f(v) = v above 0, else slope v.

    padding is what lies above and left of x.
    """
    taps, channels, all_filters = weights.shape[0], x.shape[3], y.shape[3]
    cut = blocks_of(tiles_of(y.shape, size), channels, all_filters, size, taps, workspace.size)
    for first in range(0, all_filters, cut.filters):
        several = min(cut.filters, all_filters - first)
        u = workspace[: packed_size(channels, several, size, taps)]
        transform(u, weights.reshape(-1), weights.shape, size, first, several)
        sizes = size, taps, cut, first, several
        _with(y, x, u, bias, slope, (sizes, several, 0, 0), padding, workspace[u.size :])


def convolve_packed(
    y: Any,
    x: Any,
    u: Any,
    bias: Any,
    added: Any,
    slope: Any,
    target: int,
    padding: Any,
    size: int,
    taps: int,
    workspace: Any,
) -> None:
    """`convolve` with filters that are transformed already, to the channels from `target` on of y (N,P,Q,…), or with `added`
    (N,P,Q,K) to a residual sum: f(x * weights + bias + added).
    """
    tiles, all_filters = tiles_of(y.shape, size), bias.size
    cut = blocks_of(tiles, x.shape[3], all_filters, size, taps, workspace.size, packed=True)
    for first in range(0, all_filters, cut.filters):
        several = min(cut.filters, all_filters - first)
        sizes = size, taps, cut, first, several
        manner = sizes, all_filters, first, target
        _with(y, x, u, bias, slope, manner, padding, workspace, added=added)


def convolve_pooled(
    y: Any,
    x: Any,
    u: Any,
    bias: Any,
    slope: Any,
    pool_slope: Any,
    maps: tuple[int, int],
    padding: Any,
    size: int,
    taps: int,
    workspace: Any,
) -> None:
    """y (N,P/2,Q/2,K) = the maxima of 2x2 cells of what `convolve_packed` computes, `maps` (P, Q), times pool_slope where negative."""
    tiles = tiles_of((len(y), *maps), size)
    cut = blocks_of(tiles, x.shape[3], bias.size, size, taps, workspace.size, packed=True)
    for first in range(0, bias.size, cut.filters):
        several = min(cut.filters, bias.size - first)
        sizes = size, taps, cut, first, several
        manner = sizes, bias.size, first, 0
        _with(y, x, u, bias, slope, manner, padding, workspace, maps, pool_slope)


def _with(
    y: Any,
    x: Any,
    u: Any,
    bias: Any,
    slope: Any,
    manner: tuple[Any, ...],
    padding: Any,
    workspace: Any,
    maps: tuple[int, int] | None = None,
    pool_slope: float = 1.0,
    added: Any = None,
) -> None:
    (size, taps, cut, first, several), filters, at, target = manner
    pools = maps is not None
    tall, wide = y.shape[1:3] if maps is None else maps
    numbers = size, size + taps - 1, taps, *cut[1:4], first, several, cut.shares, filters, at, target
    adds = added is not None
    every = *numbers, tall, wide, int(pools), int(adds), int(is_far(x.shape[3], filters))
    terms = (added.reshape(-1),) if adds else ()
    _convolve_blocks(y, x, u, bias, terms, slope, padding, every, pool_slope, workspace)


def transform(u: Any, weights: Any, shape: tuple[int, ...], size: int, first: int, filters: int) -> None:
    """u = filters first .. first+filters of weights (flat; R,R,C,K is its shape), transformed."""
    _transform_filters(u, weights, (size + shape[0] - 1, shape[0], shape[3], first, filters))


@jit
def place_of(tile: Any, rows: Any, cells: Any, size: Any) -> Any:
    """(picture, first output row, first output column) of a tile."""
    across = (cells + size - 1) // size
    down = (rows + size - 1) // size
    return tile // (across * down), tile // across % down * size, tile % across * size


@jit(inline=True)
def next_place(n: Any, p: Any, q: Any, rows: Any, cells: Any, size: Any) -> Any:
    """The place of the tile after the one at (n, p, q), without dividing."""
    q += size
    if q >= cells:
        q = 0
        p += size
        if p >= rows:
            p = 0
            n += 1
    return n, p, q


@parallel(lambda u, weights, sizes: sizes[4] * weights.itemsize // 64)
def _transform_filters(begin: Any, end: Any, u: Any, weights: Any, sizes: Any) -> None:
    extent, taps, all_filters, first, several = sizes
    channels, width = weights.size // (taps * taps * all_filters), 64 // weights.itemsize
    plane, own = channels * all_filters, channels * several + ALIGN
    for panel in range(begin, end):
        if panel == 0:
            for position in range(extent * extent):
                u[(position + 1) * own - ALIGN : (position + 1) * own] = 0
        for c in range(channels):
            target, source = (panel * channels + c) * width, c * all_filters + first + panel * width
            places = target, extent * own, own, source, taps * plane, plane
            filters(u, weights, (*places, extent, taps))


@parallel(lambda *arguments: arguments[7][4])  # workers
def _convolve_blocks(
    start: Any,
    stop: Any,
    y: Any,
    x: Any,
    u: Any,
    bias: Any,
    added: Any,
    slope: Any,
    padding: Any,
    sizes: Any,
    pool_slope: Any,
    workspace: Any,
) -> None:
    for worker in range(start, stop):
        size, extent, taps, block, workers, blocks, first, several, shares = sizes[:9]
        filters_of_u, at, goal_first, tall, wide, pools, adds, far = sizes[9:]
        count, line = y.shape[0], y.shape[3]
        channels, positions, width = x.shape[3], extent * extent, 64 // y.itemsize
        together = PANELS * width
        tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
        lines, own_filters = (tiles + ROWS - 1) // ROWS, several // shares
        plane, v_apart, m_apart = (
            channels * filters_of_u + ALIGN,
            block * channels + ALIGN,
            block * own_filters + ALIGN,
        )
        m_at = positions * v_apart
        cells_at = m_at + positions * m_apart
        result_at = cells_at + positions * channels
        own = workspace[worker * (result_at + size * size * ALIGN) :]
        v, m, cells, result = own[:m_at], own[m_at:cells_at], own[cells_at:result_at], own[result_at:]
        source, flat = x.reshape(x.size), y.reshape(y.size)
        tasks, transformed = blocks * shares, -1
        for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
            index, filter_at = task // shares, task % shares * own_filters
            from_u = (at + filter_at) * channels
            begin = lines * index // blocks * ROWS
            taken = min(lines * (index + 1) // blocks * ROWS, tiles) - begin
            n, p, q = place_of(begin, tall, wide, size)
            for t in range(taken if index != transformed else 0):
                corner, goal = (n, p - padding[0], q - padding[1]), (t * channels, v_apart)
                transform_inputs(v, goal, cells, source, x.shape[1:], corner, extent, 0, channels)
                n, p, q = next_place(n, p, q, tall, wide, size)
            transformed = index
            heights, across = (taken + ROWS - 1) // ROWS, (own_filters + together - 1) // together
            # The next position's tiles are fetched too, some of them before each product.
            share = (taken * channels // width // (heights * across) + 1) * width if far else 0
            for position in range(positions):
                next_v, next_u = (position + 1) * v_apart, (position + 1) * plane + from_u
                for k in range(0, own_filters, together):
                    here = position * plane + from_u + k * channels
                    ahead = here + together * channels if k + together < own_filters else next_u
                    for i in range(0, taken, ROWS):
                        for place in range(next_v, next_v + share, width):
                            prefetch(v, place)
                        multiply_whole(
                            m, position * m_apart + i * own_filters + k, own_filters,
                            v, position * v_apart + i * channels, channels,
                            u, here, channels, min(PANELS, (own_filters - k) // width),
                            ahead, far and i < STEPS * ROWS,
                        )  # fmt: skip
                        ahead += channels // STEPS * width
                        next_v += share
            n, p, q = place_of(begin, tall, wide, size)
            for t in range(taken):
                whole = p + size <= tall and q + size <= wide and not pools
                row = wide * line
                for k in range(0, own_filters, width):
                    filter_now = first + filter_at + k
                    here = ((n * tall + p) * wide + q) * line + goal_first + filter_now
                    target = (here, row, line) if whole else (0, size * width, width)
                    places = *target, t * own_filters + k, extent * m_apart, m_apart
                    share = slope if whole or not adds else 1.0
                    outputs(
                        flat if whole else result, m, (*places, extent, taps), bias, filter_now, share, added, whole and adds
                    )  # fmt: skip
                    if whole:
                        continue
                    if pools:
                        for i in range(0, min(size, tall - p) - 1, WINDOW):
                            here = (
                                (n * y.shape[1] + (p + i) // WINDOW) * y.shape[2] + q // WINDOW
                            ) * line + filter_now
                            for j in range(min(size, wide - q) // WINDOW):
                                corner = (i * size + WINDOW * j) * width
                                largest_of_window(
                                    flat, here + j * line, result, corner, size * width, width, pool_slope
                                )
                        continue
                    for i in range(min(size, tall - p)):
                        for j in range(min(size, wide - q)):
                            cell, found = here + i * row + j * line, (i * size + j) * width
                            store_sum(flat, cell, result, found, added, slope)
                n, p, q = next_place(n, p, q, tall, wide, size)


@jit
def transform_inputs(
    v: Any,
    goal: Any,
    cells: Any,
    x: Any,
    volume: Any,
    corner: Any,
    extent: Any,
    first: Any,
    taken: Any,
) -> None:
    """Channels first .. first+taken of the tile of x at `corner` (picture, row, column), to goal = (where in v, from one
    position to the next); a tile that reaches beyond the border is copied to `cells` first.
    """
    height, width, channels = volume
    n, top, left = corner
    inside = top >= 0 and left >= 0 and top + extent <= height and left + extent <= width
    at = ((n * height + top) * width + left) * channels + first if inside else 0
    row, cell = (width * channels, channels) if inside else (extent * taken, taken)
    if not inside:
        gather_share(cells, x, volume, corner, (extent, extent), first, taken)
    for c in range(0, taken, 64 // x.itemsize):
        target = goal[0] + c, extent * goal[1], goal[1]
        inputs(v, x if inside else cells, (*target, at + c, row, cell, extent, 0))
