"""Options that mean the same in every command, and the values that take more than `int` or `Path` to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter, Token

from numbacnn.errors import cut

from .output import Output

if TYPE_CHECKING:
    from numbacnn import Network

INPUTS = Group("Model and data", sort_key=10)
OUTPUTS = Group("Output", sort_key=30)
COMPUTING = Group("Computing", sort_key=40)

NETWORKS = "digits, lenet, cifar-quick, resnet-20, alexnet, vgg-16, googlenet, resnet-50, mobilenet-v1"
"""Some of the named networks; asking the library for all of them would make --help slow."""

Network_ = Annotated[
    str,
    Parameter(
        name="NETWORK",
        help=f"A name ({NETWORKS}, …; 'numbacnn networks' lists them), a .toml file, a .h5 file or a run's folder.",
    ),
]

Out = Annotated[Output, Parameter(parse=False)]
"""Not an option: the Output that the command shows things through."""


class Given:
    """Where the options of a command line were given. Like `Out`, it is no option, but a parameter that a command may
    have.
    """

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def note(self, app: Any, commands: Any, arguments: Any) -> None:
        """Records the arguments once the command line and --config are read (a `config` of cyclopts)."""
        for argument in arguments:
            if argument.tokens:
                source = argument.tokens[0].source
                place = "command line" if source == "cli" else f"--config {source}"
                self._places[argument.name.removeprefix("--").replace("-", "_")] = place

    def place(self, name: str) -> str:
        """Returns `command line`, `--config FILE`, or `default`."""
        return self._places.get(name, "default")

    def count(self, count: int, size: int, of: str, out: Output) -> int:
        """The --count, or all there are where that is fewer, which is said if it was asked for. Raises UsageError below 1."""
        from numbacnn.errors import UsageError

        if count < 1:
            raise UsageError(f"--count {count}: at least 1 picture is expected")
        if count > size and self.place("count") != "default":
            out.warn(f"--count {count}: {of} has {size} pictures, all of them are taken")
        return min(count, size)


Origins = Annotated[Given, Parameter(parse=False)]

Model = Annotated[
    Path | None,
    Parameter(
        name=["--model", "-m"],
        group=INPUTS,
        help="Trained network: a run's folder or a .h5 file. Left out: the newest run here, else the small digits "
        "network in the package.",
    ),
]

Data = Annotated[
    str | None,
    Parameter(
        name=["--data", "-d"],
        group=INPUTS,
        help="Data set: 'digits', a .h5 file made by 'numbacnn data import', or a folder of pictures with a folder a class. "
        "Left out: what the model was trained on.",
    ),
]

SplitName = Annotated[
    Literal["train", "validation", "test"], Parameter(group=INPUTS, help="Which pictures of the data set.")
]


Views = Annotated[
    Literal["one", "mirrored", "shifted"] | None,
    Parameter(
        group=INPUTS,
        show_default=False,
        help="How often each picture is seen: once; mirrored too; or also shifted by a pixel to the upper left and the lower "
        "right. Of several views the scores are averaged. [default: as the model's training measured, else one]",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class Compute:
    """Where a network computes, and in which precision."""

    device: Annotated[
        Literal["cpu", "cuda", "gpu", "auto"],
        Parameter(
            group=COMPUTING,
            help="Where to compute: cpu, cuda or gpu (an NVIDIA GPU), or auto (the GPU if there is one).",
        ),
    ] = "cpu"
    precision: Annotated[
        Literal["float32", "tf32", "bf16"],
        Parameter(
            group=COMPUTING,
            help="Of products: float32 is exact; tf32 and bf16 use a GPU's tensor cores.",
        ),
    ] = "float32"

    def place(self, network: Network) -> None:
        """Moves a network to the device. Raises DeviceError if the device is missing or lacks the precision."""
        network.to(self.device, self.precision)


CPU = Compute()

Picture = Annotated[
    Path | None,
    Parameter(name=["--output", "-o"], group=OUTPUTS, help="Picture to write, as .png, .svg or .pdf."),
]


def _files(_: Any, tokens: tuple[Token, ...]) -> tuple[Path, ...]:
    """Converts IMAGE arguments to files; a wildcard that the shell left as it is becomes the files that match it."""
    from numbacnn.errors import DataError
    from numbacnn.files import expanded

    try:
        return tuple(expanded([Path(token.value) for token in tokens]))
    except DataError as error:
        raise ValueError(str(error)) from None


Images = Annotated[
    tuple[Path, ...],
    Parameter(
        name="IMAGE",
        help="Pictures: PNG, JPEG, …, folders of them, or a wildcard in quotes ('holiday/*.jpg').",
        converter=_files,
        n_tokens=-1,
        negative="",
        show_default=False,
    ),
]


AsIs = Annotated[
    bool,
    Parameter(
        name="--as-is",
        group=INPUTS,
        negative="",
        help="Do not frame drawings as the training pictures are framed; only scale them to the network's size.",
    ),
]
"""Models of drawings frame other drawings like those they were trained on, unless this says not to."""
Force = Annotated[
    bool,
    Parameter(
        name="--force",
        group=OUTPUTS,
        negative="",
        show_default=False,
        help="Replace files of the same kind that numbacnn did not write. Never one that the command reads.",
    ),
]

_NUMBER = r"(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?"
_FRACTION = re.compile(rf"\s*({_NUMBER})\s*(?:/\s*({_NUMBER})\s*)?", re.ASCII)
"""A number, or a fraction of two numbers, short enough for quick arithmetic."""

Ranges = tuple[range, ...]
"""Whole numbers as they were written, not yet expanded, as they may stand for far more than there are."""


def parse_amount(text: str) -> Fraction:
    """Returns a number of at least 0, which may be written as a fraction: ``8/255``, ``0.03``, ``2``. Raises
    UsageError.
    """
    found = _FRACTION.fullmatch(text)
    try:
        value = Fraction(found[1]) / Fraction(found[2] or 1) if found else None
    except ZeroDivisionError:
        value = None
    if value is None:
        raise ValueError(
            f"'{cut(text)}' is not a number of at least 0; write one fraction of full scale such as 8/255 or 0.03"
        )
    return value


def parse_ranges(text: str) -> Ranges:
    """Returns whole numbers in the order given: ``0-15``, ``3,7,9``, ``0-3,8``. Raises UsageError."""
    ranges: list[range] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _is_whole(first) or (dash and not _is_whole(last)):
            raise ValueError(f"'{cut(text)}' is not a list of whole numbers; write 0-15, or 3,7,9")
        if dash and int(last) < int(first):
            raise ValueError(f"'{part.strip()}' runs backwards; write {last}-{first}")
        ranges.append(range(int(first), int(last if dash else first) + 1))
    return tuple(ranges)


def expand(ranges: Ranges, size: int, option: str, of: str) -> list[int]:
    """Returns the numbers that ranges stand for, each once; numbers from 0 to `size` - 1 exist. Raises UsageError for
    others.
    """
    from numbacnn.errors import UsageError

    last = max(each[-1] for each in ranges)
    if last >= size:
        raise UsageError(f"{option} {last}: {of} has 0 to {size - 1}")
    return list(dict.fromkeys(chain.from_iterable(ranges)))


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def amount(_: Any, tokens: tuple[Token, ...]) -> float:
    """Converts an option that is a number or a fraction."""
    return float(parse_amount(tokens[0].value))


def _epsilons(_: Any, tokens: tuple[Token, ...]) -> tuple[float, ...]:
    return tuple(float(parse_amount(part)) for part in tokens[0].value.split(","))


def as_ranges(_: Any, tokens: tuple[Token, ...]) -> Ranges:
    """Converts an option that takes whole numbers and ranges of them."""
    return parse_ranges(tokens[0].value)


Target = Annotated[
    str | None,
    Parameter(
        name="--target",
        help="Class that the network is to be led to, by name or index; random: another one for each picture; least-likely: "
        "the one that the network thinks least of. Left out, any but the right one.",
    ),
]

Epsilons = Annotated[
    tuple[float, ...],
    Parameter(
        converter=_epsilons, n_tokens=1, negative="", help="Largest changes of a pixel: 0,1/255,2/255."
    ),
]

Units = Annotated[
    Ranges | None,
    Parameter(
        name="--units",
        converter=as_ranges,
        n_tokens=1,
        negative="",
        help="Units of the layer: 0-15, or 3,7,9.",
    ),
]
