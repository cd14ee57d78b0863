"""Pooling over each feature map on its own (lecture: max, sum, average and overlapping pooling).

max_forward        x (N,H,W,C), slope -> y (N,P,Q,C), switches (N,P,Q,C): the number r*S + s of the cell that won
max_backward       d_y, switches -> d_x: the gradient goes to the winner alone (also Zeiler and Fergus' unpooling)
sum_forward        x, slope -> y, the sum over the window, or its average
sum_backward       d_y -> d_x

Negative y are multiplied by `slope`, for a rectifier that follows (0: ReLU, 1: no change). Cells of the padding never
win a maximum, and count as zeros in a sum. A sum is divided by nothing (SUM), by the window's cells on the padded input
(PADDED; as Caffe's average where a window overhangs the border), or by its cells on the picture (INSIDE).

maximum.py     the two ops of maxima      cells.py    one window or cell, its channels as LLVM vectors
sums.py        the two ops of sums                rows.py     a row of windows by vectors, without switches (values.py)
"""

from ..kernel import Kernel
from ..masking import masked
from . import maximum, sums
from .rows import INSIDE, PADDED, SUM

__all__ = [
    "INSIDE",
    "PADDED",
    "SUM",
    "max_backward",
    "max_backward_masked",
    "max_forward",
    "sum_backward",
    "sum_backward_masked",
    "sum_forward",
]

max_forward = Kernel("pooling.max_forward", outputs=2, work=lambda y, _, x, *__: x.size, cpu=maximum.forward)
max_backward = Kernel("pooling.max_backward", cpu=maximum.backward)
sum_forward = Kernel("pooling.sum_forward", work=lambda y, x, *_: x.size, cpu=sums.forward)
sum_backward = Kernel("pooling.sum_backward", cpu=sums.backward)
max_backward_masked, sum_backward_masked = masked(max_backward), masked(sum_backward)
