"""The arrays that rows are made of. Called as `arrays.numbers`: a tool puts others in their place."""

from __future__ import annotations

import numpy as np


def numbers(generator, dtype, *shape):
    return generator.standard_normal(shape).astype(dtype)


def unwritten(dtype, *shape):
    return np.full(shape, np.nan, dtype)
