"""The CUDA variants of the ops: for every file of ops/ one here of the same name, imported when a GPU is first used.

`Kernel("pooling.max_forward", ...)` finds its CUDA variant as the function `max_forward` of `ops.cuda.pooling`, with
the same parameters as the CPU's. A variant computes nothing itself: it works out the shapes and launches kernels.

Conventions of every kernel here
    Arrays reach a kernel flat (`toolchain.launch` sees to it) and sizes as uint32, so that an index is one 32-bit
    register: mixed with an int32 or a Python number it would become 64 bits wide and take four times the instructions.
    Numbers are float32; a bare 0.0 would be float64 (`toolchain.ZERO` and `ONE` are not).
    No float is added atomically: every sum is taken in an order that depends on shapes alone, so that two runs give
    the same bits.
    What depends on numba-cuda itself is in the files that toolchain.py names, and nowhere else.

elements.py, rows.py and reductions.py are what the light ops share: one thread an element, one block a picture, and sums
and maxima of a block in that order.
"""
