"""The matrix product (GEMM) that convolutions and dense layers are made of.

tile.py       the micro-kernel: a few rows times one or two panels of columns, in vector registers
whole_tiles.py  that without edges, which fetches what comes next meanwhile
panels.py     matrices packed into panels, as micro-kernels read them
streamed.py   products with a large packed matrix, as it comes from memory
blocks.py     products of any size out of micro-kernels
transpose.py  copies of vectors, and transposition
"""

from .blocks import multiply, multiply_turned, multiply_workspace, zeros
from .panels import pack, pack_panel, pack_panels, packed_size, panels_size
from .streamed import multiply_packed
from .tile import PANELS, ROWS, columns_of_panel, columns_of_tile, multiply_tile, splat
from .transpose import copy_panel, prefetch, transpose

__all__ = [
    "PANELS",
    "ROWS",
    "columns_of_panel",
    "columns_of_tile",
    "copy_panel",
    "multiply",
    "multiply_packed",
    "multiply_tile",
    "multiply_turned",
    "multiply_workspace",
    "pack",
    "pack_panel",
    "pack_panels",
    "packed_size",
    "panels_size",
    "prefetch",
    "splat",
    "transpose",
    "zeros",
]
