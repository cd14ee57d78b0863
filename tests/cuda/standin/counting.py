"""What the host asks of the driver, counted: prints one JSON object."""

from __future__ import annotations

import ctypes
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

from numbacnn.device import get_device
from numbacnn.network import Network
from numbacnn.ops.cuda import toolchain
from numbacnn.ops.cuda.gpu import CUDA
from numbacnn.program import Loss, Program
from numbacnn.training.loop import Trainer

from . import LIBRARY
from .run import SETTINGS, STEPS, dataset, graph

COUNTED = (
    "launch_calls",
    "graph_launches",
    "captures",
    "copies_in",
    "pinned_copies_in",
    "copies_out",
    "waits",
)


def calls_of(act: Callable[[], Any]) -> dict[str, int]:
    """What an act adds to each of COUNTED."""
    driver = ctypes.CDLL(LIBRARY)

    def count() -> list[int]:
        return [driver.standin_count(name.encode()) for name in COUNTED]

    before = count()
    act()
    return {name: now - then for name, now, then in zip(COUNTED, count(), before, strict=True)}


def launches() -> dict[str, Any]:
    """A pass whose launches are written down, where nothing is recorded as a graph."""
    network = graph()
    network.move(get_device("cuda"))
    network.initialise("he", 1)
    with patch.object(CUDA, "recorded", lambda device, act: act):
        plan = Program(network, 4)
        images = np.random.default_rng(0).integers(0, 256, (4, *network.input_shape), np.uint8)
        first = np.array(plan.forward(images))
        (run,) = plan._passes.values()
        with patch.object(toolchain, "prepared", lambda *_: 1 / 0):
            counted = calls_of(plan.run_forward)
        same = np.array_equal(plan.output(), first)
    return {"written": len(run._act.__self__), **counted, "same": same}


def kernels_of_a_step() -> list[list[str]]:
    """The kernels of each node in a step of training but the update, in their order."""
    network = graph()
    network.move(get_device("cuda"))
    network.initialise("he", 1)
    plan = Program(network, 4, gradients="parameters", keep=())
    return [[step.node, *plan.launches_of(step).names] for step in plan.training_steps(Loss())]


def passes() -> dict[str, Any]:
    """Forward and back over a batch of bytes, again and again: what the fourth time takes, and whether all gave the same."""
    network = graph()
    network.move(get_device("cuda"))
    network.initialise("he", 1)
    plan = Program(network, 4, gradients="input")
    images = np.random.default_rng(0).integers(0, 256, (4, *network.input_shape), np.uint8)
    labels = np.array([0, 1, 2, 0])

    def act() -> None:
        scores = np.array(plan.forward(images))
        gradient = plan.backward_loss(labels, Loss())
        found.append((scores.tobytes(), np.array(gradient).tobytes()))

    found: list[tuple[bytes, bytes]] = []
    for _ in range(3):
        act()
    return {**calls_of(act), "different": len(set(found))}


def steps() -> list[dict[str, int]]:
    """What each step of an epoch takes, once all of them are recorded."""
    network = graph()
    network.initialise("he", 1)
    pictures = dataset()
    settings = dataclasses.replace(SETTINGS, epochs=3)
    trainer = Trainer(Network(network, pictures.class_names, device="cuda"), pictures, settings)
    found: list[dict[str, int]] = []
    inner = trainer._epoch

    def epoch(batches: Any) -> Iterator[Any]:
        found.clear()
        events = inner(batches)
        for _ in range(STEPS):
            told: list[Any] = []
            found.append(calls_of(lambda into=told: into.append(next(events))))
            yield from told

    with patch.object(trainer, "_epoch", epoch):
        for _ in trainer:
            pass
    return found


if __name__ == "__main__":
    print(
        json.dumps(
            {"launches": launches(), "kernels": kernels_of_a_step(), "passes": passes(), "steps": steps()}
        )
    )
