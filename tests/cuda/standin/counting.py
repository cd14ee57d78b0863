"""What the host asks of the driver, counted: prints one JSON object."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from numbacnn.device import get_device
from numbacnn.ops.cuda import toolchain
from numbacnn.ops.cuda.gpu import CUDA
from numbacnn.program import Program

from . import LIBRARY
from .run import graph

COUNTED = ("launch_calls", "graph_launches", "captures", "copies_in", "pinned_copies_in", "copies_out")


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
        (written,) = plan._launches.values()
        with patch.object(toolchain, "prepared", lambda *_: 1 / 0):
            counted = calls_of(plan.run_forward)
        same = np.array_equal(plan.output(), first)
    return {"written": len(written), **counted, "same": same}


if __name__ == "__main__":
    print(json.dumps({"launches": launches()}))
