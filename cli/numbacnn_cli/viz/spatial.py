"""numbacnn viz spatial: where a filter fits on a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..figure_options import FIGURE, FigureOptions
from ..options import Out, Ranges, as_ranges

if TYPE_CHECKING:
    from numbacnn.analysis import Placement

MOST_STRIDES = 6

Strides = Annotated[
    Ranges,
    Parameter(
        name="--strides", converter=as_ranges, n_tokens=1, negative="", help="Strides to draw: 1-3, or 1,2,4.",
        show_default=lambda _: "1-3",
    ),
]  # fmt: skip


def spatial(
    *,
    size: Annotated[int, Parameter(name="--size")] = 7,
    filter_: Annotated[int, Parameter(name="--filter")] = 3,
    strides: Strides = (range(1, 4),),
    padding: int = 0,
    figure: FigureOptions = FIGURE,
    out: Out,
) -> dict[str, Any]:
    """Draw where a filter fits on a picture, stride by stride: the lecture's 7x7 picture, whose 3x3 filter doesn't at stride 3.

    It says why, and what would fit: another padding, stride or size.

    JSON: `figure`, `data_file`, `placements[]` with `.size`, `.filter`, `.stride`, `.padding`, `.formula`, `.fits`, `.positions`
    (of a side), `.starts`, `.left_over` (cells that no position reaches), and what would fit with the rest as it is:
    `.paddings`, `.strides`, `.sizes`.

    Parameters
    ----------
    size
        Height and width of the picture.
    filter_
        Height and width of the filter.
    padding
        Zeros around the picture, on each side.
    """
    from numbacnn.analysis import placement
    from numbacnn.analysis.spatial import MOST
    from numbacnn.errors import UsageError, need_whole
    from numbacnn.figures import spatial as drawn

    for option, value, least in (("--size", size, 1), ("--filter", filter_, 1), ("--padding", padding, 0)):
        need_whole(option, value, least, MOST)
    chosen = list(dict.fromkeys(each for one in strides for each in one[: MOST_STRIDES + 1]))
    for stride in chosen:
        need_whole("--strides", stride, 1, MOST)
    if len(chosen) > MOST_STRIDES:
        raise UsageError(f"--strides: at most {MOST_STRIDES} strides fit a figure")
    target = figure.target(out, "spatial")
    found = [placement(size, filter_, stride, padding) for stride in chosen]
    remedies = [_remedy(each) for each in found]
    for each, remedy in zip(found, remedies, strict=True):
        out.say(
            f"stride {each.stride}: {each.formula}, {'fits' if each.fits else 'does not fit'}{remedy and f'; {remedy}'}"
        )
    title = f"A {filter_}x{filter_} filter on a {size}x{size} picture: (I - F + 2P)/S + 1 has to be whole"
    made = "I: the picture's side, F: the filter's, P: padding, S: stride; a blue line a position, red: over the border"
    numbers = {
        "strides": (chosen, "the strides drawn"),
        "positions": ([each.positions for each in found], "(I - F + 2P)/S + 1 of each"),
        "starts": (
            [list(each.starts) for each in found],
            "the first cell of each position; padding is below 0",
        ),
    }
    fitting = sum(each.fits for each in found)
    saved = target.save(
        drawn(found, remedies, title, provenance=made), numbers, say=f"{fitting} of {len(found)} fit"
    )
    return {
        **saved,
        "placements": [{**each._asdict(), "formula": each.formula, "fits": each.fits} for each in found],
    }


def _remedy(each: Placement) -> str:
    """What would fit; nothing where it does."""
    if each.fits:
        return ""
    ways = []
    for values, words in (
        (each.paddings, "padding"),
        (each.strides, "stride"),
        (each.sizes, "a picture's side of"),
    ):
        if values:
            listed = [str(value) for value in values[:4]]
            ways.append(
                f"{words} {' or '.join([', '.join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)}"
            )
    return f"what does: {'; '.join(ways)}" if ways else "nothing near it does"
