"""The figures of a comparison as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PASSES = ("train", "forward", "batch 1")
"""`batch 1` is forward on a single picture."""

Result = Mapping[str, Any]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], words: int) -> str:
    """A table whose first `words` columns are text and the rest numbers."""
    lines = [head, ["---"] * words + ["--:"] * (len(head) - words), *rows]
    return "\n".join(
        "|" + "|".join(line) + "|" if line is lines[1] else f"| {' | '.join(line)} |" for line in lines
    )


def report(result: Result) -> str:
    """Every table that the result has figures for, under a line that says where they come from."""
    parts = [conditions(result)]
    if result.get("passes"):
        parts += [passes_table(result["passes"]), means(result["passes"]), *left_out(result["passes"])]
    parts += [told(key, value) for key in ("disagreements", "not_measured") for value in result.get(key, ())]
    if result.get("layers"):
        parts.append(layers_table(result["layers"]))
    if result.get("memory"):
        parts.append(memory_table(result["memory"]))
    return "\n\n".join(parts)


def told(key: str, value: Any) -> str:
    """A row, or what came in its place, in one line, when it is there."""
    if key == "disagreements":
        return f"Not compared: {value}."
    if key == "not_measured":
        return f"Not measured, as the time was over: {value}."
    speeds = ", ".join(f"{side} {speed:,.0f}" for side, speed in value["images_per_second"].items())
    to_graph = f", {value['ratio_to_graph']:.2f} to its CUDA graph" if "ratio_to_graph" in value else ""
    return (
        f"{value['network']} {value['batch_size']}, {value['pass']}: {speeds} images/s; ratio {value['ratio']:.2f}"
        f"{to_graph}"
    )


def conditions(result: Result) -> str:
    """When and where, on how many threads, with which versions."""
    rounds = "1 round" if result["rounds"] == 1 else f"{result['rounds']} rounds"
    gpu = f"{result['gpu']['name']}, " if result.get("gpu") else ""
    return (
        f"{result['date']}, {gpu}{result['processor']} ({result['cores']} cores), Python {result['python']}, "
        f"NumPy {result['numpy']}, Numba {result['numba']}, PyTorch {result['pytorch']}, {result.get('precision', 'float32')}, "
        f"{result['threads']} threads; medians of {rounds} in turns. A ratio is to the fastest of the others, above 1 "
        "where numbacnn is faster."
    )


def passes_table(rows: Sequence[Result]) -> str:
    """Images a second of whole passes."""
    sides = list(dict.fromkeys(side for row in rows for side in row["images_per_second"]))
    head = ["network", "pass", "batch", *sides, "ratio", "ratio of the best"]
    return markdown(
        head,
        (
            [
                row["network"],
                row["pass"],
                str(row["batch_size"]),
                *_cells(row["images_per_second"], sides, ",.0f"),
                f"{row['ratio']:.2f}",
                f"{row['ratio_of_the_best']:.2f}",
            ]
            for row in rows
        ),
        words=2,
    )


def means(rows: Sequence[Result]) -> str:
    """The geometric mean of each pass's ratios."""
    found = {name: [row["ratio"] for row in rows if row["pass"] == name] for name in PASSES}
    listed = [f"{name} {statistics.geometric_mean(values):.2f}" for name, values in found.items() if values]
    return f"Geometric means of the ratios: {', '.join(listed)}."


def left_out(rows: Sequence[Result]) -> list[str]:
    """A line for each side whose scores were wrong, or which is not there, and which was therefore not measured."""
    wrong = [
        f"{row['network']}, {row['pass']}: {side} is left out; its scores are wrong by {100 * error:.2g} %."
        for row in rows
        for side, error in row.get("left_out", {}).items()
    ]
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for side, why in row.get("absent", {}).items():
            reasons.setdefault(f"{side} was not measured ({why})", []).append(
                f"{row['network']} {row['pass']}"
            )
    return [*wrong, *(f"{reason}: {', '.join(where)}." for reason, where in reasons.items())]


def layers_table(rows: Sequence[Result]) -> str:
    """Milliseconds of each op; GFLOP/s of matrix products, numbacnn's and PyTorch's best."""
    sides = list(dict.fromkeys(side for row in rows for side in row["milliseconds"]))
    ours, *others = sides
    head = ["layer", "op", *(f"{side}, ms" for side in sides), "GFLOP/s", "PyTorch's GFLOP/s", "ratio"]
    lines = []
    for row in rows:
        rates = row.get("gflops", {})
        best = max((rates[side] for side in others if side in rates), default=None)
        lines.append(
            [
                f"{row['network']} {row['layer']}",
                row["op"],
                *_cells(row["milliseconds"], sides, ".3g"),
                f"{rates[ours]:.0f}" if rates else "",
                "" if best is None else f"{best:.0f}",
                f"{row['ratio']:.2f}",
            ]
        )
    return markdown(head, lines, words=2)


def memory_table(memory: Result) -> str:
    """Peak MiB of a training step, each side in a process of its own."""
    sides = list(memory["peak_bytes"])
    head = ["network", "batch", *(f"{side}, MiB" for side in sides), "numbacnn / PyTorch's least"]
    mebibytes = {side: size / 2**20 for side, size in memory["peak_bytes"].items()}
    row = [
        memory["network"],
        str(memory["batch_size"]),
        *_cells(mebibytes, sides, ",.0f"),
        f"{memory['ratio']:.2f}",
    ]
    return markdown(head, [row], words=1)


def _cells(values: Mapping[str, float], sides: Sequence[str], form: str) -> list[str]:
    return [format(values[side], form) if side in values else "" for side in sides]
