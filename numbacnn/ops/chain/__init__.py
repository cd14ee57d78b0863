"""Kernels that run a small network as a whole, with pictures in the lanes of vectors.

vectors.py    vectors as wide as the processor's, in LLVM
tiles.py      register tiles: a few output places times a few channels
cells.py      windows of pools, for all channels
products.py   convolutions and dense layers of a group of pictures, forward and backward
pools.py      pools, activations and dropout, forward and backward
groups.py     a batch as groups: in, through the steps of a chain, out; the sum of the groups' gradients
"""
