"""Whether numbacnn's attribution methods say what Captum's say of the same weights, and how fast both are.

    pip install 'numbacnn[compare]'
    python tools/compare_captum.py [NETWORK...] [--methods saliency,Grad-CAM,…] [--no-times] [--seconds 600] [--json FILE.json]

Both get the same pictures, classes, options and noise. The deconvnet is compared with one more, written in PyTorch by hand
(attribution/deconvolution.py). A row is said, and FILE.json written again, as soon as it is measured; none is begun after so
many seconds. It has the largest difference over the largest value of Captum's, and with times the seconds of either side, the
median of turns. In float64 (`--dtype float64`) differences are of the methods alone. In float32 a rectifier or a pool may decide
otherwise by a rounding, on either side: so the row also has how far each side is from Captum's values in float64. Ends with 1
if a difference is above 1e-4, but in float32 where ours is no further from float64 than four times what Captum's own is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch  # before numbacnn, so that PyTorch's threads wait as it likes best
from attribution.decisions import along, summed_up
from attribution.pairs import STEPS, Subject, pairs
from attribution.theirs import Theirs
from comparison.machine import machine
from comparison.timing import in_turns

from numbacnn.architectures import build
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, MaxPool, Pixels, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.ops.compilation import threads
from numbacnn.replacing import replacing

MOST = 1e-4
OVERLAPPING = "overlapping pools"
NETWORKS = ("lenet", OVERLAPPING, "resnet-20", "squeezenet-1.1", "alexnet")
PICTURES, BATCH = 2, 16
LARGER = 4
"""What roundings do to one side may be so many times what they do to the other: sums are made in other orders."""
HEADERS = {
    "float64": ("network", "method", "difference"),
    "float32": ("network", "method", "difference", "ours from float64", "Captum's from float64"),
}
TIMES = ("numbacnn", "Captum", "Captum's over ours")


def network_of(name: str) -> Network:
    """A network of first values, ten classes, and batch normalisations that have seen something."""
    pixels = Pixels(mean=120.0, scale=1 / 60, channel_order="BGR")
    if name == OVERLAPPING:
        return Network(_overlapping(pixels))
    if name == "lenet":
        pixels = Pixels(mean=120.0, scale=1 / 60)
    network = build(name, classes=10, pixels=pixels, seed=1)
    generator = np.random.default_rng(1)
    for key, buffer in network.graph.buffers.items():
        low, high = (0.5, 1.5) if buffer.key == "running_variance" else (-0.2, 0.2)
        network.graph.write(key, generator.uniform(low, high, buffer.spec.shape).astype(np.float32))
    return network


def _overlapping(pixels: Pixels) -> Graph:
    """3x3 maxima of stride 2 and 1, padded ones among them, and some that reach over the edge."""
    lines: list[Any] = [
        ("pixels", pixels),
        ("conv1", Convolution(16, 5, padding=2)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(3, stride=2)),
        ("conv2", Convolution(24, 3, padding=1)),
        ("relu2", ReLU()),
        ("pool2", MaxPool(3, stride=1, padding=1)),
        ("conv3", Convolution(32, 3)),
        ("relu3", ReLU()),
        ("pool3", MaxPool(3, stride=2, rounding="ceil")),
        ("flatten", Flatten()),
        ("scores", Dense(10)),
        ("softmax", Softmax()),
    ]
    graph = Graph(lines, (33, 33, 3))
    graph.initialise(seed=1)
    return graph


def rows(name: str, dtype: str, rounds: int, methods: Collection[str]) -> Iterator[dict[str, Any]]:
    """A row for each of the methods, or for all if there are none; without times where `rounds` is 0."""
    network = network_of(name)
    exact = Network(network.graph.astype("float64"))
    if dtype != "float32":
        network = exact
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (PICTURES, *network.input_shape), np.uint8)
    classes = network.predict(images).argmax(axis=1)  # another score may have no gradient behind a rectifier
    sides = pairs(Subject(network, Theirs(network.graph), images, classes, BATCH))
    exactly = pairs(Subject(exact, Theirs(exact.graph), images, classes, BATCH))
    for method, (ours, theirs) in sides.items():
        if methods and method not in methods:
            continue
        found, expected = ours(), theirs()
        row = {"network": name, "method": method, "difference": _difference(found, expected)}
        if dtype == "float32":
            truth = exactly[method][1]()
            row["rounding"] = [_difference(side, truth) for side in (found, expected)]
        if rounds:
            times = in_turns({"numbacnn": ours, "Captum": theirs}, rounds, 0.2)
            row |= {side: times[side].median for side in times}
        yield row


def decisions(name: str) -> str:
    """How float32 and float64 part in integrated gradients of the first picture."""
    network = network_of(name)
    image = np.random.default_rng(0).integers(0, 256, network.input_shape, np.uint8)
    exact = Network(network.graph.astype("float64"))
    chosen = int(network.predict(image[None]).argmax())
    return summed_up(along(network, exact, image, chosen, STEPS, 4))


def _difference(found: Any, expected: Any) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def differs(row: dict[str, Any]) -> bool:
    """Whether ours is another number than Captum's, and not by what rounding does to Captum's too."""
    if row["difference"] <= MOST:
        return False
    if "rounding" not in row:
        return True
    ours, theirs = row["rounding"]
    return not ours <= max(MOST, LARGER * theirs)


def said(row: dict[str, Any]) -> str:
    """The row as a line of a Markdown table."""
    cells = [row["network"], row["method"], f"{row['difference']:.1e}"]
    cells += [f"{each:.1e}" for each in row.get("rounding", ())]
    if "Captum" in row:
        cells += [f"{1e3 * row[side]:.3g} ms" for side in ("numbacnn", "Captum")]
        cells.append(f"{row['Captum'] / row['numbacnn']:.2f}")
    return f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"all if none: {', '.join(NETWORKS)}")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side")
    parser.add_argument("--no-times", action="store_true", help="differences alone")
    parser.add_argument(
        "--decisions",
        action="store_true",
        help="count instead the rectifiers and pools that decide otherwise in float32 than in float64, and what that does",
    )
    parser.add_argument("--methods", default="", help="names, with commas between them; left out, all")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no row is begun after them")
    parser.add_argument("--json", type=Path, metavar="FILE.json")
    given = parser.parse_args()
    unknown = set(given.networks) - set(NETWORKS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: of {', '.join(NETWORKS)} one or more are expected")
    if given.rounds < 1:
        parser.error(f"--rounds {given.rounds}: at least 1 is expected")
    warnings.filterwarnings("ignore", message=".*(hook|requires_grad|gradients).*")
    torch.set_num_threads(threads())
    if given.decisions:
        for name in given.networks or NETWORKS:
            print(f"{name}: {decisions(name)}", flush=True)
        return 0
    result = machine() | {
        "pytorch": str(torch.__version__),
        "threads": threads(),
        "dtype": given.dtype,
        "rows": [],
    }
    methods = {method.strip() for method in given.methods.split(",") if method.strip()}
    headers = HEADERS[given.dtype] + (() if given.no_times else TIMES)
    print(f"| {' | '.join(headers)} |\n|{'---|' * 2}{'--:|' * (len(headers) - 2)}", flush=True)
    failed, end = False, time.perf_counter() + given.seconds
    for name in given.networks or NETWORKS:
        for row in rows(name, given.dtype, 0 if given.no_times else given.rounds, methods):
            failed |= differs(row)
            result["rows"].append(row)
            print(said(row), flush=True)
            if given.json:
                with replacing(given.json) as partial:
                    partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            if time.perf_counter() > end:
                print(f"{given.seconds:g} seconds are over", file=sys.stderr)
                return int(failed)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
