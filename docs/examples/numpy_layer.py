"""A layer of one's own, written in NumPy: it is called in every pass. It runs on the CPU."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, Layer, Softmax
from numbacnn.program import Loss, Program


@dataclass
class Softsign(Layer):
    """y = x / (1 + |x|), f'(x) = 1 / (1 + |x|)^2."""

    kind: ClassVar[str] = "softsign"

    def forward(self, call):
        call.output[...] = call.input / (1 + np.abs(call.input))

    def backward_input(self, call, d_output, *d_inputs):
        d_inputs[0][...] = d_output / (1 + np.abs(call.input)) ** 2


graph = Graph(
    [
        ("conv1", Convolution(4, 3)),
        ("bend", Softsign()),
        ("flat", Flatten()),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ],
    (8, 8, 1),
)
graph.initialise(seed=1)
program = Program(graph, 2, gradients="parameters")
for brightness in (1, 5):
    pictures = np.full((2, 8, 8, 1), brightness, np.uint8)
    print(f"pixels of {brightness}:", program.forward(pictures, training=True)[0])
program.backward_loss(np.array([0, 1]), Loss())
print("gradient below the layer:", np.linalg.norm(program.gradients["conv1"]["weights"]))
