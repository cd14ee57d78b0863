"""Whether networks written as ONNX compute in ONNX Runtime what they compute here: `python tools/compare_onnxruntime.py resnet-18`.

Without names, all networks that have one. Each has random weights and running statistics, and one random picture; the scores'
differences are relative to the largest of them. Ends with 1 if one is above 1e-4. It needs onnxruntime.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from numbacnn.architectures import ARCHITECTURES
from numbacnn.formats import write_network
from numbacnn.network import Network

MOST = 1e-4


def difference(name: str, folder: Path) -> float:
    """Of the scores, as a share of the largest."""
    random = np.random.default_rng(0)
    network = Network(ARCHITECTURES[name].graph())
    network.initialise(seed=1)
    graph = network.graph
    for buffer in graph.buffers.values():
        low, high = (0.5, 1.5) if buffer.key == "running_variance" else (-0.1, 0.1)
        graph.write(buffer.name, random.uniform(low, high, buffer.spec.shape).astype(np.float32))
    path = folder / f"{name}.onnx"
    write_network(path, network, name)
    picture = random.integers(0, 256, (1, *network.input_shape), np.uint8)
    ours = network.activations(picture, graph.scores).reshape(1, -1)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    volume = np.ascontiguousarray(picture.transpose(0, 3, 1, 2), np.float32)
    theirs = np.asarray(session.run(["scores"], {session.get_inputs()[0].name: volume})[0])
    path.unlink()
    return float(np.abs(ours - theirs.reshape(1, -1)).max() / np.abs(theirs).max())


def main() -> int:
    """Prints the difference of each network, and gives the exit code."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or ARCHITECTURES:
            found = difference(name, Path(folder))
            worst = max(worst, found)
            print(f"{name}: {found:.1e}", flush=True)
    return int(not worst <= MOST)


if __name__ == "__main__":
    sys.exit(main())
