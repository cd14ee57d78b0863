"""The matrix product that convolutions and dense layers are: C = A B, a tile of C a block of threads.

tile.py       how much of C a block takes, and which tile suits a product
loaders.py    how the parts of A and B that a block needs are read: a plain matrix
ffma.py       the float32 kernel
combine.py    partial sums added in their order
division.py   division by a number that all threads share
"""
