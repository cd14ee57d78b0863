"""A data set drawn at random, and files that are damaged in many ways."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data import Dataset, Split
from numbacnn.data.contents import Contents
from numbacnn.storage import open_dataset, write_dataset

SHAPE = (4, 5, 3)


def contents(train: int = 9, seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Contents:
    generator = np.random.default_rng(seed)

    def split(count: int) -> Split:
        return Split(generator.integers(0, 256, (count, *shape), np.uint8), np.arange(count) % 3)

    splits = {"train": split(train), "validation": split(4), "test": split(6)}
    return Contents("tiny", splits, ("ant", "bée", "猫"), "drawn at random", "none")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.h5"
    write_dataset(path, contents())
    return path


def everything(dataset: Dataset) -> list[Any]:
    splits = [
        (name, split.labels.tolist(), split.read(slice(None)).tobytes())
        for name, split in dataset.splits.items()
    ]
    facts = (dataset.name, dataset.source, dataset.licence, dataset.class_names, dataset.mean_rgb)
    return [*facts, dataset.standard_deviation, *splits]


FUZZ = """
import sys, random
sys.path[:0] = {paths!r}
from pathlib import Path
from {module} import everything, read
from numbacnn.errors import NumbacnnError
path = Path({path!r})
good, whole = path.read_bytes(), everything(read(path))
draw = random.Random({seed})
for index in range({rounds}):
    data = bytearray(good)
    start = draw.randrange(len(data))
    match draw.randrange(3):
        case 0: data[start] ^= 1 << draw.randrange(8)
        case 1: data[start:start + 16] = draw.randbytes(len(data[start:start + 16]))
        case 2: del data[start:]
    damaged = path.with_suffix(f".{{index}}.h5")
    damaged.write_bytes(data)
    try:
        assert everything(read(damaged)) == whole, f"round {{index}}: damage was read as data"
    except NumbacnnError:
        pass
    damaged.unlink()
"""


def fuzz(module: str, path: Path, rounds: int) -> None:
    """Damages a file in many ways and reads it, in a process of its own: HDF5 could hang or crash."""
    here = Path(__file__).parent
    paths = [str(here), str(here.parent)]
    seed = random.Random(module).randrange(1 << 30)
    program = FUZZ.format(paths=paths, module=module, path=str(path), seed=seed, rounds=rounds)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


read = open_dataset
