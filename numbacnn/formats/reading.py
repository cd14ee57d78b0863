"""What a user says beside the file, for its reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..layers import Shape


@dataclass(frozen=True)
class Asked:
    """The user's options for a reader, None where not given: a .prototxt with Caffe's layers, the input's shape
    (H,W,C), the name of a network.
    """

    prototxt: Path | None = None
    input_shape: Shape | None = None
    network: str | None = None
