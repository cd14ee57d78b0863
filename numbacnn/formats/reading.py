"""What the user says beside the file, and the weights' format by the file's name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..layers import Shape


@dataclass(frozen=True)
class Asked:
    """What a reader is told: a text with Caffe's layers, the size of the pictures, a network's name. None: nothing was said."""

    prototxt: Path | None = None
    input_shape: Shape | None = None
    network: str | None = None
