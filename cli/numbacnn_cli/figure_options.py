"""What every command that draws takes, as one parameter: where its figure goes, how fine it is, the numbers behind it,
and a look at it in the terminal. A command has all of that by

    def filters(*, model: Model = None, figure: FigureOptions = FIGURE, out: Out) -> dict[str, Any]:
        target = figure.target(out, "filters", reads=[model])  # what cannot be written is said before the work
        …
        numbers = {"kernels": (kernels, "weights of conv1: rows, columns, channels, filters")}
        return {**target.save(drawing, numbers, say="16 filters"), "model": …}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from .destination import FIGURE_DATA, Destination
from .options import OUTPUTS, Force, Picture
from .output import Output
from .preview import preview, shown

if TYPE_CHECKING:
    from numbacnn.figures import Drawing

FINEST = 2400
COARSEST = 20

Numbers = Mapping[str, tuple[Any, str]]
"""By name: an array (or texts, or a list of arrays of different sizes), and its meaning, axes and unit."""


@Parameter(name="*")
@dataclass(frozen=True)
class Rendering:
    """Options for figures whose place the user cannot choose."""

    dpi: Annotated[
        int | None,
        Parameter(
            name="--dpi",
            group=OUTPUTS,
            help="Dots an inch of a PNG, and of the pictures in an SVG or PDF. Left out: 200, fewer in a huge figure.",
        ),
    ] = None
    save_data: Annotated[
        Path | None,
        Parameter(
            name="--save-data", group=OUTPUTS, help="Write the numbers behind the figure too, as .h5 (HDF5)."
        ),
    ] = None
    preview: Annotated[
        bool,
        Parameter(
            name="--preview",
            negative="--no-preview",
            group=OUTPUTS,
            help="Show the figure in the terminal too, where it has colours.",
        ),
    ] = True

    def prepare(self, to: Destination, out: Output) -> Figures:
        """Checks the options before the work, and returns the command's Figures. Raises UsageError."""
        from numbacnn.errors import need_whole

        if self.dpi is not None:
            need_whole("--dpi", self.dpi, COARSEST, FINEST)
        data = None if self.save_data is None else to.named(self.save_data, FIGURE_DATA, "--save-data ")
        return Figures(self, to, data, out)


RENDERING = Rendering()


@Parameter(name="*")
@dataclass(frozen=True)
class FigureOptions(Rendering):
    """Options for a figure whose place the user may choose."""

    output: Picture = None
    force: Force = False

    def target(self, out: Output, name: str = "", *, reads: Iterable[Path | None] = ()) -> FigureTarget:
        """Returns where the figure will go, decided before the work: --output, else NAME.png.

        `reads` are the files that the command reads. If the name is known only later, it is left out here and given to
        `FigureTarget.name`. Raises UsageError.
        """
        to = Destination(out, reads=reads, force=self.force)
        given = to.output(self.output)
        figures = self.prepare(to, out)
        target = FigureTarget(figures, given)
        if name:
            target.name(name)
        return target


FIGURE = FigureOptions()


class Figures:
    """The figures of one command, and one file with the numbers behind all of them.

    `to` decides where everything that the command writes goes.
    """

    def __init__(self, rendering: Rendering, to: Destination, data: Path | None, out: Output) -> None:
        self.to, self.data = to, data
        self._rendering, self._out = rendering, out
        self._numbers: dict[str, tuple[Any, str]] = {}
        self._head = ("", "")

    def save(
        self,
        drawing: Drawing,
        path: Path,
        numbers: Numbers,
        *,
        say: str | None = "",
        blocks: Any = None,
        preview_too: bool = True,
    ) -> Path:
        """Writes a figure, and anew the file with all numbers so far; shows both.

        `blocks` (h,w,3) uint8 is what terminals show that have only characters for pixels, in place of the figure.
        """
        from numbacnn.figures import as_pixels, save

        save(drawing, path, self._rendering.dpi)
        if preview_too and self._rendering.preview and shown(self._out):
            preview(as_pixels(drawing, 100), self._out, blocks=blocks)
        if say is not None:
            self._out.say(f"{path}: {say}" if say else str(path))
        self._head = (
            (drawing.heading, drawing.provenance) if not self._numbers else self._head
        )  # the first figure's
        self._numbers.update(numbers)
        if self.data is not None:
            from numbacnn.storage.numbers import write_numbers

            title, provenance = self._head
            write_numbers(self.data, self._numbers, title=title, provenance=provenance)
            self._out.say(f"{self.data}: the numbers behind {path.name}")
        return path

    def in_folder(
        self, drawing: Drawing, folder: Path, name: str, numbers: Numbers, *, preview_too: bool = True
    ) -> Path:
        """One of several figures in a folder, NAME.png, of which the command tells by itself."""
        path = self.to.default(name, folder=folder)
        return self.save(drawing, path, numbers, say=None, preview_too=preview_too)


class FigureTarget:
    """Where one command's figure goes."""

    def __init__(self, figures: Figures, given: Path | None) -> None:
        self.figures, self._path = figures, given
        self.to = figures.to

    @property
    def path(self) -> Path:
        """The figure's file."""
        assert self._path is not None, "name() first"
        return self._path

    def name(self, name: str) -> Path:
        """Returns the figure's file: NAME.png, unless --output names another."""
        if self._path is None:
            self._path = self.to.default(name)
        return self._path

    def save(
        self, drawing: Drawing, numbers: Numbers, *, say: str = "", blocks: Any = None
    ) -> dict[str, Any]:
        """Writes the figure and its numbers and shows both; returns `figure` and `data_file` (None without --save-data)
        for JSON.
        """
        self.figures.save(drawing, self.path, numbers, say=say, blocks=blocks)
        return {"figure": self.path, "data_file": self.figures.data}

    def beside(self, drawing: Drawing, addition: str, numbers: Numbers, *, say: str = "") -> Path:
        """A second figure, in NAME-addition.png; its numbers are a group of that name in the same file."""
        own = {f"{addition}/{name}": value for name, value in numbers.items()}
        path = self.to.beside(self.path, addition)
        return self.figures.save(drawing, path, own, say=say, preview_too=False)
