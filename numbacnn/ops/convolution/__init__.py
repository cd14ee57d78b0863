"""Convolution as a matrix product of image patches and filters (im2col).

forward            x (N,H,W,C), weights (R,S,C/G,K), bias (K) -> y (N,P,Q,K)
backward_input     d_y (N,P,Q,K), weights -> d_x (N,H,W,C)
backward_weights   x, d_y -> d_weights (R,S,C/G,K)
"""

from ..kernel import Kernel
from . import cpu

forward = Kernel("convolution.forward", cpu=cpu.forward)
backward_input = Kernel("convolution.backward_input", cpu=cpu.backward_input)
backward_weights = Kernel("convolution.backward_weights", cpu=cpu.backward_weights)
