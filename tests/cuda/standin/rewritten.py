"""A residual network whose steps are rewritten as training has them, on the CPU and through the stand-in driver: prints as one
JSON object how far their gradients are apart and what the GPU's step does.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from numbacnn.device import get_device
from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    LeakyReLU,
    MaxPool,
    Pixels,
    ReLU,
    Softmax,
)
from numbacnn.program import Loss, Program

COUNT = 3


def graph() -> Graph:
    lines: list[tuple[Any, ...]] = [
        ("pixels", Pixels(mean=120.0, scale=1 / 60)),
        ("conv1", Convolution(8, 3, padding=1, bias=False)),
        ("bn1", BatchNorm()),
        ("relu1", ReLU()),
        ("conv2", Convolution(8, 3, padding=1, bias=False)),
        ("bn2", BatchNorm()),
        ("relu2", ReLU()),
        ("conv3", Convolution(8, 3, padding=1, bias=False)),
        ("bn3", BatchNorm()),
        ("sum", Add(), ("bn3", "relu1")),
        ("relu3", ReLU()),
        ("conv4", Convolution(8, 3, padding=1, bias=False), ("relu3",)),
        ("sum4", Add(), ("conv4", "relu3")),
        ("relu4", LeakyReLU()),
        ("pool", MaxPool(2, stride=2)),
        ("conv5", Convolution(12, 3, stride=2, padding=1, rounding="floor")),
        ("relu5", LeakyReLU()),
        ("conv6", Convolution(12, 1)),
        ("relu6", ReLU()),
        ("mean", GlobalAveragePool()),
        ("flat", Flatten()),
        ("dense", Dense(6)),
        ("relu7", ReLU()),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ]
    return Graph(lines, (6, 6, 3))


def step(device: str) -> tuple[dict[str, Any], list[str]]:
    """What a step of training leaves, and the ops of its passes."""
    network = graph()
    network.initialise("he", 1)
    network.move(get_device(device))
    plan = Program(network, COUNT, gradients="parameters", keep=())
    images = np.random.default_rng(0).integers(0, 256, (COUNT, *network.input_shape), np.uint8)
    scores = np.array(plan.forward(images, training=True))
    plan.backward_loss(np.array([0, 2, 1]), Loss())
    gradient = np.array(plan.device.read(plan.gradient))
    steps = [*plan._forward_steps(plan.scores), *plan._backward_steps((plan.scores,), 0)]
    ops = [step.kernel.name for step in steps if step.kernel is not None]
    return {"scores": scores, "gradient": gradient}, ops


def main() -> None:
    (expected, _), (found, ops) = step("cpu"), step("cuda")
    apart = {
        name: float(np.linalg.norm(found[name] - wanted) / np.linalg.norm(wanted))
        for name, wanted in expected.items()
    }
    print(json.dumps({"apart": apart, "ops": {name: ops.count(name) for name in ops}}))


if __name__ == "__main__":
    main()
