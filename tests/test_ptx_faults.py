"""PTX executed on the CPU: a program for every fault that is to be found."""

from __future__ import annotations

import pytest
from kernels.ptx.errors import FaultError, UnknownError
from ptx_programs import execute, words

# Faults

NEIGHBOURS = """
    mov.u64 %d5, s; add.s64 %d6, %d5, %d2; xor.b64 %d7, %d2, 4; add.s64 %d7, %d5, %d7;
"""
"""%d6 and %d7: this thread's word of shared memory, and a neighbour's."""
MMA = """
    mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r1, %r1, %r1}, {%r1, %r1},
        {%f1, %f1, %f1, %f1};
"""


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (
            "a read of 16 bytes at an address that is not a multiple",
            "ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%d1+4];",
        ),
        ("a read of 4 bytes at byte 128 of b, of 128", "ld.global.f32 %f1, [%d4+4];"),
        ("a read of 4 bytes at byte -4 of a, of 128", "ld.global.f32 %f1, [%d3+-4];"),
        ("a read of 8 bytes", "ld.global.v2.f32 {%f1, %f2}, [%d1+128];"),
        ("a write of 4 bytes at byte 0 of b", "st.global.u32 [%d4], %r0;"),
        ("a second thread writes, at byte 0 of a, of 128", "st.global.u32 [%d0], %r0;"),
        (
            "a read of what another thread writes",
            "st.global.u32 [%d3], %r0; xor.b64 %d5, %d2, 4; add.s64 %d5, %d0, %d5; ld.global.u32 %r1, [%d5];",
        ),
        ("4 bytes at 0x80 of shared memory, of which a block has 128", "ld.shared.u32 %r1, [s+128];"),
        ("16 bytes of shared memory at 4", "ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [s+4];"),
        (
            "reads word 1 of shared memory",
            f"{NEIGHBOURS} st.shared.u32 [%d6], %r0; ld.shared.u32 %r1, [%d7];",
        ),
        (
            "reads word 1 of shared memory",
            f"{NEIGHBOURS} ld.shared.u32 %r1, [%d7]; st.shared.u32 [%d6], %r0;",
        ),
        ("another thread wrote since the last barrier", "st.shared.u32 [s], %r0;"),
        ("31 threads of a block wait for 1 that ended", "setp.eq.u32 %p1, %r0, 3; @%p1 ret; bar.sync 0;"),
        (
            "wait at different barriers",
            "setp.eq.u32 %p1, %r0, 3; @%p1 bra HERE; bar.sync 0; bra.uni THERE; HERE: bar.sync 0; THERE:",
        ),
        (
            "31 of a warp's 32 threads",
            f"setp.eq.u32 %p1, %r0, 3; @%p1 bra AFTER; {MMA} AFTER:",
        ),
        (
            "shfl.sync for lanes 0xffffffff, and 0xfffffff7",
            "setp.eq.u32 %p1, %r0, 3; @%p1 bra AFTER; shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1; AFTER:",
        ),
        (
            "a read of what an asynchronous copy, not waited for",
            f"{NEIGHBOURS} cp.async.ca.shared.global [%d6], [%d4], 4; cp.async.commit_group; ld.shared.u32 %r1, [%d6];",
        ),
        (
            "a read of what an asynchronous copy, not waited for",
            f"{NEIGHBOURS} cp.async.ca.shared.global [%d6], [%d4], 4; cp.async.commit_group; cp.async.wait_group 1;"
            "ld.shared.u32 %r1, [%d6];",
        ),
        (
            "a write to what an asynchronous copy, not waited for",
            f"{NEIGHBOURS} cp.async.ca.shared.global [%d6], [%d4], 4; st.shared.u32 [%d6], %r0;",
        ),
        (
            "reads word 1 of shared memory",
            f"{NEIGHBOURS} cp.async.ca.shared.global [%d6], [%d4], 4; cp.async.wait_all; ld.shared.u32 %r1, [%d7];",
        ),
        (
            "a copy of 4 bytes at byte 128 of b",
            f"{NEIGHBOURS} cp.async.ca.shared.global [%d6], [%d4+4], 4; cp.async.wait_all;",
        ),
        ("a copy from an unaligned address", "cp.async.cg.shared.global [s], [%d1+4], 16;"),
    ],
)
def test_faults_are_found(message, body):
    with pytest.raises(FaultError) as raised:
        execute(body, words(*[0] * 32), words(*[0] * 32), shared=128)
    assert message in str(raised.value)


def test_barriers_put_things_in_order():
    body = f"""
        {NEIGHBOURS} st.shared.u32 [%d6], %r0; bar.warp.sync -1; ld.shared.u32 %r1, [%d7]; bar.sync 0;
        st.shared.u32 [%d7], %r1; bar.sync 0; ld.shared.u32 %r1, [%d6]; st.global.u32 [%d3], %r1;
        bar.sync 0; xor.b64 %d5, %d2, 4; add.s64 %d5, %d0, %d5; ld.global.u32 %r1, [%d5];
    """
    assert execute(body, words(*[0] * 32), shared=128).tolist() == list(range(32))


def test_a_barrier_of_a_warp_is_none_between_warps():
    body = """
        mov.u64 %d5, s; add.s64 %d6, %d5, %d2; xor.b64 %d7, %d2, 128; add.s64 %d7, %d5, %d7;
        st.shared.u32 [%d6], %r0; bar.warp.sync -1; ld.shared.u32 %r1, [%d7];
    """
    with pytest.raises(FaultError, match="with no barrier between"):
        execute(body, words(0), threads=64, shared=256)


def test_blocks_of_a_launch_have_no_order():
    write = "mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 0; @%p1 st.global.u32 [%d3], %r0; bar.sync 0;"
    with pytest.raises(FaultError, match="another thread writes"):
        execute(f"{write} @!%p1 ld.global.u32 %r1, [%d3];", words(*[0] * 32), grid=(2, 1, 1))
    with pytest.raises(FaultError, match="a second thread writes"):
        execute("st.global.u32 [%d3], %r0;", words(*[0] * 1024), threads=1024, grid=(9, 1, 1))


@pytest.mark.parametrize(
    "instruction",
    [
        "brev.b32 %r1, %r2;",
        "add.sat.s32 %r1, %r2, %r3;",
        "add.u32 %r1, %r2, %unknown;",
        "ld.weird.u32 %r1, [%d0];",
        "mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%f1}, {%r1}, {%r2}, {%f1};",
        "cp.async.cg.shared.global [s], [%d1], 4;",
        "bar.sync 0, 64;",
        "bra NOWHERE;",
        "fma.rn.ftz.f32 %f1, %f2, %f3, %f4;",
        "cvt.rn.f16.f32 %h1, %f1;",
        "call (%r1), function, (%r2);",
    ],
)
def test_nothing_is_guessed(instruction):
    with pytest.raises(UnknownError) as raised:
        execute(instruction, words(0), shared=16)
    assert instruction.split(";")[0] in str(raised.value)
