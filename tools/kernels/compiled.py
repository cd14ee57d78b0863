"""A kernel's machine code and PTX for a compute capability, made as a launch makes them, but with no driver and no GPU."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from numba.cuda import compiler, dispatcher
from numba.cuda.codegen import CUDACodeLibrary

from numbacnn.ops.garbage import no_search
from numbacnn.ops.kernel_cache import cache_folder
from numbacnn.replacing import replacing

CAPABILITIES = ((7, 5), (8, 0), (9, 0))
"""Turing, the oldest that is supported; Ampere and Hopper, as data centres have them."""


class Made(NamedTuple):
    """What a kernel is compiled to for one compute capability."""

    cubin: bytes
    ptx: str
    """What the machine code is assembled from. numba-cuda links LTO-IR by nvJitLink, whose PTX this is: that of NVVM alone is
    another, in which functions are not inlined yet.
    """


def made(kernel: Any, types: tuple[Any, ...], capability: tuple[int, int]) -> Made:
    """A kernel of `toolchain.KERNELS` for arguments of these types. It is kept beside the kernels of programs, so that other
    processes need not compile it again: most of the time goes into that.
    """
    folder = cache_folder()
    key = hashlib.sha256(f"{kernel.name} {types} {capability}".encode()).hexdigest()[:16]
    path = folder / "examined" / f"{kernel.name}.{key}" if folder else None
    if path is not None and path.exists():
        found: Made = Made(*pickle.loads(path.read_bytes()))
        return found
    compiled = _compiled(kernel, types, capability)
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(pickle.dumps(tuple(compiled)))
    return compiled


def _compiled(kernel: Any, types: tuple[Any, ...], capability: tuple[int, int]) -> Made:
    # From Hopper on numba-cuda asks for what this one architecture has and later ones may not.
    architecture = (*capability, "a" if capability >= (9, 0) else "")
    with _pretended(capability), no_search():
        library = dispatcher._Kernel(kernel.py_func, types, **kernel.targetoptions).library
        text = (
            library.get_lto_ptx(cc=architecture)
            if library._lto
            else "\n".join(library.get_asm_strs(cc=architecture))
        )
        return Made(library.get_cubin(cc=architecture).code, text)


@contextmanager
def _pretended(capability: tuple[int, int]) -> Iterator[None]:
    """There is a GPU of this compute capability, for the two files that ask; PTX, which a launch makes too, and only
    to look for a library's names in it, is not made.
    """
    device = SimpleNamespace(compute_capability=capability)
    with (
        patch.object(compiler, "get_current_device", lambda: device),
        patch.object(dispatcher, "get_current_device", lambda: device),
        patch.object(CUDACodeLibrary, "get_asm_str", lambda self, cc=None: ""),
    ):
        yield
