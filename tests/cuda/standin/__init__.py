"""A stand-in for NVIDIA's driver, libcuda.so.1, that needs no GPU: see standin.h.

The processes of `environment` find it where a machine with a GPU has the driver; numba-cuda, cuda.bindings and cuda.core
are the real ones.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent
REPOSITORY = SOURCES.parents[2]
LIBRARY = "libcuda.so.1"


class CannotBuildError(Exception):
    """Something that the stand-in is built with is not on this machine."""


def build(folder: Path) -> None:
    """Compiles the stand-in into a folder."""
    if sys.platform != "linux":
        raise CannotBuildError("the stand-in for the driver is Linux's")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise CannotBuildError("no C compiler, which builds the stand-in for the driver")
    options = ["-std=gnu11", "-O1", "-g", "-Wall", "-Werror", "-Wno-deprecated-declarations"]
    subprocess.run(
        [compiler, *options, "-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}", "-Wl,-Bsymbolic", "-I", _headers(),
         *sorted(map(str, SOURCES.glob("*.c"))), "-lpthread", "-ldl", "-o", folder / LIBRARY],
        check=True,
    )  # fmt: skip


def _headers() -> Path:
    """Where cuda.h is: CUDA's packages for Python bring it."""
    found = importlib.util.find_spec("nvidia")
    packages = [Path(path) for path in (found.submodule_search_locations or ()) if found] if found else []
    folders = [package / part / "include" for package in packages for part in ("cu13", "cuda_runtime")]
    for folder in (*folders, Path("/usr/local/cuda/include")):
        if (folder / "cuda.h").is_file():
            return folder
    raise CannotBuildError("no cuda.h, which the stand-in for the driver is built with")


def environment(folder: Path, *, execute: bool = False, **options: object) -> dict[str, str]:
    """Of a process that finds the stand-in in the folder. `options`: as options.c has them, without STANDIN_ and in small
    letters. `execute`: kernels are executed from their PTX, else they do nothing.
    """
    room = REPOSITORY / "tests" / "cuda"
    paths = [
        SOURCES / "hook",
        room,
        REPOSITORY,
        REPOSITORY / "cli",
        REPOSITORY / "tools",
        REPOSITORY / "tests",
    ]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STANDIN_", "CUDA_VISIBLE_"))
    }
    return {
        **inherited,
        "LD_LIBRARY_PATH": str(folder),
        "PYTHONPATH": os.pathsep.join([*map(str, paths), *filter(None, [os.environ.get("PYTHONPATH")])]),
        **({"STANDIN_EXECUTE": "1"} if execute else {}),
        **{f"STANDIN_{name.upper()}": str(value) for name, value in options.items()},
    }
