"""A classifier of 32x32 pictures slides over one of 64x64: a row of probabilities for every place it fits in."""

import numpy as np

from numbacnn import architectures
from numbacnn.program import Program

network = architectures.build("cifar-quick", seed=1)
large = network.graph.at(64, 64)
for name in ("pixels", "pool3", "softmax"):
    print(f"{name}: {network.graph.shapes[name]} -> {large.shapes[name]}")

picture = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
probabilities = Program(large, 1).forward(picture)[0]
print("likeliest class at every place:")
print(probabilities.argmax(axis=-1))
