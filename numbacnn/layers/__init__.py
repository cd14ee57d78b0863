"""The lecture's bricks. A new one is a class in a file here and its name in LAYERS."""

from .activations import ELU, GELU, Clip, LeakyReLU, PReLU, Ramp, ReLU, ReLU6, Sigmoid, SiLU, Tanh
from .base import BufferSpec, Call, Layer, Mode, ParameterSpec, Prepared, Shape
from .convolution import Convolution
from .dense import Dense, Flatten
from .dropout import Dropout
from .enlarging import TransposedConvolution, Upsample
from .factor import Factor
from .inputs import Embedding, Planes
from .joins import Add, Concatenate, Multiply, Subsample
from .normalization import BatchNorm, LocalResponseNorm, Scale
from .pixels import Pixels
from .pooling import AveragePool, GlobalAveragePool, MaxPool, SumPool
from .softmax import Softmax

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (
        Pixels,
        Planes,
        Embedding,
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
        ReLU6,
        Clip,
        SiLU,
        GELU,
        BatchNorm,
        Scale,
        Factor,
        LocalResponseNorm,
        Flatten,
        Dense,
        Dropout,
        Softmax,
        Concatenate,
        Add,
        Multiply,
        Subsample,
        Upsample,
        TransposedConvolution,
    )
}
"""Stored name -> class."""

__all__ = [
    "ELU",
    "GELU",
    "LAYERS",
    "Add",
    "AveragePool",
    "BatchNorm",
    "BufferSpec",
    "Call",
    "Clip",
    "Concatenate",
    "Convolution",
    "Dense",
    "Dropout",
    "Embedding",
    "Factor",
    "Flatten",
    "GlobalAveragePool",
    "Layer",
    "LeakyReLU",
    "LocalResponseNorm",
    "MaxPool",
    "Mode",
    "Multiply",
    "PReLU",
    "ParameterSpec",
    "Pixels",
    "Planes",
    "Prepared",
    "Ramp",
    "ReLU",
    "ReLU6",
    "Scale",
    "Shape",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Subsample",
    "SumPool",
    "Tanh",
    "TransposedConvolution",
    "Upsample",
]
