"""Convolutions and dense layers."""

from __future__ import annotations

import numpy as np

from naive.windows import cells


def channels_of(k, weights, groups):
    """The input channels that filter k sees: its group's share."""
    group, depth = k // (weights.shape[3] // groups), weights.shape[2]
    return slice(group * depth, (group + 1) * depth)


def convolution(x, weights, bias, window, groups):
    """y_npqk = b_k + sum over r, s, c of x_nhwc weights_rsck."""
    y = np.zeros((len(x), *window.output_size(*x.shape[1:3]), weights.shape[3]))
    for p, q, k in np.ndindex(y.shape[1:]):
        channels = channels_of(k, weights, groups)
        y[:, p, q, k] = bias[k]
        for r, s, h, w in cells(window, p, q, x.shape):
            y[:, p, q, k] += x[:, h, w, channels] @ weights[r, s, :, k]
    return y


def convolution_backward_input(d_y, weights, window, groups, shape):
    """d_x_nhwc = the sum of d_y_npqk weights_rsck over every place that (h, w) has in a window."""
    d_x = np.zeros(shape)
    for p, q, k in np.ndindex(d_y.shape[1:]):
        channels = channels_of(k, weights, groups)
        for r, s, h, w in cells(window, p, q, shape):
            d_x[:, h, w, channels] += np.outer(d_y[:, p, q, k], weights[r, s, :, k])
    return d_x


def convolution_backward_weights(x, d_y, window, groups, shape):
    """d_weights_rsck = the sum of d_y_npqk x_nhwc over all pictures and positions."""
    d_weights = np.zeros(shape)
    for p, q, k in np.ndindex(d_y.shape[1:]):
        channels = channels_of(k, d_weights, groups)
        for r, s, h, w in cells(window, p, q, x.shape):
            d_weights[r, s, :, k] += d_y[:, p, q, k] @ x[:, h, w, channels]
    return d_weights


def dense(x, weights, bias):
    """y = x W + b."""
    return x @ weights + bias


def packed(matrix, width):
    """Panels of `width` columns of a matrix (depth, columns), one after the other, the last filled with zeros."""
    depth, columns = matrix.shape
    whole = np.zeros((depth, -(-columns // width) * width))
    whole[:, :columns] = matrix
    return whole.reshape(depth, -1, width).swapaxes(0, 1).ravel()


def unpacked(panels, depth, columns, width):
    """The matrix that was `packed`."""
    whole = panels[: depth * -(-columns // width) * width].reshape(-1, depth, width)
    return whole.swapaxes(0, 1).reshape(depth, -1)[:, :columns]
