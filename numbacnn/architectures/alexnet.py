"""AlexNet as the lecture presents it (Krizhevsky et al., 2012, in one stream, without response normalisation)."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import Convolution, Dense, Dropout, Flatten, MaxPool, ReLU, Shape, Softmax


def alexnet(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Five convolutional and three fully connected layers; made for 227x227x3 and 1000 classes."""
    return [
        ("conv1", Convolution(96, 11, stride=4)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(3, stride=2)),
        ("conv2", Convolution(256, 5, padding=2)),
        ("relu2", ReLU()),
        ("pool2", MaxPool(3, stride=2)),
        ("conv3", Convolution(384, 3, padding=1)),
        ("relu3", ReLU()),
        ("conv4", Convolution(384, 3, padding=1)),
        ("relu4", ReLU()),
        ("conv5", Convolution(256, 3, padding=1)),
        ("relu5", ReLU()),
        ("pool5", MaxPool(3, stride=2)),
        ("flatten", Flatten()),
        ("dense6", Dense(4096)),
        ("relu6", ReLU()),
        ("dropout6", Dropout(0.5)),
        ("dense7", Dense(4096)),
        ("relu7", ReLU()),
        ("dropout7", Dropout(0.5)),
        ("dense8", Dense(classes)),
        ("softmax", Softmax()),
    ]
