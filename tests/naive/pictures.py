"""What happens to pictures before the first layer."""

from __future__ import annotations

import numpy as np


def pixels(x, mean, scale, order):
    lines = x.reshape(*x.shape[:2], -1)
    return ((lines[..., order] - mean) * scale).reshape(x.shape)


def pixels_backward(d_y, scale, order):
    d_x = np.zeros((*d_y.shape[:2], scale.size))
    d_x[..., order] = d_y.reshape(d_x.shape) * scale
    return d_x.reshape(d_y.shape)


def augment(shape, images, top, left, flip, colour, fill):
    x = np.zeros(shape)
    for n, i, j in np.ndindex(shape[:3]):
        h, w = top[n] + i, left[n] + (shape[2] - 1 - j if flip[n] else j)
        inside = 0 <= h < images.shape[1] and 0 <= w < images.shape[2]
        x[n, i, j] = np.clip(images[n, h, w] + colour[n], 0, 255) if inside else fill
    return x


def distort(shape, images, points, thickness, fill):
    """In whole numbers, as the op is."""
    images, points, fill = (array.astype(int) for array in (images, points, fill))
    y = np.zeros(shape, np.uint8)
    count, height, width, _ = shape
    steps = 65536 * (points.shape[1] - 1)

    def pixel(n, row, column, c):
        total = 0
        for i, j in np.ndindex(2, 2):
            h, w = row // 256 + i, column // 256 + j
            inside = 0 <= h < height and 0 <= w < width
            share = (row % 256 if i else 256 - row % 256) * (column % 256 if j else 256 - column % 256)
            total += share * (images[n, h, w, c] if inside else fill[c])
        return total

    for n, i, j in np.ndindex(count, height, width):
        down, right = i * steps // max(height - 1, 1), j * steps // max(width - 1, 1)
        a, b = (min(place // 65536, points.shape[1] - 2) for place in (down, right))
        down, right = down - 65536 * a, right - 65536 * b
        corners = points[n, a : a + 2, b : b + 2]
        across = corners[:, 0] * (65536 - right) + corners[:, 1] * right
        row, column = (across[0] * (65536 - down) + across[1] * down + 2**31) // 2**32
        for c in range(shape[3]):
            value = pixel(n, row, column, c)
            around = [
                value,
                *(
                    pixel(n, row + 256 * r, column + 256 * s, c)
                    for r, s in ((0, 1), (0, -1), (1, 0), (-1, 0))
                ),
            ]
            extreme = max(around) if thickness[n] > 0 else min(around)
            value += (extreme - value) * abs(int(thickness[n])) // 256
            y[n, i, j, c] = (value + 32768) // 65536
    return y
