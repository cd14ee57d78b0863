"""Listing: a heading over rows, which objects show of themselves as text and, in notebooks, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Listing(NamedTuple):
    """A heading, the names of the columns, and rows of as many cells; cells that begin with a digit stand on the right."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def text(self) -> str:
        """The heading and a line a row."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        right = [
            all(row[place][:1].isdigit() or not row[place] for row in self.rows)
            for place in range(len(widths))
        ]
        shown = [
            "  ".join(
                cell.rjust(width) if numbers else cell.ljust(width)
                for cell, width, numbers in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.heading, *(f"  {line}" for line in shown)])

    def html(self) -> str:
        """A table with the heading as its caption; what names hold is escaped."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        return (
            f"<table><caption>{escape(self.heading)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )
