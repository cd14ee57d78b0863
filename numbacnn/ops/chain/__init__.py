"""Kernels that run a small network as a whole, with pictures in the lanes of vectors.

vectors.py    vectors as wide as the processor's, in LLVM
tiles.py      register tiles: a few output places times a few channels
cells.py      windows of pools, for all channels
transforms.py Winograd's matrices applied to rows of a volume, and the sums between them
products.py   convolutions and dense layers of a group of pictures, forward and backward
winograd.py   convolutions of stride 1 in training, in Winograd's way along the rows
pools.py      pools, activations and dropout, forward and backward
groups.py     a batch as groups: in, through the steps of a chain, out; the sum of the groups' gradients
"""
