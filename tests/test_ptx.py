"""PTX executed on the CPU: small programs that do what the PTX ISA says, and one for every fault that is to be found."""

from __future__ import annotations

import numpy as np
import pytest
from kernels.ptx.errors import FaultError, UnknownError
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


# Tensor cores: fragments as the PTX ISA draws them, and the usual way from shared memory to them


def as_bf16(values):
    """The upper halves of numbers that need no more."""
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def test_mma_of_tf32_reads_no_low_bits():
    generator = np.random.default_rng(3)
    a, b, c = (generator.integers(-9, 10, shape).astype(np.float32) for shape in ((16, 8), (8, 8), (16, 8)))
    fragments = np.zeros((32, 10), np.float32)
    for lane in range(32):
        group, own = divmod(lane, 4)
        fragments[lane, :4] = a[group, own], a[group + 8, own], a[group, own + 4], a[group + 8, own + 4]
        fragments[lane, 4:6] = b[own, group], b[own + 4, group]
        fragments[lane, 6:] = *c[group, 2 * own : 2 * own + 2], *c[group + 8, 2 * own : 2 * own + 2]
    fragments.view(np.uint32)[:, :6] |= 0x1FFF
    loads = "".join(f"ld.global.f32 %f{i}, [%d5+{4 * i}]; " for i in range(10))
    bits = "".join(f"mov.b32 %r{10 + i}, %f{i}; " for i in range(6))
    stores = "".join(f"st.global.f32 [%d6+{4 * i}], %f{20 + i}; " for i in range(4))
    body = f"""
        mul.wide.u32 %d5, %r0, 40; add.s64 %d5, %d1, %d5; mul.wide.u32 %d6, %r0, 16; add.s64 %d6, %d0, %d6;
        {loads} {bits}
        mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
            {{%f20, %f21, %f22, %f23}}, {{%r10, %r11, %r12, %r13}}, {{%r14, %r15}}, {{%f6, %f7, %f8, %f9}};
        {stores}
    """
    found = execute(body, np.zeros((32, 4), np.float32), fragments)
    expected = a @ b + c
    for lane in range(32):
        group, own = divmod(lane, 4)
        wanted = *expected[group, 2 * own : 2 * own + 2], *expected[group + 8, 2 * own : 2 * own + 2]
        assert tuple(found[lane]) == wanted


STORE_D = """
    shr.u32 %r1, %r0, 2; and.b32 %r2, %r0, 3; shl.b32 %r1, %r1, 3; shl.b32 %r2, %r2, 1; add.u32 %r1, %r1, %r2;
    mul.wide.u32 %d5, %r1, 4; add.s64 %d5, %d0, %d5;
    st.global.v2.f32 [%d5], {%f1, %f2}; st.global.v2.f32 [%d5+256], {%f3, %f4};
"""
COPY_TO_SHARED = """
    mov.u64 %d5, s; add.s64 %d6, %d5, %d2; mov.u64 %d7, %d4; mov.u32 %r1, 0;
    COPY: ld.global.u32 %r2, [%d7]; st.shared.u32 [%d6], %r2; add.s64 %d7, %d7, 128; add.s64 %d6, %d6, 128;
    add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 6; @%p1 bra COPY;
    bar.sync 0; mov.f32 %f1, 0f00000000;
"""


def test_ldmatrix_makes_the_fragments_of_mma_bf16():
    """A (16, 16) and B (8 columns, 16), both with the depth as the fast axis."""
    generator = np.random.default_rng(4)
    a, b = (generator.integers(-9, 10, shape).astype(np.float32) for shape in ((16, 16), (8, 16)))
    body = f"""
        {COPY_TO_SHARED}
        and.b32 %r1, %r0, 15; mul.lo.u32 %r1, %r1, 32; shr.u32 %r2, %r0, 4; mad.lo.u32 %r1, %r2, 16, %r1;
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{%r10, %r11, %r12, %r13}}, [%r1];
        and.b32 %r1, %r0, 7; mul.lo.u32 %r1, %r1, 32; shr.u32 %r2, %r0, 3; and.b32 %r2, %r2, 1;
        mad.lo.u32 %r1, %r2, 16, %r1;
        ldmatrix.sync.aligned.m8n8.x2.shared.b16 {{%r14, %r15}}, [%r1+512];
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
            {{%f1, %f2, %f3, %f4}}, {{%r10, %r11, %r12, %r13}}, {{%r14, %r15}}, {{%f1, %f1, %f1, %f1}};
        {STORE_D}
    """
    given = np.concatenate([as_bf16(a).ravel(), as_bf16(b).ravel()])
    np.testing.assert_array_equal(execute(body, np.zeros((16, 8), np.float32), given, shared=768), a @ b.T)


