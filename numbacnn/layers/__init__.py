"""The lecture's bricks. A new one is a class in a file here and its name in LAYERS."""

from .activations import ELU, LeakyReLU, PReLU, Ramp, ReLU, Sigmoid, Tanh
from .base import BufferSpec, Call, Layer, Mode, ParameterSpec, Prepared, Shape
from .convolution import Convolution
from .dense import Dense, Flatten
from .dropout import Dropout
from .inputs import Embedding, Planes
from .joins import Add, Concatenate
from .normalization import BatchNorm
from .pixels import Pixels
from .pooling import AveragePool, GlobalAveragePool, MaxPool, SumPool
from .softmax import Softmax

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (
        Pixels,
        Convolution,
        MaxPool,
        SumPool,
        AveragePool,
        GlobalAveragePool,
        ReLU,
        LeakyReLU,
        PReLU,
        ELU,
        Sigmoid,
        Tanh,
        Ramp,
        BatchNorm,
        Flatten,
        Dense,
        Dropout,
        Softmax,
        Concatenate,
        Add,
    )
}
"""Stored name -> class. `Planes` and `Embedding` belong to graphs made in Python: a stored network takes pictures."""

__all__ = [
    "ELU",
    "LAYERS",
    "Add",
    "AveragePool",
    "BatchNorm",
    "BufferSpec",
    "Call",
    "Concatenate",
    "Convolution",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool",
    "Layer",
    "LeakyReLU",
    "MaxPool",
    "Mode",
    "PReLU",
    "ParameterSpec",
    "Pixels",
    "Planes",
    "Prepared",
    "Ramp",
    "ReLU",
    "Shape",
    "Sigmoid",
    "Softmax",
    "SumPool",
    "Tanh",
]
