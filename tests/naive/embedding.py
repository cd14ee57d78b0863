"""Embeddings."""

from __future__ import annotations

import numpy as np


def embedding_backward(d_weights_shape, d_y, tokens):
    d_weights = np.zeros(d_weights_shape)
    for token, row in zip(tokens, d_y, strict=True):
        d_weights[token] += row
    return d_weights
