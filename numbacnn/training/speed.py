"""How fast a network runs on this machine: whole training steps, and forward passes alone."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError, need_whole
from ..limits import need_memory
from ..network import Network
from ..program import Loss, Program
from .optimizers import SGD
from .step import program_of

_ROUNDS = 7


@dataclass(frozen=True)
class Speed:
    """Medians of several rounds."""

    train_images_per_second: float
    forward_images_per_second: float
    train_images_per_second_there: float | None
    """The same for pictures that lie on the device already; None on the CPU."""
    forward_images_per_second_there: float | None
    plan_bytes: int
    """Buffers of the training step."""


def measure_speed(network: Network, batch_size: int, *, seconds: float = 4.0) -> Speed:
    """Times forward, loss, backward and update, and forward alone, on pictures of noise, in turns.

    The network's parameters are trained on noise: give one that is not needed. Kernels are compiled before the first
    round. Raises UsageError for a batch size or a time that is not above 0.
    """
    need_whole("batch size", batch_size)
    if not 0 < seconds < math.inf:
        raise UsageError(f"{seconds} seconds: a number above 0 is expected")
    network.need_pictures()
    graph, loss = network.graph, Loss()
    optimizer = SGD(graph, momentum=0.9, weight_decay=5e-4)
    plan, forward_plan = (
        program_of(network, batch_size, learner=optimizer),
        Program(graph, batch_size, keep=(), workspace_bytes=network.workspace_bytes),
    )
    needed = batch_size * math.prod(network.input_shape)
    need_memory(
        plan.bytes + forward_plan.bytes + needed,
        f"measuring with {batch_size:,} pictures takes",
        by_pictures=True,
    )
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (batch_size, *network.input_shape), np.uint8)
    labels = generator.integers(0, network.classes, batch_size)

    def compute() -> None:
        plan.learn(loss)
        optimizer.update(plan.gradient, plan.learned)

    device = graph.device
    optimizer.set_rate(1e-5)
    step, forward_pass = device.recorded(compute), device.recorded(forward_plan.run_forward)
    device.write(plan.labels, labels)

    def train() -> None:
        plan.load(images)
        step()

    def forward() -> None:
        forward_plan.load(images)
        forward_pass()

    there = (step, forward_pass) if device.own_memory else ()
    passes: tuple[Callable[[], None], ...] = (train, forward, *there)
    for act in 2 * passes:
        act()
    share = seconds / (_ROUNDS * len(passes))
    repeats = [max(1, round(share / max(_time(act, 1, plan), 1e-6))) for act in passes]
    rounds = [
        [_time(act, count, plan) for act, count in zip(passes, repeats, strict=True)] for _ in range(_ROUNDS)
    ]
    trained, forwarded, *alone = (
        batch_size / statistics.median(column) for column in zip(*rounds, strict=True)
    )
    trained_there, forwarded_there = alone or (None, None)
    return Speed(trained, forwarded, trained_there, forwarded_there, plan.bytes)


def _time(act: Callable[[], None], count: int, plan: Program) -> float:
    """Seconds a call, the device's work included."""
    start = time.perf_counter()
    for _ in range(count):
        act()
    plan.device.read(plan.labels)  # waits
    return (time.perf_counter() - start) / count
