"""Tables that drop whole columns where a terminal is too narrow, and never digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

FOLDED = 16
"""The least width of a column of words, which fold."""


class Column(NamedTuple):
    """A column's header, its cells and its footer, and how they stand.

    Numbers stand on the right and are never cut; words fold where there is too little room, to `FOLDED` at the least.
    `importance` says which columns are dropped first: those with the largest; a column of 0 stays.
    """

    header: str
    cells: Sequence[str]
    footer: str = ""
    numbers: bool = False
    folds: bool = True
    importance: int = 0

    @property
    def widest(self) -> int:
        """The width of its longest line."""
        lines = (line for text in (self.header, *self.cells, self.footer) for line in text.split("\n"))
        return max(map(cell_len, lines), default=0)

    @property
    def least(self) -> int:
        """The least width that it may have."""
        return min(self.widest, FOLDED) if self.folds and not self.numbers else self.widest


def fitting(columns: Sequence[Column], width: int, gap: int = 2) -> tuple[list[Column], list[Column]]:
    """Returns the columns that fit side by side into `width`, and those that are left out."""
    kept = list(columns)
    while sum(column.least + gap for column in kept) - gap > width:
        least_important = max(kept, key=lambda column: column.importance)
        if least_important.importance == 0:
            break
        kept.remove(least_important)
    return kept, [column for column in columns if column not in kept]


def drawn(columns: Sequence[Column], title: str = "", gap: int = 2) -> Table:
    """Returns the table."""
    table = Table(
        box=None, title=title or None, title_justify="left", title_style="bold", pad_edge=False,
        padding=(0, gap, 0, 0), show_footer=any(column.footer for column in columns),
    )  # fmt: skip
    for column in columns:
        table.add_column(
            column.header,
            column.footer,
            justify="right" if column.numbers else "left",
            no_wrap=column.numbers or not column.folds,
            vertical="bottom",
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))
    return table
