"""The matrix product (GEMM) that convolutions and dense layers are made of.

tile.py       the micro-kernel: a few rows times one or two panels of columns, in vector registers
panels.py     matrices packed into panels, as micro-kernels read them
blocks.py     products of any size out of micro-kernels
transpose.py  copies of vectors, and transposition
"""

from .blocks import multiply, multiply_turned, multiply_workspace, zeros
from .panels import pack, pack_panel, packed_size
from .tile import PANELS, ROWS, columns_of_panel, columns_of_tile, multiply_tile, splat
from .transpose import copy_panel, prefetch, transpose

__all__ = [
    "PANELS",
    "ROWS",
    "columns_of_panel",
    "columns_of_tile",
    "copy_panel",
    "multiply",
    "multiply_tile",
    "multiply_turned",
    "multiply_workspace",
    "pack",
    "pack_panel",
    "packed_size",
    "prefetch",
    "splat",
    "transpose",
    "zeros",
]
