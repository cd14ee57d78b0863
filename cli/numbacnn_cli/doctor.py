"""numbacnn doctor: what numbacnn found on this machine, and whether it works."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .options import Out

PACKAGES = ("numbacnn", "numba", "llvmlite", "numpy")
FEATURES = {"avx2": "AVX2", "avx512f": "AVX-512", "neon": "NEON"}
_TOLERANCE = 1e-6
_PARITY = 1e-4
_SIZE = 1024


def doctor(*, out: Out) -> dict[str, Any]:
    """Show versions, processor, threads, GPU, kernel cache and memory, measure a product and check a small network.

    Fails if the small network's gradients are wrong, if an op on the GPU differs from the CPU's, or if the GPU fails. JSON: `versions`, `processor` with `.name`, `.target` (as LLVM
    has it), `.features`, `.physical_cores`, `.logical_cores`; `threads`, `tile` (`[rows, bytes]`), `threading_layer`
    with `.name`, `.thread_safe`, `.fork_safe`, `.reason`; `blas[]` with `.name`, `.version`, `.threads`, `.file`;
    `cache` with `.folder` (null without a home), `.bytes`, `.private`, `.writable`; `memory_bytes` (null on Windows), `gigaflops` of a
    1024x1024x1024 product in float32, `gradients` with `.ok`, `.largest_error`; `gpu` (null without a usable one) with
    `.name`, `.compute_capability`, `.free_bytes`, `.total_bytes`, `.driver` and `.toolkit` (versions of CUDA),
    `.numba_cuda`, `.tuned_plans` (how many of `numbacnn tune` are in use), `.tuned_file`; `gpu_problem` (why there is none), `parity` (null without a GPU) with `.ok`, `.ops[].op/.error`.
    """
    from numbacnn.errors import NumbacnnError
    from numbacnn.ops import threading_layer
    from numbacnn.ops.compilation import threads

    from . import machine

    # The product starts the threads: before it no layer is in use.
    speed, error = _gigaflops(), _largest_error()
    layer = threading_layer.layer()
    gpu, failure = _gpu()
    assert layer is not None
    result = {
        "versions": _versions(),
        "processor": _processor(),
        "threads": threads(),
        "tile": _tile(),
        "threading_layer": layer._asdict(),
        "blas": _blas(),
        "cache": _cache(),
        "memory_bytes": machine.memory_bytes(),
        "gigaflops": speed,
        "gradients": {"ok": error <= _TOLERANCE, "largest_error": error},
        **gpu,
    }
    out.table(["part", "found"], _rows(result))
    if not error <= _TOLERANCE:  # a NaN is not
        raise NumbacnnError(
            f"a small network's gradients are wrong by {error:.1e}, more than {_TOLERANCE:g}: 'numbacnn gradcheck lenet' "
            "shows in which layer"
        )
    if failure:
        raise failure
    parity = result["parity"]
    if parity and not parity["ok"]:
        wrong = max(parity["ops"], key=lambda op: op["error"])
        raise NumbacnnError(
            f"{wrong['op']} on the GPU differs from the CPU's result by {wrong['error']:.1e}, more than {_PARITY:g}: compute "
            "with --device cpu, and report this with what 'numbacnn doctor' prints"
        )
    return result


def _gpu() -> tuple[dict[str, Any], Exception | None]:
    """Returns what is known of the GPU, and the error if there is a GPU that fails; no GPU is no error."""
    from numbacnn.analysis.parity import check_parity
    from numbacnn.device import get_device
    from numbacnn.errors import DeviceError

    found = None
    try:
        device = get_device("cuda")
    except DeviceError as error:
        return {"gpu": None, "gpu_problem": str(error), "parity": None}, None
    try:
        found = device.describe()
        ops: list[dict[str, Any]] = [{"op": each.op, "error": each.error} for each in check_parity(device)]
    except DeviceError as error:
        return {"gpu": found, "gpu_problem": str(error), "parity": None}, error
    parity = {"ok": all(each["error"] <= _PARITY for each in ops), "ops": ops}
    return {"gpu": found, "gpu_problem": None, "parity": parity}, None


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version as installed

    from .app import version

    versions = {name: installed(name) for name in PACKAGES if name != "numbacnn"}
    return {"numbacnn": version(), "python": platform.python_version(), **versions}


def _processor() -> dict[str, Any]:
    from numbacnn.ops.compilation import target

    from . import machine

    llvm_name, features = target()
    return {
        "name": machine.processor(),
        "target": llvm_name,
        "features": [name for feature, name in FEATURES.items() if feature in features],
        "physical_cores": machine.physical_cores(),
        "logical_cores": os.cpu_count(),
    }


def _tile() -> list[int]:
    from numbacnn.ops.product import ROWS, columns_of_tile

    return [ROWS, 4 * columns_of_tile(4)]


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    return [
        {
            "name": library["internal_api"],
            "version": library["version"],
            "threads": library["num_threads"],
            "file": library["filepath"],
        }
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def _cache() -> dict[str, Any]:
    from numbacnn.ops.kernel_cache import cache_bytes, cache_folder, can_be_kept

    folder = cache_folder()
    return {
        "folder": folder,
        "bytes": cache_bytes(),
        "private": _private(folder) if folder else None,
        "writable": can_be_kept(),
    }


def _private(folder: Path) -> bool | None:
    """Returns whether the folder belongs to the user and nobody else may read it; None if modes mean nothing here or it
    does not exist.
    """
    if os.name == "nt" or not folder.is_dir():
        return None
    state = folder.stat()
    return state.st_uid == os.geteuid() and not state.st_mode & 0o077


def _gigaflops() -> float:
    """Returns the speed of numbacnn's own matrix product, the median of five runs."""
    import statistics
    import time

    import numpy as np

    from numbacnn.ops import dense

    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2, _SIZE, _SIZE), np.float32)
    c, bias = np.empty_like(a), np.zeros(_SIZE, np.float32)
    workspace = np.empty(dense.workspace_size("cpu", _SIZE), np.float32)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        dense.forward(c, a, b, bias, 1.0, workspace)
        seconds.append(time.perf_counter() - start)
    return 2 * _SIZE**3 / statistics.median(seconds[1:]) / 1e9  # the first may have been compiled


