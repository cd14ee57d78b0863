"""The matrix product (GEMM) that convolutions and dense layers are made of.

tile.py       the micro-kernel: a few rows times one or two panels of columns, in vector registers
blocks.py     products of any size out of micro-kernels, and the packing of matrices into panels
transpose.py  copies of vectors, and transposition
"""

from .blocks import multiply, multiply_workers, multiply_workspace, pack, pack_panel, packed_size, zeros
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
    "multiply_workers",
    "multiply_workspace",
    "pack",
    "pack_panel",
    "packed_size",
    "prefetch",
    "splat",
    "transpose",
    "zeros",
]
