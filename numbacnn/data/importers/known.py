"""Names, class names, sources and licences of published sets, whose files do not hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Known:
    """What is known of a published data set."""

    name: str
    pattern: str
    class_names: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""


CIFAR = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"

KNOWN = (
    Known(
        "Fashion-MNIST",
        r"fashion",
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, github.com/zalandoresearch/fashion-mnist",
        "MIT",
    ),
    Known(
        "CIFAR-10",
        r"cifar[-_ ]?10(?!\d)",
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        CIFAR,
    ),
    Known("CIFAR-100", r"cifar[-_ ]?100", (), CIFAR),
)


def recognise(path: Path, classes: int | None = None) -> Known:
    """Returns the set that a path is named after, if it has this number of classes; else an unknown one, named after
    the path.
    """
    for name in (path.name, path.absolute().parent.name):
        for known in KNOWN:
            fits = classes is None or not known.class_names or len(known.class_names) == classes
            if fits and re.search(known.pattern, name, re.IGNORECASE):
                return known
    resolved = path.resolve()
    return Known(
        resolved.stem if path.is_file() else resolved.name, "", source=f"imported from {resolved.name}"
    )
