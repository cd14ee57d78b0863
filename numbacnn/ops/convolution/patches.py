"""A convolution as the product of its patches, read in place, and its packed filters; see cut.py."""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from ..parallel import parallel
from ..product import PANELS, ROWS, multiply_tile, packed_size
from .added import add_rows
from .cut import Terms, cut
from .gather import gather


def multiply(
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    added: Any,
    slope: float,
    first: int,
    terms: Terms,
    groups: int,
    workspace: Any,
) -> None:
    """Channels first .. first+K of y (N,P,Q,…) = f(x (N,H,W,C) * packed filters + bias (K) + added), `added` None or of the shape of y."""
    plan = cut(y.shape[:3], x.shape[3], bias.size, terms, groups)
    workers, adds = plan.workers(workspace.size), added is not None
    numbers = (*plan.tile, *plan.strip, plan.tiles, workers, first, plan.slice, int(adds))
    tables = plan.pixels, plan.stretches, plan.stretch
    terms_of_sum = (added if adds else y).reshape(-1)
    _multiply_tiles(y, x, packed, bias, terms_of_sum, slope, terms, groups, *tables, numbers, workspace)


@jit
def tile_at(index: Any, count: Any, rows: Any, pictures: Any, taken: Any) -> Any:
    """(first picture, pictures, first output row, rows) of a tile."""
    across = (rows + taken - 1) // taken
    first, row = index // across * pictures, index % across * taken
    return first, min(pictures, count - first), row, min(taken, rows - row)


@jit
def fill_strip(
    strip: Any, x: Any, volume: Any, first: Any, count: Any, row: Any, terms: Any, shape: Any
) -> None:
    """Copies what a tile sees of the input (flat), zeros where it is padding."""
    rows, columns, picture = shape
    top, left = row * terms[2] - terms[4], -terms[6]
    for n in range(count):
        gather(strip[n * picture : (n + 1) * picture], x, volume, first + n, top, left, rows, columns)


@parallel(lambda *arguments: arguments[11][6])  # workers
def _multiply_tiles(
    begin: Any,
    end: Any,
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    added: Any,
    slope: Any,
    terms: Any,
    groups: Any,
    pixels: Any,
    stretches: Any,
    stretch: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    for worker in range(begin, end):
        pictures, taken, strip_rows, columns, picture, tiles, workers, target, size, adds = numbers
        count, rows, cells, row = y.shape
        filters, channels = bias.size // groups, x.shape[3] // groups
        width = 64 // y.itemsize
        depth = stretches.size * stretch
        panels = packed_size(depth, filters, y.itemsize)
        strip = workspace[worker * size : (worker + 1) * size]
        flat, source = y.reshape(y.size), x.reshape(x.size)
        for index in range(tiles * worker // workers, tiles * (worker + 1) // workers):
            n, several, p, height = tile_at(index, count, rows, pictures, taken)
            fill_strip(strip, source, x.shape[1:], n, several, p, terms, (strip_rows, columns, picture))
            first, length = (n * rows + p) * cells * row + target, several * height * cells
            for group in range(groups):
                for j in range(0, filters, PANELS * width):
                    for i in range(0, length, ROWS):
                        here = first + i * row + group * filters + j
                        high, few = min(ROWS, length - i), min(PANELS * width, filters - j)
                        multiply_tile(
                            flat, here, row,
                            strip, group * channels, pixels, i, stretches, stretches.size, 1,
                            packed, group * panels + j * depth, width, depth * width,
                            stretch, high, few, False,
                            bias, group * filters + j, 1.0 if adds else slope,
                        )  # fmt: skip
                        if adds:
                            add_rows(flat, here, row, added, high, few, slope)