def test_ldmatrix_turns_what_lies_the_other_way():
    """B (16, 8), its columns the fast axis."""
    generator = np.random.default_rng(5)
    a, b = (generator.integers(-9, 10, shape).astype(np.float32) for shape in ((16, 16), (16, 8)))
    body = f"""
        {COPY_TO_SHARED}
        and.b32 %r1, %r0, 15; mul.lo.u32 %r1, %r1, 32; shr.u32 %r2, %r0, 4; mad.lo.u32 %r1, %r2, 16, %r1;
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{%r10, %r11, %r12, %r13}}, [%r1];
        and.b32 %r1, %r0, 15; mul.lo.u32 %r1, %r1, 16;
        ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {{%r14, %r15}}, [%r1+512];
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
            {{%f1, %f2, %f3, %f4}}, {{%r10, %r11, %r12, %r13}}, {{%r14, %r15}}, {{%f1, %f1, %f1, %f1}};
        {STORE_D}
    """
    given = np.concatenate([as_bf16(a).ravel(), as_bf16(b).ravel()])
    np.testing.assert_array_equal(execute(body, np.zeros((16, 8), np.float32), given, shared=768), a @ b)


def test_ldmatrix_makes_the_fragments_of_mma_tf32():
    """A number of tf32 is two neighbours of 16 bits: A (16, 8) and B (8 columns, 8)."""
    generator = np.random.default_rng(6)
    a, b = (generator.integers(-9, 10, shape).astype(np.float32) for shape in ((16, 8), (8, 8)))
    body = f"""
        {COPY_TO_SHARED}
        and.b32 %r1, %r0, 15; mul.lo.u32 %r1, %r1, 32; shr.u32 %r2, %r0, 4; mad.lo.u32 %r1, %r2, 16, %r1;
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{%r10, %r11, %r12, %r13}}, [%r1];
        and.b32 %r1, %r0, 7; mul.lo.u32 %r1, %r1, 32; add.u32 %r1, %r1, 512;
        ldmatrix.sync.aligned.m8n8.x1.shared.b16 {{%r14}}, [%r1];
        ldmatrix.sync.aligned.m8n8.x1.shared.b16 {{%r15}}, [%r1+16];
        mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
            {{%f1, %f2, %f3, %f4}}, {{%r10, %r11, %r12, %r13}}, {{%r14, %r15}}, {{%f1, %f1, %f1, %f1}};
        {STORE_D}
    """
    given = np.concatenate([a.ravel(), b.ravel()])
    np.testing.assert_array_equal(execute(body, np.zeros((16, 8), np.float32), given, shared=768), a @ b.T)


# Asynchronous copies

COPY = """
    mov.u64 %d5, s; mul.wide.u32 %d6, %r0, 16; add.s64 %d7, %d5, %d6; add.s64 %d8, %d1, %d6; cvt.u32.u64 %r1, %d7;
"""
"""%r1 and %d8: this thread's 16 bytes of shared memory and of the second array."""


def test_asynchronous_copies_arrive_when_they_are_waited_for():
    body = f"""
        {COPY}
        cp.async.cg.shared.global [%r1], [%d8], 16; cp.async.commit_group;
        cp.async.ca.shared.global [%r1+512], [%d8+4], 4; cp.async.commit_group;
        cp.async.wait_group 1; ld.shared.v4.u32 {{%r2, %r3, %r4, %r5}}, [%r1];
        cp.async.wait_group 0; ld.shared.u32 %r6, [%r1+512];
        mad.lo.u32 %r2, %r5, 1000, %r6; st.global.u32 [%d3], %r2;
    """
    given = np.arange(128, dtype=np.uint32)
    found = execute(body, words(*[0] * 32), given, shared=1024)
    assert found.tolist() == [(4 * lane + 3) * 1000 + 4 * lane + 1 for lane in range(32)]


def test_what_is_not_copied_is_zero():
    """Lane 0 reads nothing, and not even beyond the array; lane 1 half, the others all."""
    body = f"""
        {COPY}
        min.u32 %r2, %r0, 2; shl.b32 %r2, %r2, 3; setp.eq.u32 %p1, %r0, 0; @%p1 add.s64 %d8, %d1, 65536;
        cp.async.ca.shared.global [%r1], [%d8], 16, %r2; cp.async.wait_all;
        ld.shared.v4.u32 {{%r3, %r4, %r5, %r6}}, [%r1]; mul.wide.u32 %d5, %r0, 16; add.s64 %d5, %d0, %d5;
        st.global.v4.u32 [%d5], {{%r3, %r4, %r5, %r6}};
    """
    given = np.arange(1, 129, dtype=np.uint32)
    expected = given.reshape(32, 4).copy()
    expected[0], expected[1, 2:] = 0, 0
    assert (execute(body, np.zeros((32, 4), np.uint32), given, shared=512) == expected).all()


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
