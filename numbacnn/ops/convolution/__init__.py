"""Convolution as a matrix product of image patches and filters (im2col).

forward            x (N,H,W,C), weights (R,S,C/G,K), bias (K) -> y (N,P,Q,K)
backward_input     d_y (N,P,Q,K), weights -> d_x (N,H,W,C)
backward_weights   x, d_y -> d_weights (R,S,C/G,K)
"""

from ..dense import work
from ..kernel import Kernel, by_device
from . import choice, cpu

workspace_size = by_device("convolution.workspace_size", cpu=cpu.workspace_size)
"""(device, then as in cpu.py) -> elements of workspace that the three ops need."""

choose = by_device("convolution.choose", cpu=choice.choose)
"""(device, then as in choice.py) -> the algorithm that "auto" stands for."""

forward = Kernel(
    "convolution.forward", work=lambda y, x, w, *_: work(y.size * w[..., 0].size), cpu=cpu.forward
)
backward_input = Kernel(
    "convolution.backward_input",
    work=lambda _, d_y, w, *__: work(d_y.size * w[..., 0].size),
    cpu=cpu.backward_input,
)
backward_weights = Kernel(
    "convolution.backward_weights",
    work=lambda w, x, d_y, *_: work(d_y.size * w[..., 0].size),
    cpu=cpu.backward_weights,
)
