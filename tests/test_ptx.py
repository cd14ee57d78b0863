"""PTX executed on the CPU: small programs of numbers and threads do what the PTX ISA says."""

from __future__ import annotations

import numpy as np
import pytest
from kernels.ptx.machine import Kernel
from kernels.ptx.memory import GlobalMemory
from kernels.ptx.parser import parsed
from ptx_programs import execute, floats, words

# Numbers


@pytest.mark.parametrize(
    ("instruction", "given", "expected"),
    [
        ("add.u32 %r9, %r1, 5;", [2**32 - 2, 1], [3, 6]),
        ("sub.s32 %r9, %r1, 5;", [2], [-3]),
        ("mul.lo.u32 %r9, %r1, %r1;", [65537], [131073]),
        ("mul.hi.u32 %r9, %r1, %r1;", [2**32 - 1], [2**32 - 2]),
        ("mul.hi.s32 %r9, %r1, 7;", [-1], [-1]),
        ("mad.lo.s32 %r9, %r1, -3, %r1;", [7], [-14]),
        ("mul.wide.u32 %d9, %r1, %r1; shr.u64 %d9, %d9, 32; cvt.u32.u64 %r9, %d9;", [2**31], [2**30]),
        ("mul.wide.s32 %d9, %r1, 4; shr.s64 %d9, %d9, 2; cvt.u32.u64 %r9, %d9;", [-7], [-7]),
        ("mad.wide.u32 %d9, %r1, 4, 1; shr.u64 %d9, %d9, 3; cvt.u32.u64 %r9, %d9;", [2**31], [2**30]),
        ("div.u32 %r9, %r1, 10;", [2**32 - 1], [429496729]),
        ("rem.u32 %r9, %r1, 10;", [2**32 - 1], [5]),
        ("shl.b32 %r9, 1, %r1;", [31, 32, 33, 2**32 - 1], [2**31, 0, 0, 0]),
        ("shr.u32 %r9, 0x80000000, %r1;", [31, 32, 40], [1, 0, 0]),
        ("shr.s32 %r9, -8, %r1;", [1, 32, 99], [-4, -1, -1]),
        ("bfi.b32 %r9, %r1, 0x11111111, 4, 8;", [0xFFF25], [0x11111251]),
        ("bfi.b32 %r9, -1, %r1, 28, 16;", [0], [0xF0000000]),
        ("min.s32 %r9, %r1, 3;", [-5, 4], [-5, 3]),
        ("max.u32 %r9, %r1, 3;", [-5, 2], [-5, 3]),
        ("not.b32 %r9, %r1;", [5], [-6]),
        ("neg.s32 %r9, %r1;", [5], [-5]),
        ("popc.b32 %r9, %r1;", [0xF00F], [8]),
        ("cvt.u16.u32 %h1, %r1; cvt.u32.u16 %r9, %h1;", [0x12345678], [0x5678]),
        ("cvt.u16.u32 %h1, %r1; cvt.s32.s16 %r9, %h1;", [0x1234FFFE], [-2]),
        ("cvt.s32.s8 %r9, %r1;", [0x80], [-128]),
        ("mov.b64 %d9, {%r1, 7}; mov.b64 {%r8, %r9}, %d9; add.u32 %r9, %r9, %r8;", [5], [12]),
        ("setp.lt.s32 %p1, %r1, 0; selp.b32 %r9, 1, 2, %p1;", [-1, 1], [1, 2]),
        ("setp.lo.u32 %p1, %r1, 1; selp.b32 %r9, 1, 2, %p1;", [-1, 0], [2, 1]),
        ("setp.eq.s32 %p1, %r1, 1; mov.u32 %r9, 4; @!%p1 mov.u32 %r9, 6;", [0, 1], [6, 4]),
        ("{ .reg .u32 %r1; mov.u32 %r1, 9; mov.u32 %r9, %r1; } add.u32 %r9, %r9, %r1;", [2], [11]),
        ("{ .reg .u32 own; mov.u32 own, 9; mov.u32 %r9, own; }", [2], [9]),
        ("cvt.rn.f32.s32 %f1, %r1; mov.b32 %r9, %f1;", [-1, 16777217], [0xBF800000, 0x4B800000]),
    ],
)
def test_integers(instruction, given, expected):
    body = f"ld.global.u32 %r1, [%d4]; {instruction} st.global.u32 [%d3], %r9;"
    found = execute(body, words(*[0] * len(given)), words(*given), threads=len(given))
    assert found.tolist() == words(*expected).tolist()


