"""What numbacnn writes into pictures to say that it made them: only what says so is ever replaced without asking.

PNG files have it as `Software`, SVG and PDF files as their creator, HTML pages as their generator. HDF5 files say their kind anyway.
"""

from __future__ import annotations

FIGURE = "numbacnn"
"""A figure: a mosaic, curves, a panel. The version stands behind it."""

GENERATOR = '<meta name="generator" content="numbacnn'
"""An HTML page has this in its head; the version stands behind it."""

CHANGED_PICTURE = "numbacnn attack"
"""A picture that an attack changed, pixel by pixel as the network sees it."""
