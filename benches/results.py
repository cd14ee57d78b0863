"""Turns measurements into the tables of RESULTS.md: `python benches/results.py FILE.json...`.

A file is pytest-benchmark's or `tools/compare_pytorch.py --json`'s.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from comparison.tables import markdown, report


def tables(result):
    """The tables of one file's contents."""
    return bench_tables(result["benchmarks"]) if "benchmarks" in result else report(result)


def bench_tables(benches):
    """Whole passes in images a second; ops in milliseconds, GFLOP/s and their share of the peak; medians."""
    passes, ops, peaks = [], [], set()
    for bench in benches:
        seconds, extra = bench["stats"]["median"], bench["extra_info"]
        milliseconds = f"{1000 * seconds:.3g}"
        if "images" in extra:
            name = bench["group"].replace("_", " ")
            speed = f"{extra['images'] / seconds:,.0f}"
            passes.append([bench["params"]["name"], name, str(extra["images"]), milliseconds, speed])
        else:
            rates = ["", ""]
            if "gflops" in extra:
                rates = [f"{extra['gflops']:.0f}", f"{100 * extra['share_of_peak']:.0f} %"]
                peaks.add(extra["peak_gflops"])
            ops.append([bench["group"], bench["params"]["layer"], milliseconds, *rates])
    parts = []
    if passes:
        parts.append(markdown(["network", "pass", "batch", "ms", "images/s"], passes, words=2))
    if ops:
        parts += [f"Peak: {peak:.0f} GFLOP/s." for peak in peaks]
        parts.append(markdown(["op", "layer", "ms", "GFLOP/s", "share of peak"], ops, words=2))
    return "\n\n".join(parts)


if __name__ == "__main__":
    print("\n\n".join(tables(json.loads(Path(path).read_text())) for path in sys.argv[1:]))