def test_products_of_64_bits():
    generator = np.random.default_rng(1)
    a, b = (generator.integers(0, 2**64, 50, np.uint64) for _ in range(2))
    both = np.concatenate([a, b])
    body = """
        mul.wide.u32 %d5, %r0, 8; add.s64 %d6, %d1, %d5; ld.global.u64 %d7, [%d6]; ld.global.u64 %d8, [%d6+400];
        mul.hi.u64 %d9, %d7, %d8; add.s64 %d6, %d0, %d5; st.global.u64 [%d6], %d9;
    """
    found = execute(body, np.zeros(50, np.uint64), both, threads=50)
    assert found.tolist() == [int(x) * int(y) >> 64 for x, y in zip(a, b, strict=True)]


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("instruction", "given", "expected"),
    [
        # A sum that is less than the middle of two float32 by so little that it is the middle in float64.
        ("fma.rn.f32 %f9, %f1, 0f337FFE00, 0f3F800001;", [1 + 2**-15], [1 + 2**-23]),
        ("fma.rn.f32 %f9, %f1, 0f3F800800, 0fBF801000;", [1 + 2**-12], [2**-24]),
        ("fma.rm.f32 %f9, %f1, 0f3F800000, 0f3F800000;", [2**-30, -(2**-30)], [1, 1 - 2**-24]),
        ("add.rz.f32 %f9, %f1, 0f3F800000;", [2**-30, 2**-23 - 2**-47], [1, 1]),
        ("add.rz.f32 %f9, %f1, 0fBF800000;", [-(2**-30)], [-1]),
        ("add.f32 %f9, %f1, 0f3F800000;", [2**-24, 2**-23], [1, 1 + 2**-23]),
        ("div.rn.f32 %f9, 0f3F800000, %f1;", [3, 0], [float(np.float32(1) / np.float32(3)), INF]),
        ("min.f32 %f9, %f1, 0f3F800000;", [NAN, 0, 2], [1, 0, 1]),
        ("max.NaN.f32 %f9, %f1, 0f3F800000;", [NAN, 0, 2], [NAN, 1, 2]),
        ("copysign.f32 %f9, %f1, 0f40000000;", [-3, 0], [-2, 2]),
        ("abs.f32 %f8, %f1; neg.f32 %f9, %f8;", [-3, 4], [-3, -4]),
        ("cvt.sat.f32.f32 %f9, %f1;", [NAN, -1, 0.5, 7], [0, 0, 0.5, 1]),
        ("cvt.rni.f32.f32 %f9, %f1;", [0.5, 1.5, -2.5], [0, 2, -2]),
        ("cvt.rzi.s32.f32 %r1, %f1; cvt.rn.f32.s32 %f9, %r1;", [NAN, -1.9, 1e20], [0, -1, 2**31]),
        ("cvt.f64.f32 %fd1, %f1; add.f64 %fd1, %fd1, %fd1; cvt.rn.f32.f64 %f9, %fd1;", [1.5], [3]),
        ("ex2.approx.ftz.f32 %f9, %f1;", [3, -140, -INF], [8, 0, 0]),
        ("rcp.approx.ftz.f32 %f9, %f1;", [4, 1e-40, INF], [0.25, INF, 0]),
        ("sqrt.rn.f32 %f9, %f1;", [9, -1], [3, NAN]),
    ],
)
def test_floats(instruction, given, expected):
    body = f"ld.global.f32 %f1, [%d4]; {instruction} st.global.f32 [%d3], %f9;"
    found = execute(body, floats(*[0] * len(given)), floats(*given), threads=len(given))
    np.testing.assert_array_equal(found, floats(*expected))


