"""The arrays that rows are made of. Called as `arrays.numbers`: a tool puts others in their place."""

from __future__ import annotations

import numpy as np


def numbers(generator, dtype, *shape):
    return generator.standard_normal(shape).astype(dtype)


def unwritten(dtype, *shape):
    return np.full(shape, np.nan, dtype)


def panel_width(numbers):
    """Columns of a panel: 16 of float32, whose numbers are whole in it when the table has made float64 of them."""
    return 16 if (numbers == numbers.astype(np.float32)).all() else 8