def _largest_error() -> float:
    import numpy as np

    from numbacnn import architectures
    from numbacnn.analysis.gradient_check import check_gradients

    network = architectures.build("digits", initialise="he")
    return float(np.max([check.error for check in check_gradients(network, samples=5)]))  # a NaN stays one


def _rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    processor, layer, cache = (result[key] for key in ("processor", "threading_layer", "cache"))
    cores = f"{processor['physical_cores']} cores, " if processor["physical_cores"] else ""
    memory = result["memory_bytes"]
    gradients = "ok" if result["gradients"]["ok"] else "wrong"
    return [
        *result["versions"].items(),
        ("processor", f"{processor['name']} ({processor['target']}; {', '.join(processor['features'])})"),
        ("threads", f"{result['threads']} in use; {cores}{processor['logical_cores']} logical"),
        ("register tile", "{} rows of {} bytes".format(*result["tile"])),
        ("threading layer", f"{layer['name']}: {layer['reason']}"),
        ("", f"kernels from several threads: {'yes' if layer['thread_safe'] else 'in turns'}"),
        ("", f"kernels in a forked process: {_yes(layer['fork_safe'])}"),
        *(
            ("BLAS", f"{blas['name']} {blas['version']}, {blas['threads']} threads, {blas['file']}")
            for blas in result["blas"]
        ),
        (
            "kernel cache",
            f"{cache['folder'] or 'none, as there is no home'}, {cache['bytes'] / 2**20:.1f} MiB",
        ),
        ("", f"private: {_yes(cache['private'])}, writable: {_yes(cache['writable'])}"),
        ("memory", "unknown" if memory is None else f"{memory / 2**30:.1f} GiB"),
        *_gpu_rows(result),
        ("product", f"{result['gigaflops']:,.0f} GFLOP/s, float32, 1024x1024x1024"),
        ("gradients", f"{gradients}, largest relative error {result['gradients']['largest_error']:.1e}"),
    ]


def _gpu_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    gpu, parity = result["gpu"], result["parity"]
    if gpu is None:
        return [("GPU", f"none: {result['gpu_problem']}")]
    capability = ".".join(map(str, gpu["compute_capability"]))
    free, total = (gpu[key] / 2**30 for key in ("free_bytes", "total_bytes"))
    return [
        ("GPU", f"{gpu['name']}, compute capability {capability}, {free:.1f} of {total:.1f} GiB free"),
        (
            "",
            f"driver for CUDA {gpu['driver']}; kernels by CUDA {gpu['toolkit']}, numba-cuda {gpu['numba_cuda']}",
        ),
        ("", _tuned(gpu)),
        ("", _verdict(parity) if parity else f"failed: {result['gpu_problem']}"),
    ]


def _tuned(gpu: dict[str, Any]) -> str:
    plans = gpu["tuned_plans"]
    if not plans:
        return "products as the model lays them out: 'numbacnn tune' measures what is faster"
    return f"{plans} tuned plans of products in use, of {gpu['tuned_file']}"


def _verdict(parity: dict[str, Any]) -> str:
    worst = max(each["error"] for each in parity["ops"])
    verdict = "as the CPU computes" if parity["ok"] else "wrong"
    return f"{len(parity['ops'])} ops {verdict}, largest relative difference {worst:.1e}"


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[value]
