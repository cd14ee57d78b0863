"""Embeddings: shapes are (vocabulary, places, size)."""

from __future__ import annotations

import naive

from comparisons import arrays
from comparisons.rows import Comparison

EMBEDDINGS = {
    "one token": (1, 1, 1),
    "a vocabulary that few tokens name": (50, 7, 5),
    "all tokens many times": (3, 40, 33),
}


def embedding_forward(generator, dtype, shape):
    vocabulary, places, size = shape
    tokens = generator.integers(0, vocabulary, places)
    return [arrays.unwritten(dtype, places, size), tokens, arrays.numbers(generator, dtype, vocabulary, size)]


def embedding_backward(generator, dtype, shape):
    vocabulary, places, size = shape
    tokens = generator.integers(0, vocabulary, places)
    return [arrays.unwritten(dtype, vocabulary, size), arrays.numbers(generator, dtype, places, size), tokens]


ROWS: dict[str, Comparison] = {
    "embedding.forward": Comparison(
        embedding_forward,
        lambda y, tokens, weights: (weights[tokens],),
        EMBEDDINGS,
        {"64 captions": (10000, 64 * 20, 256)},
    ),
    "embedding.backward_weights": Comparison(
        embedding_backward,
        lambda d_weights, d_y, tokens: (naive.embedding_backward(d_weights.shape, d_y, tokens),),
        EMBEDDINGS,
        {"64 captions": (10000, 64 * 20, 256)},
    ),
}
