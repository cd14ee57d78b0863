"""Time and memory of a scan for the strongest activations of all layers, beside `eval`'s time on the same pictures.

    python tools/measure_scan.py cifar10.h5 --model runs/mine/model.h5

Asked for: less than twice the time of an evaluation for every ten layers, and memory that does not depend on how many pictures
there are. Each measurement is a process of its own, after one that compiles what is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from itertools import islice
from typing import Any

BATCH = 64


def measured(what: str, data: str, model: str, split: str, pictures: int) -> dict[str, Any]:
    """Seconds, the process's largest resident memory in MiB, layers and pictures, of a scan or an evaluation in this process."""
    import resource

    import numpy as np

    import numbacnn as nc
    from numbacnn.analysis import layers_with_units, scan

    network, dataset = nc.load(model), nc.Dataset.open(data)
    part = dataset.split(split)
    part = part.subset(np.arange(min(pictures, len(part))))
    names = layers_with_units(network)
    first = list(islice(part.batches(BATCH), 1))
    if what == "scan":
        scan(network, first, names)
    else:
        nc.evaluate(network, part.subset(np.arange(min(BATCH, len(part)))), batch_size=BATCH)
    begun = time.perf_counter()
    if what == "scan":
        scan(network, part.batches(BATCH), names)
    else:
        nc.evaluate(network, part, batch_size=BATCH)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"seconds": seconds, "peak_mib": peak, "layers": len(names), "pictures": len(part)}


def main() -> None:
    """Measures, or is the process that is measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="data set (.h5)")
    parser.add_argument("--model", required=True, help="trained network (.h5)")
    parser.add_argument("--split", default="test")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--only", choices=("scan", "evaluation"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    rest = (arguments.data, arguments.model, arguments.split)
    if arguments.only:
        print(json.dumps(measured(arguments.only, *rest, arguments.pictures)))
        return
    found = {}
    for what, pictures in (
        ("scan", arguments.pictures // 4),
        ("scan", arguments.pictures),
        ("evaluation", arguments.pictures),
    ):
        command = [
            sys.executable, __file__, arguments.data, "--model", arguments.model, "--split", arguments.split,
            "--pictures", str(pictures), "--only", what,
        ]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[what, pictures] = json.loads(done.stdout)
        print(what, found[what, pictures], flush=True)
    few, whole = found["scan", arguments.pictures // 4], found["scan", arguments.pictures]
    ratio = whole["seconds"] / found["evaluation", arguments.pictures]["seconds"]
    layers = whole["layers"]
    print(
        f"| layers | scan (s) | of an evaluation | per ten layers | peak, {few['pictures']:,} pictures | peak, {whole['pictures']:,} |"
    )
    print("|---|---|---|---|---|---|")
    print(
        f"| {layers} | {whole['seconds']:.1f} | {ratio:.2f} | {ratio / max(1.0, layers / 10):.2f} | "
        f"{few['peak_mib']:.0f} MiB | {whole['peak_mib']:.0f} MiB |"
    )


if __name__ == "__main__":
    main()
