"""The most memory that a training step takes, each side in a process of its own.

A process is `python -m comparison.memory`, with a task as JSON on stdin and the bytes on stdout.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

NETWORK, BATCH = "alexnet", 16
STEPS = 3
"""The momentum is made in the first step, and stands beside the gradients from the second on."""


def training_memory(threads: int) -> dict[str, Any]:
    """Peak bytes of each side, and of numbacnn as a share of the best of PyTorch's layouts: below 1 is less."""
    from numbacnn.architectures import build

    from .description import modules
    from .ours import BATCHES
    from .theirs import LAYOUTS

    network, count = build(NETWORK, initialise=None), BATCHES[NETWORK]
    task = {
        "threads": threads,
        "modules": modules(network.graph),
        "volume": (count, *network.input_shape),
    }
    sides = ["numbacnn", *LAYOUTS]
    peaks = {side: _in_a_process({**task, "side": side}) for side in sides}
    least = min(peaks[layout] for layout in LAYOUTS)
    return {
        "network": NETWORK,
        "batch_size": BATCH,
        "peak_bytes": peaks,
        "ratio": peaks["numbacnn"] / least,
    }


def _in_a_process(task: dict[str, Any]) -> int:
    folder = str(Path(__file__).parent.parent)
    environment = os.environ | {
        "NUMBA_NUM_THREADS": str(task["threads"]),
        "PYTHONPATH": os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")])),
    }
    done = subprocess.run(
        [sys.executable, "-m", "comparison.memory"],
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        check=True,
    )
    return int(done.stdout)


def peak_bytes() -> int:
    """The most memory that this process has held.

    Linux's ru_maxrss is not it: that starts at what the process held which started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return 1024 * int(found[1])
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _train(task: dict[str, Any]) -> None:
    count, *shape = task["volume"]
    side: Any
    if task["side"] == "numbacnn":
        from .ours import Ours, noise, untrained

        side = Ours(untrained(NETWORK), *noise(count, tuple(shape)))
    else:
        import torch

        from .theirs import Theirs

        torch.set_num_threads(task["threads"])
        images, labels = np.ones((count, *shape), np.float32), np.zeros(count, np.int64)
        side = Theirs(task["modules"], images, labels, task["side"])
    for _ in range(STEPS):
        side.train()


if __name__ == "__main__":
    _train(json.load(sys.stdin))
    print(peak_bytes())
