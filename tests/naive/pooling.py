"""Pools."""

from __future__ import annotations

import numpy as np

from naive.windows import cells, counted


def max_pool(x, window, positions):
    """y = the largest cell under the window, and which it was: r*S + s, the first where several are equal."""
    y = np.full((len(x), *positions, x.shape[3]), -np.inf)
    switches = np.zeros(y.shape, int)
    for n, p, q, c in np.ndindex(y.shape):
        for r, s, h, w in cells(window, p, q, x.shape):
            if x[n, h, w, c] > y[n, p, q, c]:
                y[n, p, q, c], switches[n, p, q, c] = x[n, h, w, c], r * window.kernel[1] + s
    return y, switches


def max_pool_backward(d_y, switches, window, shape):
    """Every d_y goes back to the cell that won."""
    d_x = np.zeros(shape)
    for n, p, q, c in np.ndindex(d_y.shape):
        for r, s, h, w in cells(window, p, q, shape):
            if switches[n, p, q, c] == r * window.kernel[1] + s:
                d_x[n, h, w, c] += d_y[n, p, q, c]
    return d_x


def sum_pool(x, window, divisor, positions):
    """y = the sum under the window, or its average."""
    y = np.zeros((len(x), *positions, x.shape[3]))
    for p, q in np.ndindex(y.shape[1:3]):
        total = sum(x[:, h, w] for _, _, h, w in cells(window, p, q, x.shape))
        y[:, p, q] = total / counted(window, p, q, x.shape, divisor)
    return y


def sum_pool_backward(d_y, window, divisor, shape):
    """Every d_y goes back to all cells under its window, shared out if it was an average."""
    d_x = np.zeros(shape)
    for p, q in np.ndindex(d_y.shape[1:3]):
        for _, _, h, w in cells(window, p, q, shape):
            d_x[:, h, w] += d_y[:, p, q] / counted(window, p, q, shape, divisor)
    return d_x
