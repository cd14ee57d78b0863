"""Trains one small network again and again, as its arguments say, and prints what became of it as one JSON object.

An argument is an order of the streams, and after a colon what is different: "no graph", "batches", where each comes from the
host by itself, "ring", where two come at a time, or which wait of the channel that they come by is left out: "lazy", "3:no graph", "others-first:sent". Once one order has shown that a wait is left out, the others are not tried.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from networks import trained

from numbacnn import compiling
from numbacnn.data import Dataset
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Dropout, Flatten, LeakyReLU, MaxPool, Pixels, Softmax
from numbacnn.ops.cuda.gpu import CUDA, _Channel
from numbacnn.ops.cuda.memory import copy_in
from numbacnn.ops.cuda.streams import compute_stream
from numbacnn.training import Settings, held, loop
from numbacnn.training.feed import BatchFeed
from numbacnn.training.resident import EpochFeed

from . import LIBRARY

STEPS = 6
"""Of an epoch."""
SETTINGS = Settings(epochs=2, batch_size=4, learning_rate=0.05, translate=1, flip=True, seed=3)


def dataset() -> Dataset:
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (22, 7, 7, 1), np.uint8), np.arange(22) % 3
    return Dataset.from_arrays("noise", train=(images, labels), validation=(images[:4], labels[:4]))


def graph() -> Graph:
    lines: list[tuple[Any, ...]] = [
        ("pixels", Pixels(mean=120.0, scale=1 / 60)),
        ("conv", Convolution(5, 3, padding=1)),
        ("leaky", LeakyReLU()),
        ("pool", MaxPool(3, stride=2)),
        ("flat", Flatten()),
        ("dropout", Dropout(0.5)),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ]
    return Graph(lines, (7, 7, 1))


def run(device: str) -> dict[str, Any]:
    trainer, losses = trained(graph(), dataset(), SETTINGS, device)
    digest = hashlib.sha256()
    for node, name in ((each.node, each.key) for each in trainer.network.graph.parameters.values()):
        digest.update(np.ascontiguousarray(trainer.network.parameter(node, name)).tobytes())
    return {"losses": losses, "weights": digest.hexdigest()}


def _send(leave_out: str) -> Callable[[Any], Any]:
    """_Channel.send without one of its waits."""

    def send(channel: Any) -> Any:
        if leave_out != "used":
            channel._used.wait(channel._stream)
        copy_in(channel._there, channel.host, channel._stream)
        channel._sent.record(channel._stream)
        if leave_out != "sent":
            channel._sent.wait(compute_stream())
        return channel._there

    return send


WAITS = ("used", "sent", "release", "wait")
LEFT_OUT: dict[str, Any] = {
    "used": ("send", _send("used")),
    "sent": ("send", _send("sent")),
    "release": ("release", lambda channel: None),
    "wait": ("wait", lambda channel: None),
}


@contextmanager
def changed(how: str) -> Iterator[None]:
    """What is different while it lasts."""
    with ExitStack() as patches:
        if how == "no graph":
            patches.enter_context(patch.object(CUDA, "recorded", lambda device, act: act))
        elif how == "ring":
            patches.enter_context(patch.object(held, "_AT_A_TIME", 2 * SETTINGS.batch_size * 7 * 7))
            patches.enter_context(
                patch.object(loop, "feed_for", lambda *parts: EpochFeed(*parts[:-1], ring=1 << 30))
            )
        elif how:
            patches.enter_context(patch.object(loop, "feed_for", lambda *parts: BatchFeed(*parts[:-1])))
        if how in WAITS:
            patches.enter_context(patch.object(_Channel, *LEFT_OUT[how]))
        yield


def main() -> None:
    driver = ctypes.CDLL(LIBRARY)
    found: dict[str, Any] = {}
    noticed = set()
    gc.freeze()  # what was imported is not looked through at each collection
    with compiling.watch() as seen:
        for argument in sys.argv[1:]:
            order, _, change = argument.partition(":")
            if change in noticed:
                continue
            driver.standin_set_order(order.encode())
            with changed(change):
                found[argument] = run("cuda")
            gc.collect()
            if change in WAITS and found[argument] != found["lazy"]:
                noticed.add(change)
    print(json.dumps({"runs": found, "compiled": seen.compiled}))


if __name__ == "__main__":
    main()
