"""Writes numbacnn/data/digits.h5, the embedded data set, from scikit-learn's copy of it.

usage: python tools/make_digits.py [OUT.h5]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from numbacnn.data import Split
from numbacnn.data.contents import Contents
from numbacnn.storage import write_dataset

SEED = 0
PART = 300
SOURCE = (
    "Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak, 1998), UCI Machine Learning Repository, "
    "doi:10.24432/C50P49; the test part, as scikit-learn has it: 8x8 counts from 0 to 16, here 0 to 255"
)


def main(path: Path) -> None:
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    contents = Contents(
        name="digits",
        splits={"train": Split(images, digits.target.astype(np.int64))},
        class_names=tuple(str(digit) for digit in digits.target_names),
        source=SOURCE,
        licence="CC BY 4.0",
    )
    contents = contents.with_part("test", PART / len(images), SEED)
    contents = contents.with_part("validation", PART / len(contents.splits["train"]), SEED)
    # Compressed, unlike what users import: it travels in every wheel.
    write_dataset(path, contents, compress=True)
    sizes = ", ".join(f"{name} {len(split)}" for name, split in contents.splits.items())
    print(f"{path}: {sizes}; {path.stat().st_size} bytes")


if __name__ == "__main__":
    default = Path(__file__).parent.parent / "numbacnn" / "data" / "digits.h5"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