def test_fma_rounds_once():
    generator = np.random.default_rng(2)
    a, b = generator.standard_normal((2, 4096)).astype(np.float32)
    c = -(a * b) * np.float32(1.5)
    body = """
        ld.global.f32 %f1, [%d4]; ld.global.f32 %f2, [%d4+4096]; ld.global.f32 %f3, [%d4+8192];
        fma.rn.f32 %f9, %f1, %f2, %f3; st.global.f32 [%d3], %f9;
    """
    found = execute(body, np.zeros(1024, np.float32), np.stack([a[:1024], b[:1024], c[:1024]]), threads=1024)
    # What is nearest to the exact sum, of the float32 around.
    exact = [
        np.longdouble(x) * np.longdouble(y) + np.longdouble(z)
        for x, y, z in zip(a[:1024], b[:1024], c[:1024], strict=True)
    ]
    np.testing.assert_array_equal(found, np.array(exact, np.longdouble).astype(np.float32))


@pytest.mark.parametrize(
    ("comparison", "of_less", "of_equal", "of_nan"),
    [
        ("eq", 0, 1, 0),
        ("ne", 1, 0, 0),
        ("lt", 1, 0, 0),
        ("ge", 0, 1, 0),
        ("equ", 0, 1, 1),
        ("neu", 1, 0, 1),
        ("ltu", 1, 0, 1),
        ("leu", 1, 1, 1),
        ("gtu", 0, 0, 1),
        ("geu", 0, 1, 1),
        ("num", 1, 1, 0),
        ("nan", 0, 0, 1),
    ],
)
def test_comparisons_with_nan(comparison, of_less, of_equal, of_nan):
    body = f"""
        ld.global.f32 %f1, [%d4]; setp.{comparison}.f32 %p1, %f1, 0f3F800000; selp.u32 %r9, 1, 0, %p1;
        st.global.u32 [%d3], %r9;
    """
    found = execute(body, words(0, 0, 0), floats(0, 1, NAN), threads=3)
    assert found.tolist() == [of_less, of_equal, of_nan]


def test_rounding_to_short_numbers():
    given = floats(1 + 2**-11, -(1 + 2**-11), 1 + 2**-11 - 2**-20, INF, 1 + 2**-8, 1 + 3 * 2**-8)
    body = "ld.global.f32 %f1, [%d4]; cvt.rna.tf32.f32 %r9, %f1; st.global.u32 [%d3], %r9;"
    found = execute(body, words(*[0] * 6), given, threads=6).view(np.float32)
    assert found[:4].tolist() == [1 + 2**-10, -(1 + 2**-10), 1, INF]
    body = "ld.global.f32 %f1, [%d4]; cvt.rn.bf16x2.f32 %r9, %f1, 0f40000000; st.global.u32 [%d3], %r9;"
    found = execute(body, words(*[0] * 6), given, threads=6)
    assert (found & 0xFFFF).tolist() == [0x4000] * 6
    assert (found >> 16).tolist() == [0x3F80, 0xBF80, 0x3F80, 0x7F80, 0x3F80, 0x3F82]


# Which thread runs when


