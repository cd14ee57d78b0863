"""The whole job beside its parts: `numbacnn train` as a user runs it, `numbacnn bench`, and a plain loop of PyTorch, in turns.

    python tools/whole_job.py fashion.h5 [--network lenet] [--rounds 5] [--epochs 3] [--json]

Each turn is a process of its own. `train` counts the pictures of its median epoch: reading, shuffling, steps, errors
added up, what is shown. The loop has all pictures as bytes in one tensor; an epoch shuffles them, and a batch is scaled, goes
forward and back, and is learned from by SGD with momentum: the same network, batch size and threads. Both layouts of
PyTorch's memory take turns. The table has the medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PICTURES = 20_000
"""That PyTorch's loop is timed on, at most."""

NUMBACNN = (sys.executable, "-m", "numbacnn_cli")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a data set of numbacnn's, say Fashion-MNIST")
    parser.add_argument("--network", default="lenet")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3, help="of one `numbacnn train`")
    parser.add_argument("--json", action="store_true", help="all numbers, on the standard output")
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in ("batch_size", "rounds", "epochs"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} {getattr(options, name)}: at least 1 is expected")
    if not options.data.is_file():
        parser.error(f"{options.data}: there is no such file; 'numbacnn data import' makes one")
    return options


def main() -> None:
    options = arguments()
    if options.loop:
        print(loop(options))
        return
    from comparison.theirs import LAYOUTS

    sides: dict[str, Callable[[], float]] = {
        "numbacnn train": lambda: trained(options),
        "numbacnn bench": lambda: benched(options),
        **{f"PyTorch, {layout}": lambda layout=layout: looped(options, layout) for layout in LAYOUTS},  # type: ignore[misc]
    }
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(options.rounds):
        for name, side in sides.items():
            speeds[name].append(side())
            print(
                f"round {number + 1}, {name}: {speeds[name][-1]:,.0f} pictures/s", file=sys.stderr, flush=True
            )
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    if options.json:
        print(json.dumps({"network": options.network, "pictures_per_second": speeds, "medians": medians}))
        return
    ours = medians["numbacnn train"]
    print("| | pictures a second | `train` in times of it |")
    print("|---|--:|--:|")
    for name, value in medians.items():
        print(f"| {name} | {value:,.0f} | {ours / value:.2f} |")


def trained(options: argparse.Namespace) -> float:
    """Pictures a second of the median epoch of `numbacnn train`."""
    with tempfile.TemporaryDirectory() as folder:
        task = ["--data", options.data.resolve(), "--network", options.network, "--epochs", options.epochs]
        return _said(
            [*NUMBACNN, "train", *task, *_batch(options), "--run", "run"], "images_per_second", folder
        )


def benched(options: argparse.Namespace) -> float:
    """Pictures a second of steps alone, by `numbacnn bench`."""
    command = [*NUMBACNN, "bench", options.network, *_batch(options), "--seconds", 3]
    return _said(command, "train_images_per_second")


def looped(options: argparse.Namespace, layout: str) -> float:
    """Pictures a second of the plain loop, in a process of its own."""
    command = [sys.executable, __file__, options.data, "--network", options.network, *_batch(options)]
    return _said([*command, "--loop", layout], None)


def _batch(options: argparse.Namespace) -> list[Any]:
    return ["--batch-size", options.batch_size]


def _said(command: list[Any], key: str | None, folder: str | None = None) -> float:
    """A number of what a command says: its JSON's `key`, or all of it. What goes wrong is shown, and raised."""
    words = [*map(str, command), *(["--json"] if key else [])]
    done = subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stderr}")
    return float(json.loads(done.stdout)[key] if key else done.stdout)


def loop(options: argparse.Namespace) -> float:
    """An epoch of PyTorch's, or PICTURES of it, after a warming one of 50 batches: pictures a second."""
    import torch
    from comparison.description import modules, parameters
    from comparison.theirs import Theirs

    import numbacnn as nc
    from numbacnn.architectures import build

    dataset = nc.open_dataset(options.data)
    split = dataset.train
    pictures = torch.from_numpy(split.images[:]).permute(0, 3, 1, 2)
    labels = torch.from_numpy(split.labels[:].astype("int64"))
    torch.set_num_threads(int(os.environ.get("NUMBA_NUM_THREADS", torch.get_num_threads())))
    network = build(options.network, input_shape=dataset.image_shape, classes=len(dataset.class_names))
    first = (split.images[: options.batch_size] / 255).astype("float32")
    side = Theirs(modules(network.graph), first, split.labels[: options.batch_size], options.loop)
    side.set_parameters(parameters(network.graph))
    model, optimizer = side.model.train(), torch.optim.SGD(side.model.parameters(), 0.01, momentum=0.9)
    mean, deviation = float(pictures[:1000].float().mean()), float(pictures[:1000].float().std())
    layout = torch.channels_last if options.loop == "channels last" else torch.contiguous_format

    def epoch(most: int) -> float:
        order = torch.randperm(len(labels))[:most]
        begun = time.perf_counter()
        loss_sum = 0.0
        for places in order.split(options.batch_size):
            batch = ((pictures[places].float() - mean) / deviation).contiguous(memory_format=layout)
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(model(batch), labels[places])
            loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
            optimizer.step()
            loss_sum += float(loss)
        return len(order) / (time.perf_counter() - begun)

    epoch(50 * options.batch_size)
    return epoch(PICTURES)


if __name__ == "__main__":
    main()
