"""numbacnn bench: how fast a network runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .options import CPU, Compute, Network_, Out
from .output import Output
from .summary import Classes, InputShape, find_network

if TYPE_CHECKING:
    from numbacnn.network import Network

LONGEST = 3600
"""The most seconds that --seconds may ask for."""


def bench(
    network: Network_,
    /,
    *,
    batch_size: int = 64,
    input_shape: InputShape = None,
    classes: Classes = None,
    seconds: float = 4.0,
    workspace_mb: int = 0,
    layers: bool = False,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Measure how many pictures a second a network trains on and runs forward on.

    A training step is forward, loss, backward and the update of SGD with momentum. Medians of seven rounds, on
    pictures of noise, after the kernels are compiled. `--threads 1` and another run show what a second thread adds.
    On a GPU every pass brings its pictures there, and is measured without that too.
    JSON: `network`, `batch_size`, `device`, `precision`, `threads`, `train_images_per_second`, `forward_images_per_second`,
    `train_images_per_second_there` and `forward_images_per_second_there` (of pictures that lie on the GPU already, as those
    of a training set that fits do; null on the CPU), `tuned_plans` (of `numbacnn tune`, how many are in use on
    the GPU; null on the CPU), `plan_bytes` (the buffers of a training step) and `peak_bytes` (the most memory that the process took; null on Windows).
    With `--layers` also `layers`: for each part of a training step `layer`, `op`, `kernel` (on a GPU), `seconds`, `share` of
    all parts' time, and of products `operations` and `gigaflops`.

    Parameters
    ----------
    batch_size
        Pictures at a time.
    seconds
        How long to measure.
    workspace_mb
        MiB that the kernels of all layers may share beside activations and gradients; 0: as much as the fastest take.
    layers
        Then time every op of every layer of a training step by itself, each kernel on a GPU, for as many seconds again.
    """
    import dataclasses

    from numbacnn.errors import UsageError, need_whole
    from numbacnn.ops.compilation import threads
    from numbacnn.training.settings import MOST_WORKSPACE_MB
    from numbacnn.training.speed import measure_speed

    need_whole("--batch-size", batch_size)
    need_whole("--workspace-mb", workspace_mb, 0, MOST_WORKSPACE_MB)
    if not 0 < seconds <= LONGEST:
        raise UsageError(f"--seconds {seconds:g}: a number above 0, and {LONGEST:,} at most, is expected")
    found = find_network(network, input_shape, classes, initialise="he")
    compute.place(found)
    found.workspace_bytes = workspace_mb << 20 or None
    speed = measure_speed(found, batch_size, seconds=seconds)
    result = {
        "network": network,
        "batch_size": batch_size,
        "device": found.device,
        "precision": compute.precision,
        "threads": threads(),
        **dataclasses.asdict(speed),
        "tuned_plans": found.graph.device.describe().get("tuned_plans"),
        "peak_bytes": _peak_bytes(),
    }
    rows = [("", speed.train_images_per_second, speed.forward_images_per_second)]
    trained, forwarded = speed.train_images_per_second_there, speed.forward_images_per_second_there
    if trained is not None and forwarded is not None:
        rows.append(("pictures there", trained, forwarded))
    out.table(
        ["network", "batch", "device", "threads", "training, images/s", "forward, images/s"],
        [
            (
                network,
                batch_size,
                f"{found.device}, {where}" if where else found.device,
                result["threads"],
                f"{trained:,.0f}",
                f"{forwarded:,.0f}",
            )
            for where, trained, forwarded in rows
        ],
        last_to_drop=("training, images/s", "forward, images/s"),
    )
    if layers:
        result["layers"] = _by_layer(found, batch_size, seconds, out)
    return result


def _by_layer(network: Network, batch_size: int, seconds: float, out: Output) -> list[dict[str, Any]]:
    """Shows where a training step's time goes, and returns it for JSON. A part without a layer belongs to the whole
    network.
    """
    import dataclasses

    from numbacnn.training.layer_times import layer_times

    parts = list(layer_times(network, batch_size, seconds=seconds))
    total = sum(part.seconds for part in parts)
    rows = [
        {**dataclasses.asdict(part), "share": part.seconds / total, "gigaflops": part.gigaflops}
        for part in parts
    ]
    gpu = network.graph.device.own_memory
    unit, speed = (1000, "TFLOP/s") if gpu else (1, "GFLOP/s")
    out.say()
    out.table(
        ["layer", "op", *(["kernel"] if gpu else []), "ms", "share", speed],
        [
            (
                part.layer or "-",
                part.op,
                *([part.kernel] if gpu else []),
                f"{1e3 * part.seconds:.4f}",
                f"{part.seconds / total:.1%}",
                f"{part.gigaflops / unit:.3g}" if part.operations else "",
            )
            for part in parts
        ],
        last_to_drop=("layer", "op", "ms"),
    )
    out.say(
        f"{len(parts)} parts of a training step take {1e3 * total:.3f} ms one by one; each was repeated by itself."
    )
    return rows


def _peak_bytes() -> int | None:
    import sys

    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