def test_threads_that_part_meet_again():
    body = """
        mov.u32 %r1, 0; mov.u32 %r2, 0;
        AGAIN: setp.ge.u32 %p1, %r1, %r0; @%p1 bra DONE;
        add.u32 %r1, %r1, 1; add.u32 %r2, %r2, %r1; bra.uni AGAIN;
        DONE: shfl.sync.bfly.b32 %r3, %r2, 1, 31, -1; st.global.u32 [%d3], %r3;
    """
    found = execute(body, words(*[0] * 32))
    assert found.tolist() == [n * (n + 1) // 2 for n in (lane ^ 1 for lane in range(32))]


def test_shuffles_and_votes():
    body = """
        shfl.sync.down.b32 %r1|%p1, %r0, 3, 31, -1; selp.u32 %r2, 100, 0, %p1; add.u32 %r1, %r1, %r2;
        shfl.sync.idx.b32 %r3, %r0, 5, 31, -1; shl.b32 %r3, %r3, 8; add.u32 %r1, %r1, %r3;
        setp.lt.u32 %p2, %r0, 3; vote.sync.ballot.b32 %r4, %p2, -1; shl.b32 %r4, %r4, 16; add.u32 %r1, %r1, %r4;
        st.global.u32 [%d3], %r1;
    """
    found = execute(body, words(*[0] * 32))
    common = 5 << 8 | 7 << 16
    assert found.tolist() == [common + (lane + 103 if lane < 29 else lane) for lane in range(32)]


def test_blocks_and_vectors():
    body = """
        mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ctaid.y; mov.u32 %r3, %nctaid.x; mad.lo.u32 %r4, %r2, %r3, %r1;
        mov.u32 %r5, %ntid.x; mad.lo.u32 %r6, %r4, %r5, %r0; mul.wide.u32 %d5, %r6, 16; add.s64 %d6, %d0, %d5;
        st.global.v4.u32 [%d6], {%r0, %r1, %r2, 7};
    """
    found = execute(body, np.zeros((3 * 2 * 33, 4), np.uint32), threads=33, grid=(3, 2, 1))
    expected = [(thread, x, y, 7) for y in range(2) for x in range(3) for thread in range(33)]
    assert list(map(tuple, found)) == expected


def test_shared_memory_by_every_kind_of_address():
    body = """
        mov.u64 %d5, s; add.s64 %d6, %d5, %d2; cvta.shared.u64 %d7, %d6; st.u32 [%d7], %r0; bar.sync 0;
        cvta.to.shared.u64 %d8, %d7; cvt.u32.u64 %r1, %d8; xor.b32 %r1, %r1, 4; ld.shared.u32 %r2, [%r1];
        ld.shared.u32 %r3, [s+8]; mad.lo.u32 %r2, %r3, 100, %r2; st.global.u32 [%d3], %r2;
    """
    found = execute(body, words(*[0] * 32), shared=128)
    assert found.tolist() == [200 + (lane ^ 1) for lane in range(32)]


def test_constants_and_memory_of_a_thread():
    text = """
        .version 8.0
        .target sm_80
        .address_size 64
        .global .align 4 .b8 table[8] = {1, 0, 0, 0, 2, 1, 0, 0};
        .visible .entry test(.param .u64 a)
        {
            .local .align 16 .b8 depot[16]; .reg .b64 %d<9>; .reg .b32 %r<9>;
            ld.param.u64 %d1, [a]; mov.u32 %r1, %tid.x; mul.wide.u32 %d2, %r1, 4; add.s64 %d1, %d1, %d2;
            mov.u64 %d3, depot; st.local.u32 [%d3+4], %r1;
            ld.global.u32 %r2, [table+4]; ld.local.v2.u32 {%r3, %r4}, [%d3]; add.u32 %r2, %r2, %r4;
            st.global.u32 [%d1], %r2;
            ret;
        }
    """
    memory, written = GlobalMemory(), words(0, 0, 0)
    place = memory.allocate("a", written.nbytes)
    memory.allow(place, written.view(np.uint8), writeable=True)
    Kernel(parsed(text)).launch((1, 1, 1), 3, np.array([place], np.uint64).tobytes(), memory)
    assert written.tolist() == [258, 259, 260]
