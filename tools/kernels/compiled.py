"""A kernel's machine code and PTX for a compute capability, made as a launch makes them, but with no driver and no GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from numba.cuda import compiler, dispatcher
from numba.cuda.codegen import CUDACodeLibrary

CAPABILITIES = ((7, 5), (8, 0), (9, 0))
"""Turing, the oldest that is supported; Ampere and Hopper, as data centres have them."""


def machine_code(kernel: Any, types: tuple[Any, ...], capability: tuple[int, int]) -> bytes:
    """The cubin of a kernel of `toolchain.KERNELS` for arguments of these types."""
    with _pretended(capability):
        compiled = dispatcher._Kernel(kernel.py_func, types, **kernel.targetoptions)
        # From Hopper on numba-cuda asks for what this one architecture has and later ones may not.
        architecture = (*capability, "a" if capability >= (9, 0) else "")
        code: bytes = compiled.library.get_cubin(cc=architecture).code
    return code


def ptx(kernel: Any, types: tuple[Any, ...], capability: tuple[int, int]) -> str:
    """What `machine_code` is assembled from. numba-cuda links LTO-IR by nvJitLink, whose PTX this is: that of NVVM alone is
    another, in which functions are not inlined yet.
    """
    with _pretended(capability):
        library = dispatcher._Kernel(kernel.py_func, types, **kernel.targetoptions).library
        architecture = (*capability, "a" if capability >= (9, 0) else "")
        text: str = (
            library.get_lto_ptx(cc=architecture)
            if library._lto
            else "\n".join(library.get_asm_strs(cc=architecture))
        )
    return text


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
