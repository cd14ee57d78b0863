"""Turns pytest-benchmark's JSON into the tables of RESULTS.md: `python benches/results.py FILE.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def tables(path: Path) -> str:
    """Whole passes in images a second, then ops in milliseconds and GFLOP/s; medians."""
    passes = ["| pass | batch | ms | images/s |", "|---|--:|--:|--:|"]
    ops = ["| op | layer | ms | GFLOP/s |", "|---|---|--:|--:|"]
    for bench in json.loads(path.read_text())["benchmarks"]:
        seconds, extra = bench["stats"]["median"], bench["extra_info"]
        milliseconds = f"{1000 * seconds:.3g}"
        if "images" in extra:
            name = f"{bench['params']['name']}, {bench['group'].replace('_', ' ')}"
            passes.append(
                f"| {name} | {extra['images']} | {milliseconds} | {extra['images'] / seconds:,.0f} |"
            )
        else:
            work = extra["multiply_adds"]
            rate = f"{2e-9 * work / seconds:.0f}" if work else ""
            ops.append(f"| {bench['group']} | {bench['params']['layer']} | {milliseconds} | {rate} |")
    return "\n".join([*passes, "", *ops])


if __name__ == "__main__":
    print(tables(Path(sys.argv[1])))
