"""Pooling over each activation map on its own (lecture: max, sum, average and overlapping pooling).

max_forward        x (N,H,W,C), slope -> y (N,P,Q,C), switches (N,P,Q,C): which cell of the window won, r*S + s
max_backward       d_y, switches -> d_x: the gradient goes back to the winner alone (Zeiler and Fergus'
                   unpooling is this same walk)
sum_forward        x, slope -> y, the sum over the window, or its average
sum_backward       d_y -> d_x

What is below 0 in y is multiplied by `slope`, for a rectifier that follows (0: ReLU, 1: nothing changes).
Cells of the padding never win a maximum and count as zeros in a sum. A sum is divided by nothing (SUM), by the cells of the
window on the padded input (PADDED), as Caffe's average where a window hangs over the border, or by those on the picture
alone (INSIDE).

maximum.py     the two ops of maxima      cells.py    one window or cell, its channels as LLVM vectors
sums.py        the two ops of sums
"""

from ..kernel import Kernel
from . import maximum, sums
from .sums import INSIDE, PADDED, SUM

__all__ = ["INSIDE", "PADDED", "SUM", "max_backward", "max_forward", "sum_backward", "sum_forward"]

max_forward = Kernel("pooling.max_forward", outputs=2, work=lambda y, _, x, *__: x.size, cpu=maximum.forward)
max_backward = Kernel("pooling.max_backward", cpu=maximum.backward)
sum_forward = Kernel("pooling.sum_forward", work=lambda y, x, *_: x.size, cpu=sums.forward)
sum_backward = Kernel("pooling.sum_backward", cpu=sums.backward)
