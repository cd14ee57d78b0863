"""The matrix product that convolution and the dense layer are made of.

tile.py       a few rows times a panel or two of columns, in vector registers
blocks.py     a product of any size out of tiles, and how a matrix is packed into panels
transpose.py  vectors copied, and a matrix turned round
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
