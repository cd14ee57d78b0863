"""Label-preserving changes of training pictures (lecture: data augmentation).

augment     pixels uint8 (N,H,W,C), top, left, flip (N,), colour (N,C), fill (C) -> x (N,P,Q,C) in [0,255]

Picture n's window of P x Q starts at row top_n, column left_n (what lies outside is read as `fill`), is
mirrored if flip_n, and colour_n is added to every pixel.
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .compilation import jit
from .kernel import Kernel


@jit(parallel=True)
def _augment_cpu(x: Any, pixels: Any, top: Any, left: Any, flip: Any, colour: Any, fill: Any) -> None:
    """x_nhw = clip(pixels_n,top+h,left+w' + colour_n), w' counted from the right where flipped; outside: fill."""
    height, width = pixels.shape[1], pixels.shape[2]
    for n in prange(x.shape[0]):
        for i in range(x.shape[1]):
            h = i + top[n]
            for j in range(x.shape[2]):
                w = left[n] + (x.shape[2] - 1 - j if flip[n] else j)
                for c in range(x.shape[3]):
                    if 0 <= h < height and 0 <= w < width:
                        x[n, i, j, c] = min(max(pixels[n, h, w, c] + colour[n, c], 0), 255)
                    else:
                        x[n, i, j, c] = fill[c]


augment = Kernel("augmentation.augment", cpu=_augment_cpu)
