"""What the commands that make pictures share: their options, and following them until they are done or stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from ..output import Output

if TYPE_CHECKING:
    from numbacnn.analysis.making import Ascent, Step

ASCENT = Group("How pictures are made", sort_key=25)


@Parameter(name="*", group=ASCENT)
@dataclass(frozen=True)
class Climbing:
    """Options of an Ascent; left out, what suits the command."""

    steps: int | None = None
    """Steps of the optimisation."""
    rate: float | None = None
    """Of Adam: how far each number moves in a step."""
    l2: float | None = None
    """How strongly pixels are pulled towards the mean that the network subtracts."""
    variation: float | None = None
    """How strongly neighbouring pixels are pulled together (total variation)."""
    blur: float | None = None
    """Pixels by which the picture is blurred every fourth step; with --canvas pixels."""
    seed: int | None = None
    """What the first picture, and the network's views of it, are drawn from."""
    canvas: Literal["fourier", "pixels"] = "fourier"
    """What is optimised: frequencies in decorrelated colours (Olah et al., 2017), or pixels."""

    def ascent(self, start: Ascent, **more: Any) -> Ascent:
        """`start` with what was given. Raises UsageError for numbers that do not fit."""
        from numbacnn.errors import UsageError

        if self.blur and self.canvas != "pixels":
            raise UsageError("--blur is of pixels: add --canvas pixels")
        given = {name: getattr(self, name) for name in ("steps", "rate", "l2", "variation", "blur", "seed")}
        chosen = {name: value for name, value in (given | more).items() if value is not None}
        return dataclasses.replace(start, **chosen)


CLIMBING = Climbing()


@Parameter(name="*", group=ASCENT)
@dataclass(frozen=True)
class Views(Climbing):
    """Options of an Ascent whose views of the picture move."""

    zoom: float | None = None
    """By how much the network's view of the picture is scaled by chance: 0.1 is from 1/1.1 to 1.1."""
    jitter: Annotated[int | None, Parameter(help="Pixels by which it moves at most, to each side.")] = None


VIEWS = Views()


def followed(
    steps: Iterable[Step], total: int, what: str, out: Output
) -> tuple[Step, KeyboardInterrupt | None]:
    """The last of the steps, and what stopped them before the end, to be raised once that is saved."""
    last = None
    try:
        for step in out.progress(steps, what, total):
            last = step
    except KeyboardInterrupt as stopped:
        if last is None:
            raise
        return last, stopped
    assert last is not None, "there is a step"
    return last, None


def end(stopped: KeyboardInterrupt | None, done: int, total: int, out: Output) -> None:
    """Raises what stopped the steps, now that the picture is saved."""
    if stopped is not None:
        out.warn(f"stopped after {done} of {total} steps: the figure shows how far they came")
        raise stopped


def columns_of(count: int) -> int:
    """How many pictures stand in a row: up to five, so that as few places as can be stay empty at the end."""
    return count if count <= 5 else min((4, 5, 3), key=lambda columns: -count % columns)


def used(ascent: Ascent, canvas: str) -> str:
    """A figure's words for how it was made."""
    options = dataclasses.asdict(ascent)
    shown = [f"{name} {options[name]:g}" for name in ("zoom", "l2", "variation", "blur") if options[name]]
    return f"{ascent.steps} steps of Adam, rate {ascent.rate:g}; " + "; ".join(
        [f"canvas {canvas}", *shown, f"seed {ascent.seed}"]
    )
