"""What else predicts on a CPU, on the same weights: ONNX Runtime and OpenVINO, both from the network as numbacnn writes it in
ONNX; and what makes C++ of PyTorch's model.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numbacnn.formats import write_network
from numbacnn.network import Network
from numbacnn.ops.compilation import threads

from .timing import Act

COMPILERS = ("c++", "g++", "clang++", "cl")


def absent() -> dict[str, str]:
    """Rival -> why it cannot be measured here."""
    found = {}
    if not any(map(shutil.which, COMPILERS)):
        found["compiled"] = f"torch.compile needs a C++ compiler ({', '.join(COMPILERS)})"
    for rival, package in (("ONNX Runtime", "onnxruntime"), ("OpenVINO", "openvino")):
        if importlib.util.find_spec(package) is None:
            found[rival] = f"pip install {package}"
    return found


def predicting(network: Network, images: NDArray[np.uint8]) -> dict[str, Act]:
    """Forward passes of those that are there, which give the scores (N,K). They take raw pixels (N,C,H,W) as float32, and scale
    them as numbacnn does.
    """
    there = {"ONNX Runtime": _onnx_runtime, "OpenVINO": _openvino}
    volume = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write_network(path, network, "network")
        return {name: make(path, volume) for name, make in there.items() if name not in absent()}


def _onnx_runtime(path: Path, volume: NDArray[np.float32]) -> Act:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: volume}

    def forward() -> Any:
        return session.run(["scores"], given)[0]

    return forward


def _openvino(path: Path, volume: NDArray[np.float32]) -> Act:
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(list(volume.shape))
    exact = {
        "INFERENCE_NUM_THREADS": threads(),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(model, "CPU", exact)
    request, output = compiled.create_infer_request(), compiled.output("scores")

    def forward() -> Any:
        return request.infer([volume], share_inputs=True, share_outputs=True)[output]

    return forward


def attempted(act: Callable[[], Any]) -> str:
    """Why a rival failed at its first call, in a line; empty where it did not."""
    try:
        act()
    except Exception as error:  # whatever another program's compiler may raise
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120] if str(error).strip() else ''}"
    return ""
