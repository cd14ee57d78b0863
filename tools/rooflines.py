"""What the machine allows, and what is measured: the roofline of a training step, or of a forward pass, a network a line.

    python tools/rooflines.py NETWORK... [--batch 64] [--forward] [--by op|step] [--cpu-time] [--json FILE.json]

The roofline of an op is the larger of two times: its multiplications and additions, as the definition counts them, at the
peak of the machine's matrix product, and the bytes that it must read and write at the bandwidth of its memory. What the
caches keep from one op to the next is read faster than that, and Winograd's algorithm multiplies less; so an op can be faster
than its roofline. `--by` shows what the ops of a network take. `--cpu-time` counts the time that the process computes, not the
time that passes: with NUMBA_NUM_THREADS=1 other programs then hardly matter.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from comparison.machine import machine
from comparison.ours import Ours, noise, untrained
from comparison.tables import markdown

from numbacnn.errors import NumbacnnError
from numbacnn.ops.compilation import threads
from numbacnn.ops.operands import Operand, Step
from numbacnn.program.emission import WORKSPACE
from numbacnn.program.settled import divided

sys.path.insert(0, str(Path(__file__).parents[1] / "benches"))
from peak import peak_gflops

WARMING = 2
Clock = Callable[[], float]


@dataclass
class Timed:
    """One op of a pass."""

    layer: str
    op: str
    shape: tuple[int, ...]
    """Of what it writes."""
    flop: int
    """Multiplications and additions of products, as their definition counts them; 0 of other ops."""
    bytes: int
    """Of the arrays that it reads and writes, each once, without workspace."""
    seconds: float = 0.0

    def roofline(self, peak: float, bandwidth: float) -> float:
        """Seconds at least, at so many operations and bytes a second."""
        return max(self.flop / peak, self.bytes / bandwidth)


def timed_steps(ours: Ours, rounds: int, *, forward: bool, clock: Clock = time.perf_counter) -> list[Timed]:
    """The ops of a pass in order, each with the median of its seconds over the rounds. A small network is timed op by op, as it
    runs where it cannot have its pictures as lanes (program.chain).
    """
    plan = ours.forward_plan if forward else ours.plan
    if forward:
        plan.forward(ours.images)
        steps = divided(plan._forward_steps(plan.scores), plan._compiled.settled)[1]
    else:
        steps = plan.training_steps(ours.loss)
    acts: list[Callable[[], None]] = [plan.launches_of(step).run for step in steps]
    found = [_described(step) for step in steps]
    if not forward:
        size = plan.gradient.size
        acts.append(lambda: ours.optimizer.update(plan.gradient))
        found.append(Timed("", "update", (size,), 0, 5 * plan.gradient.nbytes))
    plan.load(ours.images)
    times: list[list[float]] = [[] for _ in acts]
    for number in range(rounds + WARMING):
        for own, act in zip(times, acts, strict=True):
            start = clock()
            act()
            if number >= WARMING:
                own.append(clock() - start)
    for each, own in zip(found, times, strict=True):
        each.seconds = statistics.median(own)
    return found


def _described(step: Step) -> Timed:
    assert step.kernel is not None
    named = dict(zip(step.kernel.parameters, step.arguments, strict=True))
    seen = {
        (operand.storage.key, operand.first): operand.size * operand.itemsize
        for operand in step.accesses()
        if operand.storage.key != WORKSPACE
    }
    written = next(step.writes())
    return Timed(step.node, step.kernel.name, written.shape, _flop(named), sum(seen.values()))


def _flop(named: dict[str, Any]) -> int:
    """Two for each weight and each output that it takes part in."""
    weights, outputs = named.get("weights", named.get("d_weights")), named.get("y", named.get("d_y"))
    if "packed" in named:
        outputs_of_all = math.prod(named["y"].shape[:3]) * named["bias"].size
        depth = math.prod(named["window"].kernel) * (named["x"].shape[3] // named["groups"])
        return int(2 * outputs_of_all * depth)
    if not isinstance(weights, Operand) or not isinstance(outputs, Operand):
        return 0
    return 2 * weights.size * outputs.size // weights.shape[-1]


def bandwidth() -> float:
    """Bytes a second that the machine reads and writes: y += a x of arrays beyond its caches, by numbacnn's own loop."""
    from numbacnn.ops import joins

    target, source = np.zeros((2, 16 << 20), np.float32)
    least = np.inf
    for _ in range(8):
        start = time.perf_counter()
        joins.accumulate(target, source)
        least = min(least, time.perf_counter() - start)
    return float(3 * target.nbytes / least)


