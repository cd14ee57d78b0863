"""Philox4x32-10 on the GPU: the CPU's own function, compiled into kernels, so that both draw the same words."""

from __future__ import annotations

from ..philox import philox as _philox
from .toolchain import device_function

philox = device_function(_philox.py_func)
"""Four independent uint32 of a counter, a stream and a key; see ops.philox."""
