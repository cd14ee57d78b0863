"""wgmma: what the 128 threads of a warpgroup begin together and wait for later. From the PTX ISA, "Asynchronous Warpgroup Level
Matrix Instructions": "Matrix Descriptor Format", "Canonical Layouts" (K-major), "Register Fragments" of .m64nNk8 and
.m64nNk16.

Until they are waited for the registers of the sums hold NaN. Two things are asked for more strictly than there: a wgmma.fence
after every wait, whatever was done to registers, and a barrier of the block behind a fence.proxy.async.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .arithmetic import from_bf16, truncated_tf32
from .arrays import Array
from .errors import FaultError, UnknownError
from .parser import Instruction, Number, parts
from .registers import Frame
from .threads import WARPGROUP, Active, Begun, Run, Sums, Threads

_SHAPE = re.compile(r"m64n(\d+)k(8|16)")
_ROWS, _CHUNK = 64, 16
_SWIZZLES = {0: 0, 1: 128, 2: 64, 3: 32}
"""By the two highest bits of a descriptor, the bytes of a row in a pattern."""


def made(frame: Frame, instruction: Instruction) -> Run:
    how, *rest = instruction.modifiers
    if rest[:2] != ["sync", "aligned"]:
        raise UnknownError(instruction.text)
    if how == "mma_async":
        return _multiply(frame, instruction, rest[2:])
    if rest[2:] or how not in ("fence", "commit_group", "wait_group"):
        raise UnknownError(instruction.text)
    if how == "wait_group":
        (pending,) = instruction.operands
        return _wait(int(pending.text, 0) if isinstance(pending, Number) else -1, instruction.text)
    return _fence if how == "fence" else _commit


def publish(frame: Frame, instruction: Instruction) -> Run:
    """fence.proxy.async of shared memory."""
    if instruction.modifiers not in (("proxy", "async"), ("proxy", "async", "shared::cta")):
        raise UnknownError(instruction.text)

    def run(threads: Threads, active: Active) -> None:
        passing = np.zeros(threads.count, bool)
        passing[active.lanes] = True
        threads.shared.publish(passing.reshape(-1, threads.per_block), threads.stamps)

    return run


def _taking_part(threads: Threads, active: Active, what: str) -> Array:
    if threads.per_block % WARPGROUP:
        raise FaultError(f"{what} in a block of {threads.per_block} threads, no multiple of {WARPGROUP}")
    return active.whole_warpgroups(threads.count, what)


def _fence(threads: Threads, active: Active) -> None:
    threads.products.fenced[_taking_part(threads, active, "wgmma.fence")] = True


def _commit(threads: Threads, active: Active) -> None:
    threads.products.groups[_taking_part(threads, active, "wgmma.commit_group")] += 1


class _Kind(NamedTuple):
    """Of numbers: depth of an instruction, bytes of one, and what words of shared memory hold, the last axis the depth."""

    depth: int
    size: int
    elements: Callable[[Array], Array]


def _bf16_elements(words: Array) -> Array:
    return from_bf16(np.ascontiguousarray(words).view(np.uint16))


_KINDS = {"tf32": _Kind(8, 4, truncated_tf32), "bf16": _Kind(16, 2, _bf16_elements)}


def _multiply(frame: Frame, instruction: Instruction, how: list[str]) -> Run:
    """D = A B + D of 64 rows, both matrices in shared memory, neither turned round nor negated."""
    shape, *kinds = how
    found, text = _SHAPE.fullmatch(shape), instruction.text
    if not found or len(kinds) != 3 or kinds[0] != "f32" or kinds[1] != kinds[2] or kinds[1] not in _KINDS:
        raise UnknownError(text)
    kind, columns = _KINDS[kinds[1]], int(found[1])
    of_d, of_a, of_b, *immediates = instruction.operands
    # Not cleared before, neither negated, and of 16 bits neither turned round.
    expected = ["1", "1", "1", "0", "0"][: 5 if kind.size == 2 else 3]
    told = [each.text if isinstance(each, Number) else "" for each in immediates]
    if int(found[2]) != kind.depth or columns % 8 or not 8 <= columns <= 256 or told != expected:
        raise UnknownError(text)
    places = tuple(frame.target(each, "f32") for each in parts(of_d, columns // 2))
    sources = [frame.source(each, "b64") for each in (of_a, of_b)]

    def run(threads: Threads, active: Active) -> None:
        own, products = _taking_part(threads, active, "wgmma.mma_async"), threads.products
        if not products.fenced[own].all():
            raise FaultError("no wgmma.fence before, since the warpgroup began or waited")
        first = own * WARPGROUP
        matrices = []
        for source, rows in zip(sources, (_ROWS, columns), strict=True):
            told = threads.held(source).reshape(-1, WARPGROUP)[own]
            if (told != told[:, :1]).any():
                raise FaultError("the threads of a warpgroup name different descriptors")
            addresses = _addresses(told[:, 0], rows, kind)
            words, held = threads.shared.begin_products(
                addresses.reshape(len(own), -1), threads.block[first], threads.stamps[first]
            )
            products.begun += map(Begun, own.tolist(), products.groups[own].tolist(), words)
            matrices.append(kind.elements(held.reshape(addresses.shape)).astype(np.float64))
        a, b = matrices
        sums = _in_flight(threads, places, columns, own)
        sums.values[own] = (a @ b.transpose(0, 2, 1) + sums.values[own]).astype(np.float32)
        sums.group[own] = products.groups[own]

    return run


def _addresses(descriptors: Array, rows: int, kind: _Kind) -> Array:
    """(matrices, rows, words along the depth): addresses of the words of K-major matrices, rows of A or columns of B."""
    whole = descriptors.astype(np.uint64)

    def field(first: int, bits: int) -> Array:
        found: Array = (whole >> np.uint64(first) & np.uint64((1 << bits) - 1)).astype(np.int64)
        return found[:, None, None]

    start, leading, stride = (field(first, 14) << 4 for first in (0, 16, 32))
    modes = np.unique(field(62, 2))
    if len(modes) != 1 or field(49, 3).any() or field(14, 2).any() or field(30, 2).any():
        raise FaultError("descriptors of several layouts, with a base offset, or with bits that mean nothing")
    row = np.arange(rows)[None, :, None]
    byte = np.arange(0, kind.depth * kind.size, 4)[None, None, :]
    width = _SWIZZLES[int(modes[0])]
    if not width:
        return start + row % 8 * _CHUNK + row // 8 * stride + byte % _CHUNK + byte // _CHUNK * leading
    plain = start + row % 8 * width + row // 8 * stride + byte
    # Of the places of 16 bytes in a row so many bits are changed by the bits from 7 on.
    found: Array = plain ^ (plain >> 7 & (width // _CHUNK - 1)) << 4
    return found


def _in_flight(threads: Threads, places: tuple[int, ...], columns: int, own: Array) -> Sums:
    """The sums of these warpgroups, whose registers nobody may look at from now on."""
    products = threads.products
    if places not in products.sums:
        count = len(products.groups)
        values = np.zeros((count, _ROWS, columns), np.float32)
        products.sums[places] = Sums(values, np.zeros(count, bool), np.zeros(count, np.int64))
    sums = products.sums[places]
    begins = own[~sums.in_flight[own]]
    for i, place in enumerate(places):
        rows, column = _fragment(i)
        held = threads.values[place].reshape(-1, WARPGROUP)
        sums.values[begins[:, None], rows, column] = held[begins]
        held[begins] = np.nan
    sums.in_flight[own] = True
    return sums


_THREADS = np.arange(WARPGROUP)


def _fragment(i: int) -> tuple[Array, Array]:
    """(row, column) of element d_i in each thread of a warpgroup."""
    warp, lane = _THREADS // 32, _THREADS % 32
    return 16 * warp + lane // 4 + 8 * (i // 2 % 2), 8 * (i // 4) + 2 * (lane % 4) + i % 2


def _wait(pending: int, text: str) -> Run:
    if pending < 0:
        raise UnknownError(text)

    def run(threads: Threads, active: Active) -> None:
        own, products = _taking_part(threads, active, "wgmma.wait_group"), threads.products
        before = np.full(len(products.groups), -1)
        before[own] = products.groups[own] - pending
        left: list[Begun] = []
        for each in products.begun:
            if each.group < before[each.warpgroup]:
                stamp = threads.stamps[each.warpgroup * WARPGROUP, None]
                threads.shared.end_products(each.words[None], stamp, text)
            else:
                left.append(each)
        products.begun = left
        for places, sums in products.sums.items():
            done = np.flatnonzero(sums.in_flight & (sums.group < before))
            for i, place in enumerate(places):
                rows, column = _fragment(i)
                threads.values[place].reshape(-1, WARPGROUP)[done] = sums.values[done[:, None], rows, column]
            sums.in_flight[done] = False
        products.fenced[own] = False

    return run
