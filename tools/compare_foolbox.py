"""Whether numbacnn's attacks succeed as often as other packages' on the same weights and pictures, with changes as small, and how fast.

    pip install 'numbacnn[compare]'
    python tools/compare_foolbox.py MODEL.h5 --data DATA.h5 [--pictures 200] [--epsilon 8/255] [--attacks fgsm,pgd,…]
        [--seeds 3] [--seconds 600] [--autoattack FOLDER] [--json FILE.json]

Both get the same pictures, labels, epsilon, steps and step sizes, in float32; the network is computed by PyTorch for the other side.
FOLDER holds the package `autoattack` (github.com/fra31/auto-attack), whose parts are compared too. L-BFGS, which Foolbox has no
more, is compared with one written in PyTorch (breaking/szegedy.py). Attacks that draw numbers run once a seed: success is the mean,
+- its standard error, and the difference is paired. A row is said, and FILE.json written again, as soon as it is measured; no row is
begun after so many seconds. Success is the share of the pictures that were right before; norms are medians over the pictures that
were fooled. Ends with 1 where success is more than one point, and more than twice its standard error, below theirs, or a median norm
above 1.02 of theirs. Speed is of attacked pictures a second, on as many threads as both are given.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import foolbox
import numpy as np
import torch  # before numbacnn, so that PyTorch's threads wait as it likes best
from attribution.theirs import Theirs
from breaking.pairs import Pair, pairs
from comparison.machine import machine

from numbacnn.attacks.norms import sizes
from numbacnn.network import Network
from numbacnn.ops.compilation import threads
from numbacnn.replacing import replacing
from numbacnn.storage import load_model, open_dataset

POINT, LONGER = 0.01, 1.02
HEADERS = (
    "attack",
    "success",
    "theirs",
    "difference",
    "median norm",
    "theirs",
    "ratio",
    "a second",
    "theirs",
    "times as fast",
)


class FromPixels(torch.nn.Module):
    """The network on pictures from 0 to 1."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.inner = Theirs(network.graph)
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x * 255)


def compared(
    network: Network, module: Any, pair: Pair, images: Any, labels: Any, seeds: int
) -> dict[str, Any]:
    """A row: success of each seed, median norms and seconds of either side."""
    tensors = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))), torch.from_numpy(labels)
    pair.ours(network, images[:4], labels[:4])  # compiles
    row: dict[str, Any] = {"pictures": len(labels), "seconds": [[], []], "success": [[], []]}
    changed: list[list[Any]] = [[], []]
    for seed in range(seeds if pair.drawn else 1):
        sides = (
            _timed(replace(pair.ours, seed=seed), network, images, labels),
            _timed(pair.theirs, *tensors, seed),
        )
        with torch.no_grad():
            named = network.predict(sides[0][0]).argmax(1), module(sides[1][0].detach()).argmax(1).numpy()
        pictures = sides[0][0], sides[1][0].detach().numpy().transpose(0, 2, 3, 1)
        for side in range(2):
            fooled = named[side] != labels
            row["seconds"][side].append(sides[side][1])
            row["success"][side].append(float(fooled.mean()))
            changed[side].append(sizes(pictures[side] - images, pair.ours.norm)[fooled])
    row["norm"] = [
        float(np.median(np.concatenate(parts))) if sum(map(len, parts)) else None for parts in changed
    ]
    return row


def _timed(act: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    begun = time.perf_counter()
    found = act(*arguments)
    return found, time.perf_counter() - begun


def judged(row: dict[str, Any], *, bounded: bool) -> bool:
    """Completes a row with what follows from its numbers; whether ours is worse."""
    ours, theirs = map(np.array, row["success"])
    paired = ours - theirs
    error = float(paired.std(ddof=1) / np.sqrt(len(paired))) if len(paired) > 1 else 0.0
    row["difference"], row["error"] = float(paired.mean()), error
    row["a_second"] = [row["pictures"] / float(np.median(each)) for each in row["seconds"]]
    small, large = row["norm"]
    row["ratio"] = small / large if small is not None and large else None
    longer = not bounded and row["ratio"] is not None and row["ratio"] > LONGER
    row["worse"] = bool(row["difference"] < -max(POINT, 2 * error) or longer)
    worse: bool = row["worse"]
    return worse


def said(name: str, row: dict[str, Any]) -> str:
    """The row as a line of a Markdown table."""
    ours, theirs = (float(np.mean(each)) for each in row["success"])
    around = f" ± {row['error']:.1%}" if len(row["success"][0]) > 1 else ""
    norms = ["-" if each is None else f"{each:.4f}" for each in row["norm"]]
    cells = [
        name, f"{ours:.1%}", f"{theirs:.1%}", f"{row['difference']:+.1%}{around}", *norms,
        "-" if row["ratio"] is None else f"{row['ratio']:.3f}", *(f"{each:.3g}" for each in row["a_second"]),
        f"{row['a_second'][0] / row['a_second'][1]:.2f}{' WORSE' if row['worse'] else ''}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--pictures", type=int, default=200, help="that the network is right about, at most")
    parser.add_argument("--epsilon", type=Fraction, default=Fraction(8, 255))
    parser.add_argument("--attacks", default="", help="names, with commas between them; left out, all")
    parser.add_argument("--seeds", type=int, default=3, help="runs of attacks that draw numbers")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no row is begun after them")
    parser.add_argument("--autoattack", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    for name in ("pictures", "seeds"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} {getattr(given, name)}: at least 1 is expected")
    network, _ = load_model(given.model)
    module = FromPixels(network)
    every = {pair.name: pair for pair in pairs(module, float(given.epsilon), given.autoattack)}
    wanted = [name.strip() for name in given.attacks.split(",") if name.strip()] or list(every)
    unknown = set(wanted) - set(every)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: of {', '.join(every)} one or more are expected")
    torch.set_num_threads(threads())
    images, labels = chosen(network, given.data, given.pictures)
    facts = {
        **machine(), "foolbox": foolbox.__version__, "torch": str(torch.__version__), "threads": threads(),
        "model": str(given.model), "epsilon": str(given.epsilon),
    }  # fmt: skip
    rows: dict[str, Any] = {}
    failed, begun = False, time.perf_counter()
    print(f"{len(labels)} pictures, epsilon {given.epsilon}, {threads()} threads\n")
    print(f"| {' | '.join(HEADERS)} |\n|---|{'--:|' * (len(HEADERS) - 1)}", flush=True)
    for name in wanted:
        if time.perf_counter() - begun > given.seconds:
            print(f"{name}: not begun, {given.seconds:g} seconds are over", file=sys.stderr)
            continue
        pair = every[name]
        rows[name] = row = compared(network, module, pair, images, labels, given.seeds)
        failed |= judged(row, bounded=pair.ours.needs_epsilon)
        print(said(name, row), flush=True)
        if given.json is not None:
            with replacing(given.json) as partial:
                Path(partial).write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n")
    return 1 if failed else 0


def chosen(network: Network, data: str, count: int) -> tuple[Any, Any]:
    """Test pictures at even distances that the network is right about, float32 in [0, 1], and their labels."""
    split = open_dataset(data).with_classes_of(network).split("test")
    looked_at = min(2 * count, len(split))
    places = np.arange(looked_at) * len(split) // looked_at
    images = (network.as_images(split.read(places)) / 255).astype(np.float32)
    labels = np.asarray(split.labels[places]).astype(np.int64)
    right = np.flatnonzero(network.predict(images).argmax(1) == labels)[:count]
    return images[right], labels[right]


if __name__ == "__main__":
    sys.exit(main())
