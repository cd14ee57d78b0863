"""Pictures made larger and smaller."""

from __future__ import annotations

import numpy as np


def upsampling_shares(size, scale, smooth):
    """(outputs, cells): how much of each cell is in each output along an axis."""
    shares = np.zeros((size * scale, size))
    for p in range(size * scale):
        at = min(max((p + 0.5) / scale - 0.5, 0), size - 1) if smooth else p // scale
        for cell in range(size):
            shares[p, cell] = max(0, 1 - abs(at - cell))
    return shares


def upsample(x, scale, smooth):
    down, across = (upsampling_shares(size, scale, smooth) for size in x.shape[1:3])
    return np.einsum("ph,qw,nhwc->npqc", down, across, x)


def upsample_backward(d_y, scale, smooth):
    down, across = (upsampling_shares(size // scale, scale, smooth) for size in d_y.shape[1:3])
    return np.einsum("ph,qw,npqc->nhwc", down, across, d_y)


def subsample(x, shape, stride, first):
    y = np.zeros(shape)
    y[..., first : first + x.shape[3]] = x[:, ::stride, ::stride]
    return y


def subsample_backward(d_y, shape, stride, first):
    d_x = np.zeros(shape)
    d_x[:, ::stride, ::stride] = d_y[..., first : first + shape[3]]
    return d_x
