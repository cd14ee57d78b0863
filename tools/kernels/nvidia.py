"""Where NVIDIA's programs are: `python tools/kernels/nvidia.py compute-sanitizer` says it."""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path

_PACKAGES = {"compute-sanitizer": "nvidia-cuda-sanitizer-api"}
"""Of a program that is not named like its package."""


class ToolMissingError(Exception):
    """A program is not installed; the message says how to get it."""


@cache
def find(tool: str) -> str:
    """On the PATH, or where NVIDIA's Python packages put it. Raises ToolMissingError."""
    in_packages = (
        path for folder in sys.path for path in sorted(Path(folder or ".").glob(f"nvidia/*/bin/{tool}"))
    )
    path = shutil.which(tool) or next(in_packages, None)
    if path is None:
        package = _PACKAGES.get(tool, f"nvidia-cuda-{tool}")
        raise ToolMissingError(
            f"{tool} is not installed: pip install {package}, or put that of a CUDA toolkit on the PATH"
        )
    return str(path)


if __name__ == "__main__":
    try:
        print(find(sys.argv[1]))
    except ToolMissingError as error:
        sys.exit(str(error))