def summed(steps: Sequence[Timed], by: str, peak: float, width: float) -> list[list[str]]:
    """A line an op, the longest first, or a line a step in their order."""
    groups: dict[str, list[Timed]] = {}
    for number, each in enumerate(steps):
        step = f"{number} {each.layer} {each.op} {'x'.join(map(str, each.shape))}"
        key = each.op if by == "op" else step
        groups.setdefault(key, []).append(each)
    order = groups.items() if by == "step" else sorted(groups.items(), key=lambda item: -_seconds(item[1]))
    total = _seconds(steps)
    return [
        [
            key,
            f"{1e3 * _seconds(own):.3f}",
            f"{100 * _seconds(own) / total:.1f}",
            f"{sum(each.flop for each in own) / _seconds(own) / 1e9:.0f}",
            f"{sum(each.bytes for each in own) / _seconds(own) / 1e9:.1f}",
            f"{_seconds(own) / sum(each.roofline(peak, width) for each in own):.2f}",
        ]
        for key, own in order
    ]


def _roofline(steps: Sequence[Timed], peak: float, width: float) -> list[str]:
    """Arithmetic, bytes and roofline in milliseconds, beside what was measured."""
    whole, least = _seconds(steps), sum(each.roofline(peak, width) for each in steps)
    arithmetic = sum(each.flop for each in steps) / peak
    moved = sum(each.bytes for each in steps) / width
    return [*(f"{1e3 * value:.2f}" for value in (arithmetic, moved, least, whole)), f"{whole / least:.2f}"]


def _seconds(steps: Sequence[Timed]) -> float:
    return sum(each.seconds for each in steps)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="pictures at a time")
    parser.add_argument("--forward", action="store_true", help="a forward pass alone, not a training step")
    parser.add_argument("--by", choices=["op", "step"], help="a line each of these, not a line a network")
    parser.add_argument("--cpu-time", action="store_true", help="count the time that this process computes")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", metavar="FILE.json", help="every step's figures")
    options = parser.parse_args()
    if min(options.batch, options.rounds) < 1:
        parser.error("--batch and --rounds: at least 1 is expected")
    return options


def main() -> None:
    options = arguments()
    try:
        measure(options)
    except NumbacnnError as error:
        sys.exit(f"error: {error}")


def measure(options: argparse.Namespace) -> None:
    """Prints the tables, and writes the file that was asked for."""
    peak, width = 1e9 * peak_gflops(), bandwidth()
    print(f"{machine()['processor']}, {threads()} threads: {peak / 1e9:.0f} GFLOP/s, {width / 1e9:.1f} GB/s")
    clock: Clock = time.process_time if options.cpu_time else time.perf_counter
    kept: dict[str, Any] = {}
    lines = []
    for name in options.networks:
        network = untrained(name)
        ours = Ours(network, *noise(options.batch, network.input_shape))
        steps = timed_steps(ours, options.rounds, forward=options.forward, clock=clock)
        kept[name] = [asdict(each) for each in steps]
        if options.by:
            whole = _seconds(steps)
            print(
                f"\n{name}, {options.batch} pictures: {1e3 * whole:.2f} ms, {options.batch / whole:,.0f} a second\n"
            )
            head = [options.by, "ms", "% of all", "GFLOP/s", "GB/s", "of its roofline"]
            print(markdown(head, summed(steps, options.by, peak, width), words=1))
        else:
            act = "forward" if options.forward else "train"
            lines.append([name, act, str(options.batch), *_roofline(steps, peak, width)])
    if lines:
        times = ["arithmetic, ms", "bytes, ms", "roofline, ms", "measured, ms", "of its roofline"]
        print(markdown(["network", "pass", "batch", *times], lines, words=2))
    if options.json:
        Path(options.json).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
