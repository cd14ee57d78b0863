"""Folders for what need not be computed or fetched a second time."""

from __future__ import annotations

from pathlib import Path


def cache(what: str) -> Path | None:
    """Returns the folder for results of one kind, beside that of the compiled kernels; None if the user has no home."""
    from numbacnn.ops.kernel_cache import cache_folder

    kernels = cache_folder()
    return None if kernels is None else kernels.parent.parent / what
