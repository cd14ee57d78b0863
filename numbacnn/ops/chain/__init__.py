"""A small network whole: pictures as lanes of vectors.

vectors.py    vectors as wide as the processor's, in LLVM
tiles.py      products: some places times some channels, whose sums stay in registers
cells.py      pools: the channels of a window
products.py   convolutions and dense layers of a group of pictures, forward and back
pools.py      pools, activations and dropout likewise
groups.py     a batch as groups: in, through the steps of a chain, out; the sum of the groups' gradients
"""
