"""Sizes of ops that look at one element at a time."""

from __future__ import annotations

SIZES = {"one element": 1, "seven": 7, "a thousand and one": 1001}
ACTIVATION_LAYERS = {
    "lenet relu1": 64 * 28 * 28 * 6,
    "cifar-quick relu1": 64 * 16 * 16 * 32,
    "vgg-small relu1": 32 * 32 * 32 * 64,
    "alexnet relu1": 16 * 55 * 55 * 96,
}
