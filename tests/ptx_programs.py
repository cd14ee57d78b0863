"""Small programs in PTX, executed on the CPU."""

from __future__ import annotations

import numpy as np
from kernels.ptx.machine import Kernel
from kernels.ptx.memory import GlobalMemory
from kernels.ptx.parser import parsed

REGISTERS = """
    .reg .pred %p<9>; .reg .b16 %h<9>; .reg .b32 %r<40>; .reg .f32 %f<40>; .reg .b64 %d<20>; .reg .f64 %fd<9>;
    ld.param.u64 %d0, [a]; ld.param.u64 %d1, [b]; mov.u32 %r0, %tid.x; mul.wide.u32 %d2, %r0, 4;
    add.s64 %d3, %d0, %d2; add.s64 %d4, %d1, %d2;
"""
"""%d0 and %d1: the arrays; %d3 and %d4: this thread's word of them."""


def execute(body, a, b=None, *, threads=32, grid=(1, 1, 1), shared=0, align=16):
    """Runs a kernel of two arrays, of which it may write the first, and gives that one back."""
    b = np.zeros(1, np.uint32) if b is None else b
    declared = f".shared .align {align} .b8 s[{shared}];" if shared else ""
    text = f"""
        .version 8.0
        .target sm_80
        .address_size 64
        .visible .entry test(.param .u64 a, .param .u64 b)
        {{ {declared} {REGISTERS} {body} ret; }}
    """
    kernel, memory, written = Kernel(parsed(text)), GlobalMemory(), a.copy()
    places = [memory.allocate(name, array.nbytes) for name, array in (("a", a), ("b", b))]
    memory.allow(places[0], written.reshape(-1).view(np.uint8), writeable=True)
    memory.allow(places[1], b.reshape(-1).view(np.uint8), writeable=False)
    kernel.launch(grid, threads, np.array(places, np.uint64).tobytes(), memory)
    return written


def words(*values):
    return np.array([value % 2**32 for value in values], np.uint32)


def floats(*values):
    return np.array(values, np.float32)
