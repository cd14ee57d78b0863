"""One convolution that is used twice: one set of weights, to which the gradients of both uses are added."""

import numpy as np

from numbacnn.graph import Graph
from numbacnn.layers import Concatenate, Convolution, Dense, Flatten, MaxPool, Softmax
from numbacnn.program import Loss, Program

filters = Convolution(4, 3, padding=1)
graph = Graph(
    [
        ("once", filters, ("pixels",)),
        ("small", MaxPool(2), ("pixels",)),
        ("again", filters),
        ("flat1", Flatten(), ("once",)),
        ("flat2", Flatten(), ("again",)),
        ("both", Concatenate(), ("flat1", "flat2")),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ],
    (8, 8, 1),
)
graph.initialise(seed=1)
print("parameters:", ", ".join(graph.parameters))

program = Program(graph, 5, gradients="parameters")
pictures = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
program.forward(pictures, training=True)
program.backward_loss(np.array([0, 1, 2, 0, 1]), Loss())
print("gradient of the shared filters:", np.linalg.norm(program.gradients["once"]["weights"]))
