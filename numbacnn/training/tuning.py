"""The products of a network's training step laid out on a GPU as they are fastest there."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..errors import UsageError, need_whole
from ..measured import MeasuredProduct
from ..network import Network
from ..program import Loss, Program


def tune(network: Network, batch_size: int, *, seconds: float = 4.0) -> Iterator[MeasuredProduct]:
    """Measures the products of a training step with so many pictures, in the network's precision on its device, in about `seconds`
    beside compiling; yields each one when it is done. `Device.keep_tuned` takes what was found into use.

    Raises UsageError for a batch size or a time that is not above 0, and for a network that is not on a GPU.
    """
    need_whole("batch size", batch_size)
    if not 0 < seconds < math.inf:
        raise UsageError(f"{seconds} seconds: a number above 0 is expected")
    network.need_pictures()
    graph, loss = network.graph, Loss()
    plan = Program(
        graph, batch_size, gradients="parameters", keep=(), workspace_bytes=network.workspace_bytes
    )
    generator = np.random.default_rng(0)

    def launch() -> None:
        plan.load(generator.integers(0, 256, (batch_size, *network.input_shape), np.uint8))
        graph.device.write(plan.labels, generator.integers(0, network.classes, batch_size))
        for step in plan.training_steps(loss):
            plan.launches_of(
                step
            ).run()  # on numbers as they are in training: a GPU is slower on noise than on zeros

    return graph.device.tune(launch, seconds)
