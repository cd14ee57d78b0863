"""HTML pages of one file: no request leaves them, they print, and they fit a phone.

Everything that comes from elsewhere (names of classes, files, settings) is escaped here.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numbacnn.errors import without_controls

if TYPE_CHECKING:
    from numbacnn.figures import Drawing

DOTS = 130
"""Dots an inch of a figure: sharp on a phone's screen, and small enough for a page with twenty figures."""

LARGE_FIGURE, LARGE_PICTURE = 300_000, 20_000
"""A PNG with more bytes than this becomes a JPEG."""


class Section(NamedTuple):
    """A part of a page: its heading, the name that links use, and its elements as HTML."""

    heading: str
    name: str
    elements: Sequence[str]


def text(value: object) -> str:
    """Returns any text as HTML."""
    return escape("\n".join(map(without_controls, str(value).split("\n"))))


def paragraph(value: object, kind: str = "") -> str:
    """Returns a paragraph, with an optional CSS class."""
    return f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{text(value)}</p>"


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Returns a list of names and their values."""
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return f"<dl>{rows}</dl>"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> str:
    """Returns a table; cells that begin with a digit are right-aligned, `caption` describes the table."""

    def cell(value: object) -> str:
        shown = text(value)
        return f'<td class="number">{shown}</td>' if shown[:1].isdigit() else f"<td>{shown}</td>"

    head = "".join(f'<th scope="col">{text(header)}</th>' for header in headers)
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def bars(rows: Iterable[tuple[str, float, str]], caption: str) -> str:
    """Returns rows of a name, a share from 0 to 1 as a bar, and a text beside it."""
    body = "".join(
        f'<tr><th scope="row">{text(name)}</th><td class="bar"><i style="width:{100 * min(max(share, 0), 1):.1f}%"></i></td>'
        f'<td class="number">{text(value)}</td></tr>'
        for name, share, value in rows
    )
    return f'<table class="bars"><caption>{text(caption)}</caption><tbody>{body}</tbody></table>'


def folded(summary: str, *elements: str) -> str:
    """Returns elements that are shown only after a click on the summary."""
    return f"<details><summary>{text(summary)}</summary>{''.join(elements)}</details>"


def verbatim(value: str) -> str:
    """Returns preformatted text."""
    return f'<pre tabindex="0">{text(value)}</pre>'


def figure(drawing: Drawing, alternative: str, *, wide: bool = False) -> str:
    """Returns a figure with an alternative text; on a narrow screen a `wide` figure scrolls, others shrink."""
    from numbacnn.figures import as_png

    width, height = drawing.get_size_inches() * 96
    picture = _small(as_png(drawing, DOTS), LARGE_FIGURE)
    kind = ' class="wide"' if wide else ""
    scroll = ' tabindex="0"' if wide else ""
    return (
        f"<figure{kind}{scroll}><img src={picture} alt={_quoted(alternative)} width={_quoted(round(width))} "
        f"height={_quoted(round(height))}></figure>"
    )


def pictures(images: Iterable[tuple[Any, str, str]]) -> str:
    """Returns small pictures (h,w,C) in rows, each with its alternative text and a caption."""
    import numpy as np
    from PIL import Image

    from numbacnn.figures import as_rgb

    shown = []
    for image, alternative, caption in images:
        held = io.BytesIO()
        pixels = Image.fromarray(np.ascontiguousarray(as_rgb(image)))
        pixels.thumbnail((240, 240))
        pixels.save(held, "png", optimize=True)
        shown.append(
            f'<figure class="small"><img src={_small(held.getvalue(), LARGE_PICTURE)} alt={_quoted(alternative)} '
            f'width="{pixels.width}" height="{pixels.height}"><figcaption>{text(caption)}</figcaption></figure>'
        )
    return f'<div class="pictures">{"".join(shown)}</div>'


def _small(png: bytes, large: int) -> str:
    """Returns the value of an image's src attribute: the PNG, or a JPEG if the PNG has more than `large` bytes."""
    from PIL import Image

    if len(png) <= large:
        return _data("png", png)
    held = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(held, "jpeg", quality=88, subsampling=0, optimize=True)
    return min(_data("png", png), _data("jpeg", held.getvalue()), key=len)


def _data(kind: str, content: bytes) -> str:
    return _quoted(f"data:image/{kind};base64,{base64.b64encode(content).decode()}")


def _quoted(value: object) -> str:
    return f'"{text(value)}"'


def page(title: str, lead: str, sections: Sequence[Section], *, script: str = "", style: str = "") -> str:
    """A whole page; `lead` is the paragraph under its title. A `script` and a `style` are of the page itself: nothing is loaded."""
    from numbacnn.provenance import GENERATOR

    from .app import version

    style = (files(__package__) / "page.css").read_text("utf-8") + style
    links = "".join(f'<li><a href="#{section.name}">{text(section.heading)}</a></li>' for section in sections)
    contents = f'<nav aria-label="Contents"><ul>{links}</ul></nav>' if len(sections) > 1 else ""
    body = "".join(
        f'<section id="{section.name}" aria-labelledby="{section.name}-heading">'
        f'<h2 id="{section.name}-heading">{text(section.heading)}</h2>{"".join(section.elements)}</section>'
        for section in sections
    )
    # Whatever were in here: a browser loads nothing that is not in the file.
    allowed = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    if script:
        allowed += "; script-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{allowed}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{GENERATOR} {version()}"><title>{text(title)}</title><style>{style}</style></head>'
        f"<body><header><h1>{text(title)}</h1><p>{text(lead)}</p>{contents}</header><main>{body}</main>"
        f"{f'<script>{script}</script>' if script else ''}</body></html>\n"
    )


def write_page(path: Path, content: str) -> None:
    """Writes a page, completely or not at all. Raises OSError."""
    from numbacnn.replacing import replacing

    with replacing(path) as partial:
        partial.write_text(content, "utf-8")
