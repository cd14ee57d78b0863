"""The matrix product that convolutions and dense layers are: C = A B, a tile of C a block of threads.

tile.py       how much of C a block takes
plan.py       which tile a product takes, and into how many parts its sums are cut: by a model of the time
loaders.py    where the parts of A and B that a block needs are: of a plain matrix
kernel.py     the kernel, whatever multiplies
core.py       what multiplies: ffma.py in float32, tensor_cores.py in tf32 and bf16; precision.py: which of them
registers.py  how parts come into shared memory: by way of registers
launching.py  what ops call
combine.py    partial sums added in their order
division.py   division by a number that all threads share
"""
