"""Where a window's cells lie."""

from __future__ import annotations


def places(window, p, q):
    """(r, s, h, w) of every cell under the window at output (p, q); h and w may lie in the padding."""
    for r in range(window.kernel[0]):
        for s in range(window.kernel[1]):
            h = p * window.stride[0] - window.padding.top + r * window.dilation[0]
            w = q * window.stride[1] - window.padding.left + s * window.dilation[1]
            yield r, s, h, w


def cells(window, p, q, volume):
    """The places that lie on the picture."""
    for r, s, h, w in places(window, p, q):
        if 0 <= h < volume[1] and 0 <= w < volume[2]:
            yield r, s, h, w


def counted(window, p, q, volume, divisor):
    """What a sum is divided by: 0 nothing, 1 the places on the picture and its padding, 2 those on the picture."""
    if divisor == 0:
        return 1
    if divisor == 2:
        return len(list(cells(window, p, q, volume)))
    bottom, right = volume[1] + window.padding.bottom, volume[2] + window.padding.right
    return sum(h < bottom and w < right for _, _, h, w in places(window, p, q))
