"""Convolution as a matrix product of image patches and filters (im2col).

forward            x (N,H,W,C), weights (R,S,C/G,K), bias (K) -> y (N,P,Q,K)
pack               weights -> packed (packed_size), the form in which products take them (CPU alone)
forward_packed     x, packed, bias (K) -> K channels of y (N,P,Q,…), from the channel `first` on: all, or a share of a
                   concatenation; with `added` (N,P,Q,K) a residual sum (CPU alone)
forward_pooled     the same with the pool behind it -> y (N,P,Q,K), the pool's output (CPU alone)
backward_input     d_y (N,P,Q,K), weights -> d_x (N,H,W,C)
backward_weights   x, d_y -> d_weights (R,S,C/G,K)
backward_parameters  x, d_y -> d_weights (R,S,C/G,K) and d_bias (K), which a GPU sums in one pass over d_y
"""

import math

from ..dense import work
from ..kernel import Kernel, by_device
from ..masking import masked
from ..pooling.rows import MAXIMUM as MAXIMUM
from . import choice, cpu, packing, pooled

workspace_size = by_device("convolution.workspace_size", cpu=cpu.workspace_size)
"""(device, then as in cpu.py) -> elements of workspace that the products need; the bias gradient needs `dense.workspace_size`."""

choose = by_device("convolution.choose", cpu=choice.choose)
"""(device, then as in choice.py) -> the algorithm that "auto" stands for."""

packed_size = packing.packed_size
"""(channels, filters, window, groups, algorithm) -> elements that `pack` fills; 0 where filters are read as they are."""

suits_sum = choice.suits_sum
"""Which convolutions `forward_packed` computes with a residual sum; as in choice.py."""

suits_pool, pooled_size = pooled.suits, pooled.workspace_size
"""Which convolutions `forward_pooled` computes, and the workspace that it needs; as in pooled.py."""

forward = Kernel(
    "convolution.forward", work=lambda y, x, w, *_: work(y.size * w[..., 0].size), cpu=cpu.forward
)
backward_input = Kernel(
    "convolution.backward_input",
    work=lambda _, d_y, w, *__: work(d_y.size * w[..., 0].size),
    cpu=cpu.backward_input,
)
backward_input_masked = masked(backward_input)
backward_weights = Kernel(
    "convolution.backward_weights",
    work=lambda w, x, d_y, *_: work(d_y.size * w[..., 0].size),
    cpu=cpu.backward_weights,
)
backward_parameters = Kernel(
    "convolution.backward_parameters",
    work=lambda w, _, x, d_y, *__: work(d_y.size * w[..., 0].size),
    outputs=2,
    cpu=cpu.backward_parameters,
)
pack = Kernel("convolution.pack", cpu_only=True, cpu=packing.pack)
forward_packed = Kernel(
    "convolution.forward_packed",
    work=lambda y, x, packed, bias, *_: work(y.size // y.shape[3] * packed.size),
    cpu_only=True,
    cpu=cpu.forward_packed,
)
forward_pooled = Kernel(
    "convolution.forward_pooled",
    work=lambda y, x, packed, bias, slope, window, *_: work(
        len(x) * math.prod(window.output_size(*x.shape[1:3])) * packed.size
    ),
    cpu_only=True,
    cpu=pooled.forward,
)
