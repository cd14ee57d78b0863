"""What the 32 threads of a warp do together. Which thread holds what is from the PTX ISA: "Matrix Fragments for
mma.m16n8k8" (.tf32) and "for mma.m16n8k16 with floating point type" (.bf16), "Warp-level matrix load instruction:
ldmatrix", "shfl.sync".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .accesses import Place
from .arithmetic import from_bf16, truncated_tf32
from .arrays import Array
from .errors import FaultError, UnknownError
from .memory import WARP, LaneError, after_warp_barrier
from .parser import Instruction, parts
from .registers import Frame
from .threads import Active, Run, Threads

_LANES = np.arange(WARP)
_GROUP, _IN_GROUP = _LANES >> 2, _LANES & 3
"""groupID and threadID_in_group of the PTX ISA."""


def _a_tf32(i: int) -> tuple[Array, Array]:
    """(row, column) of element a_i of A in each lane."""
    return _GROUP + 8 * (i & 1), _IN_GROUP + 4 * (i >> 1)


def _b_tf32(i: int) -> tuple[Array, Array]:
    return _IN_GROUP + 4 * i, _GROUP


def _a_16bit(i: int) -> tuple[Array, Array]:
    upper = i < 2 or 4 <= i < 6
    return _GROUP + (0 if upper else 8), _IN_GROUP * 2 + (i & 1) + (8 if i >= 4 else 0)


def _b_16bit(i: int) -> tuple[Array, Array]:
    return _IN_GROUP * 2 + (i & 1) + (8 if i >= 2 else 0), _GROUP


def _c(i: int) -> tuple[Array, Array]:
    return _GROUP + (0 if i < 2 else 8), _IN_GROUP * 2 + (i & 1)


Fragment = Callable[[int], tuple[Array, Array]]


def _matrix(values: Array, shape: tuple[int, int], fragment: Fragment) -> Array:
    """(warps, rows, columns) of values (elements, warps, lanes)."""
    matrix = np.full((values.shape[1], *shape), np.nan)
    for i, own in enumerate(values):
        rows, columns = fragment(i)
        matrix[:, rows, columns] = own
    return matrix


def _tf32_elements(registers: list[Array]) -> Array:
    return np.stack([truncated_tf32(register) for register in registers])


def _bf16_elements(registers: list[Array]) -> Array:
    """Two a register, the first in its lower half."""
    halves = [register >> np.uint32(shift) & np.uint32(0xFFFF) for register in registers for shift in (0, 16)]
    return np.stack([from_bf16(half) for half in halves])


_SHAPES: dict[tuple[str, ...], tuple[int, Callable[[list[Array]], Array], Fragment, Fragment]] = {
    ("m16n8k8", "row", "col", "f32", "tf32", "tf32", "f32"): (8, _tf32_elements, _a_tf32, _b_tf32),
    ("m16n8k16", "row", "col", "f32", "bf16", "bf16", "f32"): (16, _bf16_elements, _a_16bit, _b_16bit),
}


def multiply(frame: Frame, instruction: Instruction) -> Run:
    """mma.sync: D = A B + C, added up in float64 and rounded once; a GPU adds in some order, with less."""
    if instruction.modifiers[:2] != ("sync", "aligned") or instruction.modifiers[2:] not in _SHAPES:
        raise UnknownError(instruction.text)
    depth, elements, fragment_a, fragment_b = _SHAPES[instruction.modifiers[2:]]
    of_d, of_a, of_b, of_c = instruction.operands
    targets = [frame.target(each, "f32") for each in parts(of_d, 4)]
    sources_a = [frame.source(each, "b32") for each in parts(of_a, 4)]
    sources_b = [frame.source(each, "b32") for each in parts(of_b, 2)]
    sources_c = [frame.source(each, "f32") for each in parts(of_c, 4)]

    def run(threads: Threads, active: Active) -> None:
        warps = active.whole_warps(threads.count, "mma.sync")

        def held(places: list[int]) -> list[Array]:
            return [threads.held(place).reshape(-1, WARP)[warps] for place in places]

        a = _matrix(elements(held(sources_a)), (16, depth), fragment_a)
        b = _matrix(elements(held(sources_b)), (depth, 8), fragment_b)
        c = _matrix(np.stack(held(sources_c)), (16, 8), _c)
        d = (a @ b + c).astype(np.float32)
        for i, target in enumerate(targets):
            rows, columns = _c(i)
            threads.values[target].reshape(-1, WARP)[warps] = d[:, rows, columns]

    return run


def load_matrices(frame: Frame, instruction: Instruction) -> Run:
    """ldmatrix: 8 x 8 matrices of 16 bits, whose rows of 16 bytes lanes 8 m .. 8 m + 7 point to."""
    *prefix, count, last, kind = [each for each in instruction.modifiers if each != "trans"]
    transposed = "trans" in instruction.modifiers
    if (
        prefix != ["sync", "aligned", "m8n8"]
        or last not in ("shared", "shared::cta")
        or kind != "b16"
        or count not in ("x1", "x2", "x4")
    ):
        raise UnknownError(instruction.text)
    targets = [frame.target(each, "b32") for each in parts(instruction.operands[0], int(count[1]))]
    place, text = Place(frame, instruction.operands[1], instruction.text), instruction.text
    rows = 8 * len(targets)

    def run(threads: Threads, active: Active) -> None:
        warps = active.whole_warps(threads.count, "ldmatrix.sync")
        pointing = (warps[:, None] * WARP + np.arange(rows)).ravel()
        addresses = np.zeros(threads.count, np.uint64)
        addresses[active.lanes] = place.of(threads, active)
        try:
            found = threads.shared.load(
                addresses[pointing], "u4", 4, threads.block[pointing], threads.stamps[pointing], text
            )
        except LaneError as error:
            raise FaultError(f"thread {threads.thread[pointing[error.lane]]}: {error.message}") from None
        matrices = np.ascontiguousarray(found).view(np.uint16).reshape(len(warps), len(targets), 8, 8)
        if transposed:
            matrices = matrices.transpose(0, 1, 3, 2)
        # Lane l gets elements 2 (l % 4) and the next of row l / 4.
        halves = np.ascontiguousarray(matrices).view(np.uint32)[:, :, _GROUP, _IN_GROUP]
        for i, target in enumerate(targets):
            threads.values[target].reshape(-1, WARP)[warps] = halves[:, i]

    return run


def _named(threads: Threads, active: Active, masks: int, what: str) -> Array:
    """The lanes that take part. Raises FaultError unless they are the ones that each of them names."""
    lanes = np.arange(threads.count)[active.lanes]
    there = np.zeros(threads.count, bool)
    there[lanes] = True
    bits = (there.reshape(-1, WARP) << _LANES).sum(axis=1).astype(np.uint32)
    named = threads.held(masks)[lanes]
    wrong = bits[lanes // WARP] != named
    if wrong.any():
        lane = int(np.flatnonzero(wrong)[0])
        raise FaultError(
            f"{what} for lanes {int(named[lane]):#010x}, and {int(bits[lanes[lane] // WARP]):#010x} of the warp are there"
        )
    found: Array = lanes
    return found


def synchronise(frame: Frame, instruction: Instruction) -> Run:
    """bar.warp.sync: what the named lanes did before comes before what they do next."""
    masks = frame.source(instruction.operands[0], "b32")

    def run(threads: Threads, active: Active) -> None:
        lanes = _named(threads, active, masks, "bar.warp.sync")
        threads.stamps[lanes] = after_warp_barrier(threads.stamps[lanes])

    return run


def shuffle(frame: Frame, instruction: Instruction) -> Run:
    """shfl.sync.{up,down,bfly,idx}.b32 d|p, a, b, c, membermask."""
    mode = instruction.modifiers[1] if len(instruction.modifiers) == 3 else ""
    if instruction.modifiers != ("sync", mode, "b32") or mode not in ("up", "down", "bfly", "idx"):
        raise UnknownError(instruction.text)
    into, value, distance, bounds, mask = instruction.operands
    result, *inside = parts(into, 1, 2)
    target = frame.target(result, "b32")
    told = [frame.target(each, "pred") for each in inside]
    source, by, clamps, masks = (frame.source(each, "b32") for each in (value, distance, bounds, mask))

    def run(threads: Threads, active: Active) -> None:
        lanes = _named(threads, active, masks, "shfl.sync")

        def own(place: int) -> Array:
            return threads.held(place)[lanes].astype(np.int64)

        lane, b, c = lanes % WARP, own(by) & 31, own(clamps)
        clamp, segments = c & 31, c >> 8 & 31
        least = lane & segments
        most = least | (clamp & ~segments)
        wanted = {"up": lane - b, "down": lane + b, "bfly": lane ^ b, "idx": least | (b & ~segments)}[mode]
        reaches = wanted >= most if mode == "up" else wanted <= most
        of = lanes - lane + np.where(reaches, wanted, lane)
        if (~np.isin(of, lanes)).any():
            raise FaultError("shfl.sync from a lane that takes no part")
        threads.values[target][lanes] = threads.held(source)[of]
        for each in told:
            threads.values[each][lanes] = reaches

    return run


def vote(frame: Frame, instruction: Instruction) -> Run:
    """vote.sync.{all,any,uni}.pred and .ballot.b32."""
    _, mode, kind = (*instruction.modifiers, "", "")[:3]
    if instruction.modifiers[:1] != ("sync",) or (mode, kind) not in {
        ("all", "pred"),
        ("any", "pred"),
        ("uni", "pred"),
        ("ballot", "b32"),
    }:
        raise UnknownError(instruction.text)
    target = frame.target(instruction.operands[0], kind)
    source, masks = (
        frame.source(instruction.operands[1], "pred"),
        frame.source(instruction.operands[2], "b32"),
    )

    def run(threads: Threads, active: Active) -> None:
        lanes = _named(threads, active, masks, "vote.sync")
        there = np.zeros((threads.count // WARP, WARP), bool)
        there.reshape(-1)[lanes] = True
        yes = there & threads.held(source).reshape(-1, WARP)
        results: dict[str, Any] = {
            "all": (yes | ~there).all(axis=1),
            "any": yes.any(axis=1),
            "uni": (yes | ~there).all(axis=1) | ~yes.any(axis=1),
            "ballot": (yes << _LANES).sum(axis=1).astype(np.uint32),
        }
        threads.values[target][lanes] = results[mode][lanes // WARP]

    return run
