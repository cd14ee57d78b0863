"""numbacnn warmup: compile now what training and prediction will need."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from .options import CPU, Compute, Out

Networks = Annotated[tuple[str, ...], Parameter(name="NETWORK", negative="", show_default=False)]


def warmup(networks: Networks = (), /, *, compute: Compute = CPU, out: Out) -> dict[str, Any]:
    """Compile and keep the kernels that networks need, so that `train` and `predict` start at once.

    JSON: `networks`, `kernels_compiled`, `kernels_loaded` (those that were compiled before), `seconds`, `cache_folder`,
    `cache_bytes`.

    Parameters
    ----------
    networks
        Names (lenet, alexnet, …) or .toml files. Left out: a network of every family that has a name.
    """
    import time

    from numbacnn import compiling
    from numbacnn.architectures import OFFERED
    from numbacnn.ops.compilation import loaded
    from numbacnn.ops.kernel_cache import cache_bytes, cache_folder
    from numbacnn.training import warm_up

    names = list(dict.fromkeys(networks or OFFERED))
    before, start = loaded(), time.perf_counter()
    with compiling.watch() as seen:
        for name in names:
            out.note(name)
            warm_up(name, compute.place)
    result: dict[str, Any] = {
        "networks": names,
        "kernels_compiled": seen.compiled,
        "kernels_loaded": loaded() - before,
        "seconds": time.perf_counter() - start,
        "cache_folder": cache_folder(),
        "cache_bytes": cache_bytes(),
    }
    kept = (
        f"{cache_folder()} has {result['cache_bytes'] / 2**20:.1f} MiB"
        if seen.kept
        else "they could not be kept"
    )
    out.say(f"{seen.compiled} kernels compiled, {result['kernels_loaded']} loaded; {kept}")
    return result
