"""A kernel's machine code and PTX for a compute capability, made as a launch makes them, but with no driver and no GPU."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from numba.cuda import compiler, dispatcher
from numba.cuda.codegen import CUDACodeLibrary

from numbacnn.ops.garbage import no_search
from numbacnn.ops.kernel_cache import cache_folder
from numbacnn.replacing import replacing

CAPABILITIES = ((7, 5), (8, 0), (9, 0))
"""Turing, the oldest that is supported; Ampere and Hopper, as data centres have them."""


class Made:
    """What a kernel is compiled to for one compute capability: LTO-IR, of which nvJitLink makes machine code or PTX when it is asked
    for. All three are kept beside the kernels of programs, so that other processes need not make them again: most of the time goes into the
    first.
    """

    def __init__(self, kernel: Any, types: tuple[Any, ...], capability: tuple[int, int]) -> None:
        self._kernel, self._types, self._capability = kernel, types, capability
        key = hashlib.sha256(f"{kernel.name} {types} {capability}".encode()).hexdigest()[:16]
        folder = cache_folder()
        self._path = folder / "examined" / f"{kernel.name}.{key}" if folder else None

    @property
    def cubin(self) -> bytes:
        """Machine code."""
        return self._kept("cubin", lambda: bytes(self._linker().complete().code))

    @property
    def ptx(self) -> str:
        """What the machine code is assembled from. That of NVVM alone is another, in which functions are not inlined yet."""
        return self._kept("ptx", lambda: bytes(self._linker().get_linked_ptx())).decode()

    @property
    def _lto_ir(self) -> bytes:
        return self._kept("ltoir", self._compiled)

    def _linker(self) -> Any:
        limit = self._kernel.targetoptions.get("max_registers")
        # By name, as the module of Numba itself, which type checkers find, has none.
        linker = import_module("numba.cuda.cudadrv.driver")._Linker(limit, cc=self._architecture, lto=True)
        linker.add_ltoir(self._lto_ir)
        return linker

    @property
    def _architecture(self) -> tuple[int, int, str]:
        # From Hopper on numba-cuda asks for what this one architecture has and later ones may not.
        return (*self._capability, "a" if self._capability >= (9, 0) else "")

    def _compiled(self) -> bytes:
        with _pretended(self._capability), no_search():
            kernel = dispatcher._Kernel(self._kernel.py_func, self._types, **self._kernel.targetoptions)
            return bytes(kernel.library.get_ltoir(cc=self._architecture))

    def _kept(self, kind: str, make: Callable[[], bytes]) -> bytes:
        """The bytes of one kind, read if a process has made them before."""
        path = self._path and self._path.with_name(f"{self._path.name}.{kind}")
        if path is None:
            return make()
        if not path.exists():
            found = make()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(path) as partial:
                partial.write_bytes(found)
        return path.read_bytes()


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
