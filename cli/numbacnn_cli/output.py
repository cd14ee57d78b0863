"""The one way out of a command: what people read, and the JSON that programs read.

Without ``--json`` everything that a command shows goes to stdout. With it, all of that goes to stderr and stdout
gets exactly one line: the dict that the command returned, or ``{"error": {"type": …, "message": …}}``.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from numbacnn.errors import without_controls

from .tables import Column, drawn, fitting

Item = TypeVar("Item")

ERASE = "\r\x1b[K"
"""The control sequence that erases the cursor's line."""


class Terminal(Console):
    """rich's console. `main` handles a broken pipe, and only rich itself may control the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Returns the segments of what is drawn, without control characters in its texts."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                lines = map(without_controls, segment.text.split("\n"))
                yield Segment("\n".join(lines), segment.style)

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError, so that `main` ends the command."""
        raise BrokenPipeError


class Output:
    """What a command shows while it works.

    `console` is rich's, for what the methods below do not cover; `live` says whether it can redraw lines. `status` is
    what a display that is `drawn` now shows beside its bars: which kernel is being compiled.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.drawn = False
        self.status = ""
        self.console = Terminal(stderr=as_json, highlight=False, markup=False, emoji=False, soft_wrap=True)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = 200  # a pipe or a log file has no width to fold tables to

    @property
    def live(self) -> bool:
        """True on a terminal that can redraw; progress bars and pictures are only for those."""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def say(self, text: str = "") -> None:
        """A line."""
        self.console.print(without_controls(text))

    def note(self, text: str) -> None:
        """A line in the background: which model was taken, where a picture was saved."""
        self.console.print(without_controls(text), style="dim")

    def warn(self, text: str) -> None:
        """A line on stderr, for what the user should know and the command can live with."""
        warning(text)

    def table(
        self, headers: Sequence[str], rows: Iterable[Sequence[object]], *, last_to_drop: Sequence[str] = ()
    ) -> None:
        """Rows under headers; columns of numbers line up on the right.

        On a narrow terminal columns are left out from the right, the first one and those of `last_to_drop` at last.
        """
        cells = [[without_controls(str(cell)) for cell in row] for row in rows]
        columns = []
        for place, header in enumerate(headers):
            values = [row[place] for row in cells]
            numbers = bool(values) and all(value[:1].isdigit() or value[:1] in "-+." for value in values)
            importance = 0 if place == 0 or header in last_to_drop[:1] else place + len(headers)
            if header in last_to_drop:
                importance = min(importance, last_to_drop.index(header))
            columns.append(Column(header, values, numbers=numbers, importance=importance))
        self.columns(columns)

    def columns(self, columns: Sequence[Column], *, gap: int = 2) -> None:
        """A table of those columns that the terminal has room for; says which it leaves out."""
        kept, left_out = fitting(columns, self.console.width, gap)
        self.console.print(drawn(kept, gap=gap))
        if left_out:
            names = ", ".join(" ".join(column.header.split()).replace("- ", "-") for column in left_out)
            self.note(f"left out, as {self.console.width} columns are too few: {names}; --json has them")

    def progress(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
        """The items, with a bar and the time left on a terminal and nothing anywhere else."""
        if not self.live:
            yield from items
            return
        from rich.progress import Progress, ProgressColumn, Task

        class Status(ProgressColumn):
            def render(_, task: Task) -> Text:
                return Text(self.status)

        columns = (*Progress.get_default_columns(), Status())
        with self.drawing(), Progress(*columns, console=self.console, transient=True) as bar:
            yield from bar.track(items, total, description=description)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """While something is drawn again and again at the bottom of the terminal, nothing else may be written there."""
        self.drawn = True
        try:
            yield
        finally:
            self.drawn = False


def warning(text: str) -> None:
    """Writes a ``warning: ...`` line to stderr."""
    print(f"warning: {without_controls(text)}", file=sys.stderr, flush=True)


def as_json(result: Mapping[str, Any]) -> str:
    """`result` as one line of JSON.

    NaN and infinities, which JSON has no word for, become null; arrays become lists and paths strings.
    """
    return json.dumps(_plain(result), allow_nan=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    elif hasattr(value, "tolist"):  # a NumPy array or scalar, without importing NumPy to ask
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a result cannot hold {type(value).__name__}: {value!r}")
