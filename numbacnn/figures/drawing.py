"""A figure that a notebook shows and that knows its provenance."""

from __future__ import annotations

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..errors import without_controls
from .fonts import families, missing_characters_said_once

UNHINTED: Any = {"text.hinting": "no_hinting"}
"""Turns font hinting off, so that letters are as wide as they were measured at any resolution."""


class Drawing(Figure):
    """A matplotlib Figure with a heading, and with a sentence on its provenance, which `save` also writes into the
    file's metadata.
    """

    heading = ""
    provenance = ""

    def draw(self, renderer: Any) -> None:
        """Draws the figure; each text gets fonts that have its characters."""
        for item in self.findobj(Text):
            item.set_text("\n".join(map(without_controls, item.get_text().split("\n"))))
            if not item.get_text().isascii():
                item.set_fontfamily(families(item.get_text()))
        with missing_characters_said_once(), rc_context(UNHINTED):
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        """Returns the PNG that a notebook shows."""
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=self.dpi)
        return picture.getvalue()
