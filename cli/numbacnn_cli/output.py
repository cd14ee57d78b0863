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

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from numbacnn.errors import without_controls

Item = TypeVar("Item")

ERASE = "\r\x1b[K"
"""Takes away the line that the cursor is on."""


class Terminal(Console):
    """rich's console, but `main` says what happens when nobody reads any more."""

    def on_broken_pipe(self) -> None:
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
        self.console.print(without_controls(text, keep="\n\t"))

    def note(self, text: str) -> None:
        """A line in the background: which model was taken, where a picture was saved."""
        self.console.print(without_controls(text, keep="\n\t"), style="dim")

    def warn(self, text: str) -> None:
        """A line on stderr, for what the user should know and the command can live with."""
        warning(text)

    def show(self, renderable: RenderableType) -> None:
        """Anything that rich can draw."""
        self.console.print(renderable)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
        """Rows under headers; columns of numbers line up on the right."""
        cells = [[without_controls(str(cell)) for cell in row] for row in rows]
        table = Table(box=None, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
        for column, header in enumerate(headers):
            values = [row[column] for row in cells]
            numbers = bool(values) and all(value[:1].isdigit() or value[:1] in "-+." for value in values)
            table.add_column(header, justify="right" if numbers else "left", no_wrap=numbers)
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(table)

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
    """A ``warning: …`` line on stderr."""
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
