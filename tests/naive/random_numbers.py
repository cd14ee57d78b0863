"""Philox, and dropout's mask."""

from __future__ import annotations

import numpy as np


def philox(counter, stream, key):
    """Philox4x32-10 (Salmon et al., 2011, figure 2 and section 3.3) on Python's integers: four words."""
    low = 0xFFFFFFFF
    c = [counter & low, counter >> 32, stream & low, stream >> 32]
    k = [key & low, key >> 32]
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k[0], second & low, first >> 32 ^ c[3] ^ k[1], first & low]
        k = [(k[0] + 0x9E3779B9) & low, (k[1] + 0xBB67AE85) & low]
    return c


def dropout_mask(size, key, stream, probability):
    words = [word for group in range(-(-size // 4)) for word in philox(group, stream, key)]
    return np.array(words[:size]) / 2**32 >= probability
