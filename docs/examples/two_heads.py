"""An auxiliary classifier halfway up, as GoogLeNet has: its loss counts 0.3 and reaches the first layers sooner."""

from numbacnn import Dataset, Network, train
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, MaxPool, ReLU, Softmax
from numbacnn.training import preprocessing

digits = Dataset.open("digits")
graph = Graph(
    [
        ("pixels", preprocessing(digits)),
        ("conv1", Convolution(8, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(2)),
        ("conv2", Convolution(16, 3, padding=1)),
        ("relu2", ReLU()),
        ("aux flat", Flatten(), ("pool1",)),
        ("aux scores", Dense(10)),
        ("aux", Softmax()),
        ("flat", Flatten(), ("relu2",)),
        ("scores", Dense(10)),
        ("softmax", Softmax()),
    ],
    (8, 8, 1),
    heads={"aux": 0.3},
)
graph.initialise(seed=1)
network = Network(graph, digits.class_names)
*_, finished = train(network, digits, epochs=2, batch_size=64)
print(f"validation error of the network: {finished.best_error:.1%}")
probabilities = network.activations(digits.test.images[:100], "aux")
right = (probabilities.argmax(axis=1) == digits.test.labels[:100]).mean()
print(f"its auxiliary classifier is right about {right:.0%} of 100 test pictures")
