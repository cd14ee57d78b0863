"""PTX executed on the CPU: wgmma on matrices that lie as the PTX ISA's canonical layouts do, and a program for every fault of it
that is to be found.
"""

from __future__ import annotations

import numpy as np
import pytest
from kernels.ptx.errors import FaultError, UnknownError
from ptx_programs import execute

THREADS, OF_B, WORDS = 128, 2048, 2560
"""Of a warpgroup; where B begins in shared memory, and the words of that."""
FILL = "".join(
    f"ld.global.u32 %r1, [%d4+{4 * THREADS * i}]; st.shared.u32 [%d6+{4 * THREADS * i}], %r1; "
    for i in range(WORDS // THREADS)
)
ONES = "mov.f32 %f1, 0f3F800000; mov.f32 %f2, %f1; mov.f32 %f3, %f1; mov.f32 %f4, %f1;"
BEGIN = f"mov.u64 %d5, s; add.s64 %d6, %d5, %d2; {FILL} {ONES}"
"""All of shared memory, as the host lays it out, and sums of 1."""
STORE = "mul.wide.u32 %d7, %r0, 16; add.s64 %d7, %d0, %d7; st.global.v4.f32 [%d7], {%f1, %f2, %f3, %f4};"
PUBLISH, BARRIER = "fence.proxy.async.shared::cta;", "bar.sync 0;"
FENCE, COMMIT = "wgmma.fence.sync.aligned;", "wgmma.commit_group.sync.aligned;"
WAIT = "wgmma.wait_group.sync.aligned 0;"


def descriptor(first, leading, stride, swizzle=0):
    """Of a matrix at a byte of shared memory, with distances in bytes."""
    return first >> 4 | leading >> 4 << 16 | stride >> 4 << 32 | swizzle << 62


def product(kind, of_a, of_b):
    depth, behind = (8, "") if kind == "tf32" else (16, ", 0, 0")
    return (
        f"mov.u64 %d10, {of_a}; mov.u64 %d11, {of_b}; wgmma.mma_async.sync.aligned.m64n8k{depth}.f32.{kind}.{kind} "
        f"{{%f1, %f2, %f3, %f4}}, %d10, %d11, 1, 1, 1{behind};"
    )


def run(body, words, threads=THREADS):
    """What each thread stores of its sums."""
    return execute(
        f"{BEGIN} {body} {STORE}",
        np.zeros((threads, 4), np.float32),
        words,
        threads=threads,
        shared=4 * WORDS,
        align=1024,
    )


def gathered(found):
    """D (64, 8), as the PTX ISA draws its fragments."""
    whole = np.zeros((64, 8), np.float32)
    for thread in range(THREADS):
        row, column = 16 * (thread // 32) + thread % 32 // 4, 2 * (thread % 4)
        whole[row, column : column + 2] = found[thread, :2]
        whole[row + 8, column : column + 2] = found[thread, 2:]
    return whole


def swizzled(place, bits):
    """The PTX ISA's Swizzle<bits, 4, 3> of a place in bytes."""
    return place ^ (place >> 7 & (1 << bits) - 1) << 4


LAYOUTS = {
    "none": (0, 0, lambda chunk, rows: (chunk, 8 * chunk, rows * chunk)),
    "32 bytes": (3, 1, lambda chunk, rows: (2 * chunk, 16 * chunk, chunk)),
    "64 bytes": (2, 2, lambda chunk, rows: (4 * chunk, 32 * chunk, chunk)),
    "128 bytes": (1, 3, lambda chunk, rows: (8 * chunk, 64 * chunk, chunk)),
}
"""Mode, bits that are changed, and of ((8, m), (T, 2 k)) the numbers between two rows, two eights of rows and two chunks of T
numbers, which are 16 bytes. Those of "none" and of 32 bytes are the ISA's own examples but for the rows.
"""


@pytest.mark.parametrize("kind", ["tf32", "bf16"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_matrices_lie_as_the_canonical_layouts_say(layout, kind):
    generator = np.random.default_rng(3)
    size, depth = (4, 8) if kind == "tf32" else (2, 16)
    chunk = 16 // size
    a, b = (generator.integers(-9, 10, (rows, depth)).astype(np.float32) for rows in (64, 8))
    shared, told = np.zeros(4 * WORDS, np.uint8), []
    mode, bits, strides_of = LAYOUTS[layout]
    for matrix, first in ((a, 0), (b, 4 * OF_B)):
        row_apart, eight_apart, chunk_apart = strides_of(chunk, len(matrix))
        for (row, k), value in np.ndenumerate(matrix):
            place = row % 8 * row_apart + row // 8 * eight_apart + k % chunk + k // chunk * chunk_apart
            at = swizzled(first + size * place, bits)
            # Of bf16 the upper half of a float32.
            shared[at : at + size] = np.array([value], np.float32).view(np.uint8)[4 - size :]
        told.append(descriptor(first, size * chunk_apart, size * eight_apart, mode))
    body = f"{PUBLISH} {BARRIER} {FENCE} {product(kind, *told)} {COMMIT} {WAIT}"
    np.testing.assert_array_equal(gathered(run(body, shared.view(np.uint32))), a @ b.T + 1)


OF_ZEROS = descriptor(0, 64 * 16, 128), descriptor(4 * OF_B, 128, 128)
ZEROS = np.zeros(WORDS, np.uint32)
PRODUCT = product("tf32", *OF_ZEROS)
READY = f"{PUBLISH} {BARRIER} {FENCE}"
NEIGHBOUR = "xor.b64 %d8, %d2, 128; add.s64 %d8, %d5, %d8;"
"""%d8: a word of another warp's."""


def test_sums_are_there_when_they_are_waited_for():
    one = f"{READY} {PRODUCT} {COMMIT}"
    assert (run(f"{one} {WAIT}", ZEROS) == 1).all()
    assert np.isnan(run(one, ZEROS)).all()
    later = one + WAIT.replace(" 0", " 1")
    assert np.isnan(run(later, ZEROS)).all()
    # What was begun twice on the same registers is there after both.
    assert np.isnan(
        run(f"{READY} {PRODUCT} {COMMIT} {PRODUCT} {COMMIT} {WAIT.replace(' 0', ' 1')}", ZEROS)
    ).all()
    assert (run(f"{READY} {PRODUCT} {COMMIT} {PRODUCT} {COMMIT} {WAIT}", ZEROS) == 1).all()
    # Nobody waits for what is in no group.
    assert np.isnan(run(f"{READY} {PRODUCT} {WAIT}", ZEROS)).all()


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("no fence.proxy.async behind it", f"{BARRIER} {FENCE} {PRODUCT}"),
        (
            "no fence.proxy.async behind it",
            f"{PUBLISH} st.shared.u32 [%d6], %r0; {BARRIER} {FENCE} {PRODUCT}",
        ),
        ("published with no barrier between", f"{PUBLISH} {FENCE} {PRODUCT}"),
        ("published with no barrier between", f"{BARRIER} {PUBLISH} {FENCE} {PRODUCT}"),
        ("published with no barrier between", f"{PUBLISH} bar.warp.sync -1; {FENCE} {PRODUCT}"),
        (
            "no fence.proxy.async behind it",
            f"setp.lt.u32 %p1, %r0, 32; @%p1 {PUBLISH} {BARRIER} {FENCE} {PRODUCT}",
        ),
        ("no wgmma.fence before", f"{PUBLISH} {BARRIER} {PRODUCT}"),
        ("no wgmma.fence before", f"{READY} {PRODUCT} {COMMIT} {WAIT} {PRODUCT}"),
        ("may still read", f"{READY} {PRODUCT} {COMMIT} st.shared.u32 [%d6], %r0;"),
        ("may still read", f"{READY} {PRODUCT} {COMMIT} {BARRIER} st.shared.u32 [%d6], %r0;"),
        ("may still read", f"{READY} {PRODUCT} {WAIT} {BARRIER} st.shared.u32 [%d6], %r0;"),
        (
            "may still read",
            f"{READY} {PRODUCT} {COMMIT} {WAIT.replace(' 0', ' 1')} {BARRIER} st.shared.u32 [%d6], %r0;",
        ),
        (
            "writes it with no barrier between",
            f"{READY} {PRODUCT} {COMMIT} {WAIT} {NEIGHBOUR} st.shared.u32 [%d8], %r0; {BARRIER}",
        ),
        (
            "wgmma.mma_async by 96 of a warpgroup's 128 threads",
            f"{READY} setp.lt.u32 %p1, %r0, 32; @%p1 bra AFTER; {PRODUCT} AFTER:",
        ),
        (
            "name different descriptors",
            f"{READY} {PRODUCT.replace('wgmma', 'shr.u64 %d12, %d2, 8; add.s64 %d10, %d10, %d12; wgmma')}",
        ),
        (
            "of shared memory, of which a block has",
            f"{READY} {product('tf32', descriptor(4 * WORDS - 512, 1024, 128), OF_ZEROS[1])}",
        ),
        ("base offset", f"{READY} {product('tf32', OF_ZEROS[0] | 1 << 49 | 1 << 62, OF_ZEROS[1])}"),
    ],
)
def test_faults_are_found(message, body):
    with pytest.raises(FaultError) as raised:
        run(body, ZEROS)
    assert message in str(raised.value)


def test_a_block_is_of_whole_warpgroups():
    with pytest.raises(FaultError, match="no multiple of 128"):
        execute(FENCE, ZEROS, threads=96)


@pytest.mark.parametrize(
    "instruction",
    [
        PRODUCT.replace("1, 1, 1;", "0, 1, 1;"),
        PRODUCT.replace("1, 1, 1;", "1, -1, 1;"),
        product("bf16", *OF_ZEROS).replace("0, 0;", "0, 1;"),
        PRODUCT.replace("m64n8k8", "m64n8k16"),
        PRODUCT.replace("tf32", "f16"),
        "wgmma.fence.aligned;",
        "wgmma.wait_group.sync.aligned %r1;",
        "fence.proxy.alias;",
        "fence.acq_rel.gpu;",
    ],
)
def test_nothing_is_guessed(instruction):
    with pytest.raises(UnknownError):
        run(instruction, ZEROS)
