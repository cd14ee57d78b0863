"""Counter-based random numbers: Philox4x32-10 (Salmon et al., 2011, "Parallel random numbers: as easy as
1, 2, 3"). The n-th number is a function of a key and n alone, so a mask is the same in any order, with any
number of threads, on any device, and in a resumed run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compilation import jit

_ROUNDS = 10
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_SHIFT, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


@jit(from_python=True)
def philox(counter: Any, stream: Any, key: Any) -> Any:
    """Returns four independent uint32 for a counter (uint64), a stream (uint64, the upper half of Philox's counter) and
    a key.
    """
    counter, stream, key = np.uint64(counter), np.uint64(stream), np.uint64(key)
    c0, c1 = np.uint32(counter & _LOW), np.uint32(counter >> _SHIFT)
    c2, c3 = np.uint32(stream & _LOW), np.uint32(stream >> _SHIFT)
    k0, k1 = np.uint32(key & _LOW), np.uint32(key >> _SHIFT)
    for _ in range(_ROUNDS):
        product_0, product_1 = _MULTIPLIER_0 * np.uint64(c0), _MULTIPLIER_1 * np.uint64(c2)
        high_0, low_0 = np.uint32(product_0 >> _SHIFT), np.uint32(product_0 & _LOW)
        high_1, low_1 = np.uint32(product_1 >> _SHIFT), np.uint32(product_1 & _LOW)
        c0, c1, c2, c3 = np.uint32(high_1 ^ c1 ^ k0), low_1, np.uint32(high_0 ^ c3 ^ k1), low_0
        k0, k1 = np.uint32(k0 + _WEYL_0), np.uint32(k1 + _WEYL_1)
    return c0, c1, c2, c3


@jit
def unit(word: Any) -> Any:
    """Returns a uint32 as float64 in [0, 1)."""
    return np.float64(word) * (1.0 / 4294967296.0)
