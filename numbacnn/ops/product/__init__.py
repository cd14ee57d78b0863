"""The matrix product that convolution and the dense layer are made of.

tile.py     a few rows times one panel of columns, in vector registers
blocks.py   a product of any size out of tiles, and how a matrix is packed into panels
"""

from .blocks import add_product, multiply, pack, packed_size
from .tile import columns_of_panel

__all__ = ["add_product", "columns_of_panel", "multiply", "pack", "packed_size"]
