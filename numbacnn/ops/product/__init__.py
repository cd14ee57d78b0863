"""The matrix product that convolution and the dense layer are made of.

tile.py     a few rows times one panel of columns, in vector registers
blocks.py   a product of any size out of tiles, and how a matrix is packed into panels
"""

from .blocks import multiply, pack, packed_size
from .tile import ROWS, columns_of_panel, multiply_tile

__all__ = ["ROWS", "columns_of_panel", "multiply", "multiply_tile", "pack", "packed_size"]
