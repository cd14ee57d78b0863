"""numbacnn viz conv-demo: a convolution on a small volume, step by step."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.live import Live
from rich.text import Text

from ..destination import ANIMATION, PAGE
from ..figure_options import FIGURE, FigureOptions
from ..options import OUTPUTS, Out
from ..pages import page, write_page
from .conv_page import SCRIPT, STYLE, section

if TYPE_CHECKING:
    from numbacnn.analysis import ConvolutionSteps, Step
    from numbacnn.figures import Drawing

MILLISECONDS = 900
FRAME_DOTS = 90

Animation = Annotated[
    Path | None, Parameter(name="--animation", group=OUTPUTS, help="Animation to write too, as .gif.")
]
Page = Annotated[
    Path | None, Parameter(name="--page", group=OUTPUTS, help="Page with a slider to write too, as .html.")
]


def conv_demo(
    *,
    size: int = 5,
    channels: int = 3,
    filter_: Annotated[int, Parameter(name="--filter")] = 3,
    filters: int = 2,
    stride: int = 2,
    padding: int = 1,
    seed: int = 0,
    step: int | None = None,
    delay: float = 0.4,
    animation: Animation = None,
    page_: Page = None,
    figure: FigureOptions = FIGURE,
    out: Out,
) -> dict[str, Any]:
    """Show a convolution on a small volume of whole numbers, step by step: in the terminal, as a figure, a GIF and a page.

    The figure is of one step. --animation and --page write all of them, the page with a slider; it loads nothing.

    JSON: `figure`, `data_file`, `animation`, `page` (null if not asked for), `output` ([P][Q][K]), and `steps[]` with `.filter`,
    `.row`, `.column`, `.top`, `.left` (of the window, in the padded volume), `.sums` (a channel), `.bias`, `.value`.

    Parameters
    ----------
    size
        Height and width of the volume.
    channels
        Channels of the volume, and of every filter.
    filter_
        Height and width of the filters.
    filters
        How many.
    stride
        Cells from one window to the next.
    padding
        Zeros around the volume, on each side.
    seed
        Of the numbers.
    step
        The step that the figure shows, from 1; left out, the first.
    delay
        Seconds that a step stands in the terminal.
    """
    from numbacnn.analysis import convolution_steps
    from numbacnn.errors import UsageError, need_whole

    for option, value, least in (
        ("--size", size, 1), ("--channels", channels, 1), ("--filter", filter_, 1), ("--filters", filters, 1),
        ("--stride", stride, 1), ("--padding", padding, 0), ("--seed", seed, 0),
    ):  # fmt: skip
        need_whole(option, value, least, None if option == "--seed" else 64)
    if not 0 <= delay <= 60:
        raise UsageError(f"--delay {delay:g}: seconds from 0 to 60 are expected")
    target = figure.target(out, "conv-demo")
    gif = None if animation is None else target.to.named(animation, ANIMATION, "--animation ")
    html = None if page_ is None else target.to.named(page_, PAGE, "--page ")
    demo = convolution_steps(size, channels, filter_, filters, stride, padding, seed)
    steps = list(demo.steps())
    need_whole("--step", 1 if step is None else step, 1, len(steps))
    title = f"{size}x{size}x{channels}, {filters} filters of {filter_}x{filter_}, stride {stride}, padding {padding}"
    _walk(demo, steps, delay, out)
    numbers = {
        "volume": (demo.padded, "with its padding: rows, columns, channels"),
        "weights": (demo.weights, "rows, columns, channels, filters"),
        "bias": (demo.bias, "a filter"),
        "output": (demo.output, "rows, columns, filters"),
    }
    number = (step or 1) - 1
    saved = target.save(_drawn(demo, steps, number, title), numbers, say=f"step {number + 1} of {len(steps)}")
    if gif is not None:
        _animate(gif, out.progress(_frames(demo, steps, title), "drawing", len(steps)))
        out.say(f"{gif}: {len(steps)} steps")
    if html is not None:
        lead = "Move the slider, or use the arrow keys on it: each number of the output is a sum of products."
        write_page(
            html, page(f"Convolution: {title}", lead, [section(demo, steps)], script=SCRIPT, style=STYLE)
        )
        out.say(f"{html}: {len(steps)} steps, with a slider")
    return {
        **saved,
        "animation": gif,
        "page": html,
        "output": demo.output,
        "steps": [each._asdict() for each in steps],
    }


def _drawn(demo: ConvolutionSteps, steps: list[Step], number: int, title: str) -> Drawing:
    from numbacnn.figures import convolution_step

    return convolution_step(
        demo.padded, demo.weights, demo.bias, demo.output, demo.padding, steps[number], number + 1, title
    )


def _frames(demo: ConvolutionSteps, steps: list[Step], title: str) -> Any:
    from numbacnn.figures import as_pixels

    return (as_pixels(_drawn(demo, steps, number, title), FRAME_DOTS) for number in range(len(steps)))


def _animate(path: Path, frames: Any) -> None:
    """Writes a GIF whole or not at all; it says that numbacnn made it. Raises OSError."""
    from PIL import Image

    from numbacnn.provenance import FIGURE as MARK
    from numbacnn.replacing import replacing

    first, *others = [Image.fromarray(frame).quantize(64) for frame in frames]
    with replacing(path) as partial:
        first.save(
            partial,
            "gif",
            save_all=True,
            append_images=others,
            duration=MILLISECONDS,
            loop=0,
            comment=MARK.encode(),
        )


def _walk(demo: ConvolutionSteps, steps: list[Step], delay: float, out: Out) -> None:
    """Each step: redrawn in place on a terminal, else a line."""
    if out.live and not out.as_json and delay:
        with out.drawing(), Live(console=out.console, auto_refresh=False) as live:
            for number, step in enumerate(steps):
                live.update(_screen(demo, step, number, len(steps)), refresh=True)
                time.sleep(delay)
        return
    for number, step in enumerate(steps):
        out.say(
            f"step {number + 1} of {len(steps)}: o[{step.row}, {step.column}, {step.filter}] = {step.formula}"
        )


def _screen(demo: ConvolutionSteps, step: Step, number: int, count: int) -> Text:
    """The volume's channels beside the filter's, the window in reverse, and the sum below."""
    side = demo.weights.shape[0]
    shown = Text()
    for channel in range(demo.padded.shape[2]):
        shown.append(f"x[:, :, {channel}]\n", "dim")
        for row, values in enumerate(demo.padded[..., channel]):
            for column, value in enumerate(values):
                inside = step.top <= row < step.top + side and step.left <= column < step.left + side
                shown.append(f"{value:3d}", "reverse" if inside else "")
            if row < side:
                shown.append("    ")
                weights = demo.weights[row, :, channel, step.filter]
                shown.append("".join(f"{value:3d}" for value in weights), "bold")
            shown.append("\n")
    shown.append(
        f"step {number + 1} of {count}: o[{step.row}, {step.column}, {step.filter}] = {step.formula}", "bold"
    )
    return shown
