"""LeNet-5 (LeCun et al., 1998), with rectifiers as it is built today, and in its form of 1998."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import AveragePool, Convolution, Dense, Flatten, Layer, MaxPool, ReLU, Shape, Softmax, Tanh


def lenet(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Two 5x5 convolutions with max pooling, three fully connected layers, ReLU; made for 28x28x1."""
    return _lenet(input_shape, classes, ReLU, MaxPool)


def lenet_1998(input_shape: Shape, classes: int) -> list[LayerLine]:
    """The form of 1998: tanh and averages. Left out of it are the trained coefficients of the averages, the
    sparse table of connections in the second convolution, and the radial basis functions of the output.
    """
    return _lenet(input_shape, classes, Tanh, AveragePool)


def _lenet(
    input_shape: Shape, classes: int, activation: type[ReLU | Tanh], pool: type[MaxPool | AveragePool]
) -> list[LayerLine]:
    # The paper pads the 28x28 digits to 32x32; pictures that are 32x32 already need none.
    padding = 2 if min(input_shape[:2]) < 32 else 0
    layers: list[tuple[str, Layer]] = [
        ("conv1", Convolution(6, 5, padding=padding)),
        ("act1", activation()),
        ("pool1", pool(2)),
        ("conv2", Convolution(16, 5)),
        ("act2", activation()),
        ("pool2", pool(2)),
        ("flatten", Flatten()),
        ("dense3", Dense(120)),
        ("act3", activation()),
        ("dense4", Dense(84)),
        ("act4", activation()),
        ("dense5", Dense(classes)),
        ("softmax", Softmax()),
    ]
    name = activation.kind
    return [(line[0].replace("act", name), line[1]) for line in layers]
