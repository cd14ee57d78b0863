"""A network that is given a board and a few words in place of pictures: written in TOML, trained, saved and loaded."""

from pathlib import Path

import numpy as np

import numbacnn
from numbacnn.architectures import build
from numbacnn.training import train_arrays

Path("board.toml").write_text(
    """
[layers]
board = { type = "planes", shape = [5, 5, 2] }
move = { type = "convolution", filters = 8, kernel = 3 }
bend = { type = "relu" }
moved = { type = "flatten" }
text = { type = "embedding", vocabulary = 11, size = 4, length = 6 }
heard = { type = "flatten" }
all = { type = "concatenate", inputs = ["moved", "heard"] }
scores = { type = "dense", outputs = 3 }
softmax = { type = "softmax" }
"""
)
network = build("board.toml", class_names=("neither", "one", "both"), seed=1)
drawn = np.random.default_rng(0)
given = {"board": drawn.standard_normal((300, 5, 5, 2)), "text": drawn.integers(0, 11, (300, 6))}
labels = (given["board"][:, 0, 0, 0] > 0).astype(int) + (given["text"][:, 0] > 5)
for epoch in train_arrays(network, labels, others=given, epochs=20, learning_rate=0.05):
    print(f"epoch {epoch.epoch}: {epoch.top1_error:.1%} wrong")
numbacnn.save("board.h5", network)
network = numbacnn.load("board.h5")
print(network)
answers = network.predict(others={name: rows[:3] for name, rows in given.items()})
print(answers.names)
