"""The judge of filters on networks of which it is known what is wrong: trains cifar-quick on some pictures of CIFAR-10 well,
too briefly, with too high a learning rate and without weight decay, and draws their first filters with the verdicts.

    python tools/judge_filters.py cifar10.h5 --models judged --output docs/pictures/judged-filters.png

Models that --models has already are not trained again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numbacnn as nc
from numbacnn.analysis import Judgement, judge
from numbacnn.data import Split
from numbacnn.figures import Drawing, mosaic_array, save
from numbacnn.figures.board import (
    GREEN,
    INK,
    LABEL,
    MARGIN,
    SMALL,
    TITLE,
    VERMILLION,
    Board,
    line_height,
    title_height,
    wrapped,
)
from numbacnn.training import EpochDone


class Case(NamedTuple):
    """A training with a known fault."""

    name: str
    title: str
    changes: dict[str, Any]


CASES = (
    Case("well", "trained well", {}),
    Case("briefly", "too briefly: one epoch of a few pictures", {"epochs": 1, "batch_size": 256}),
    Case("high-rate", "with too high a learning rate", {"learning_rate": 0.06, "schedule": "constant"}),
    Case(
        "no-decay",
        "without weight decay, from He's larger weights",
        {"weight_decay": 0.0, "initialise": "he"},
    ),
)


def trained(case: Case, dataset: nc.Dataset, folder: Path) -> list[Path]:
    """The model of every epoch, trained now or before."""
    own = folder / case.name
    done = own / "done.json"
    if not done.is_file():
        own.mkdir(parents=True, exist_ok=True)
        network, settings = nc.prepare(dataset, "cifar-quick", **case.changes)
        record = {"settings": settings.as_dict(), "network": "cifar-quick"}
        for event in nc.train(network, dataset, settings):
            if isinstance(event, EpochDone):
                print(f"{case.name}: {event.row}", flush=True)
                nc.save_model(
                    own / f"epoch-{event.epoch:03d}.h5", network, record={**record, "epoch": event.epoch}
                )
        done.write_text(json.dumps(record))
    return sorted(own.glob("epoch-*.h5"))


def some(dataset: nc.Dataset, pictures: int) -> nc.Dataset:
    """The data set with fewer training and validation pictures."""

    def first(split: Split, count: int) -> tuple[Any, Any]:
        return split.read(slice(0, count)), split.labels[:count]

    held_out = dataset.validation or dataset.test
    return nc.Dataset.from_arrays(
        f"{pictures} pictures of {dataset.name}",
        train=first(dataset.train, pictures),
        validation=first(held_out, 1000),
        class_names=dataset.class_names,
    )


def judged(paths: list[Path]) -> tuple[Any, Judgement]:
    """The kernels of the last epoch, and the verdict over all of them."""
    history, settings = [], {}
    for path in paths:
        network, record = nc.load_model(path)
        history.append((record["epoch"], network.parameter("conv1", "weights").copy()))
        settings = record["settings"]
    return history[-1][1], judge(history[-1][1], history, settings, 32)


def drawn(found: list[tuple[Case, Any, Judgement]], provenance: str) -> Drawing:
    """The filters of each case above its verdict, two beside each other."""
    wide, lines = 4.1, 6
    mosaics = [mosaic_array(kernels, "own") for _, kernels, _ in found]
    tall = wide * mosaics[0].shape[0] / mosaics[0].shape[1]
    step_x, step_y = wide + 0.35, tall + line_height(TITLE) + lines * line_height(SMALL) + 0.2
    title = "The judge of filters: which one is good?"
    top = MARGIN + title_height(title)
    board = Board(2 * MARGIN + 2 * step_x - 0.35, top + 2 * step_y + MARGIN, title, provenance)
    for place, ((case, _, judgement), mosaic) in enumerate(zip(found, mosaics, strict=True)):
        row, column = divmod(place, 2)
        left, upper = MARGIN + column * step_x, top + row * step_y
        board.text(case.title, left, upper, width=wide, size=LABEL)
        upper += line_height(TITLE)
        pixels = mosaic.repeat(12, axis=0).repeat(12, axis=1)
        board.picture(pixels, left, upper, wide, tall)
        said = [f"verdict: {judgement.verdict}", *wrapped(judgement.reason, 0.9 * wide, SMALL)]
        said += [
            line
            for cause in judgement.causes[:1]
            for line in wrapped(
                f"likely cause: {cause.cause} ({cause.evidence}); {cause.advice}", wide, SMALL
            )
        ]
        for number, line in enumerate(said[:lines]):
            color = GREEN if not judgement.causes else VERMILLION
            y = upper + tall + 0.05 + number * line_height(SMALL)
            bold = "bold" if number == 0 else "normal"
            board.text(
                line, left, y, width=wide + 0.3, size=SMALL, color=color if number == 0 else INK, weight=bold
            )
    return board.figure


def main() -> None:
    """Trains what is missing, judges and draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="CIFAR-10 as numbacnn has it (.h5)")
    parser.add_argument("--models", type=Path, default=Path("judged"), help="folder for the models")
    parser.add_argument("--pictures", type=int, default=15_000, help="training pictures")
    parser.add_argument("--output", type=Path, default=Path("judged-filters.png"), help="the figure")
    parser.add_argument("--dpi", type=int, default=140, help="dots an inch of the figure")
    arguments = parser.parse_args()
    dataset = some(nc.Dataset.open(arguments.data), arguments.pictures)
    found = []
    for case in CASES:
        kernels, judgement = judged(trained(case, dataset, arguments.models))
        print(f"{case.title}: {judgement.verdict} ({judgement.reason})")
        for cause in judgement.causes:
            print(f"    {cause.cause}: {cause.evidence}; {cause.advice}")
        found.append((case, kernels, judgement))
    made = f"cifar-quick, conv1 · {arguments.pictures:,} pictures of CIFAR-10 · tools/judge_filters.py · each filter on its own scale"
    save(drawn(found, made), arguments.output, arguments.dpi)


if __name__ == "__main__":
    main()
