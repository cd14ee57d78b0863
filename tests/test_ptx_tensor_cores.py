"""PTX executed on the CPU: tensor cores' fragments as the PTX ISA draws them, and asynchronous copies."""

from __future__ import annotations

import numpy as np
from ptx_programs import execute, words

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
