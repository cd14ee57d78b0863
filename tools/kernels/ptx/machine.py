"""A grid of blocks, run as the PTX says.

The threads of some blocks run in lockstep: always those whose next instruction comes first in the text, which brings
threads that went different ways together again where their ways meet. A barrier lets a block go on when all of its
threads stand at it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from .arrays import Array
from .errors import FaultError, UnknownError
from .instructions import made
from .memory import WARP, GlobalMemory, LaneError, LocalMemory, SharedMemory, after_barrier
from .parser import Instruction, Program, Symbol
from .registers import Frame
from .threads import Active, Run, Threads
from .warps import synchronise

Grid = tuple[int, int, int]
_AT_ONCE = 2048
"""Threads, if several blocks have so many: with fewer, Python's own time counts; with more, registers leave the cache."""
_ENDED = 1 << 30
_WAITING = 1 << 29
"""Added to where a thread goes on after the barrier that it waits at."""


@dataclass
class _Section:
    """Instructions without a branch between them; `leave` moves the threads on."""

    runs: list[tuple[Run, Instruction]] = field(default_factory=list)
    leave: Callable[[Threads, Active, Array], None] | None = None


class Kernel:
    """A program, ready to run."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.frame = Frame(program)
        self._sections: list[_Section] = []
        self._divide()

    def _divide(self) -> None:
        """Into sections: at labels, and after what does not go on to the next instruction."""
        instructions = self.program.instructions
        ends = {
            i + 1
            for i, each in enumerate(instructions)
            if each.root in _LEAVING and not (each.root == "bar" and each.modifiers[:1] == ("warp",))
        }
        starts = sorted({0, len(instructions)} | ends | set(self.program.labels.values()))
        section_at = {start: number for number, start in enumerate(starts)}
        targets = {label: section_at[place] for label, place in self.program.labels.items()}
        for number, (first, end) in enumerate(pairwise(starts)):
            section = _Section()
            for i in range(first, end):
                if i + 1 in ends:
                    section.leave = _leaving(self.frame, instructions[i], number + 1, targets)
                else:
                    section.runs.append((self._guarded(instructions[i]), instructions[i]))
            section.leave = section.leave or _go_to(number + 1)
            self._sections.append(section)

    def _guarded(self, instruction: Instruction) -> Run:
        if instruction.root in ("bar", "barrier"):
            run = synchronise(self.frame, instruction)
        else:
            run = made(self.frame, instruction)
        if instruction.guard is None:
            return run
        guard, negated = self.frame.source(instruction.guard, "pred"), instruction.negated

        def guarded(threads: Threads, active: Active) -> None:
            part = active.those(threads.values[guard], negated=negated)
            if np.any(part.where):
                run(threads, part)

        return guarded

    def launch(
        self, grid: Grid, threads: int, parameters: bytes, memory: GlobalMemory, shared_bytes: int = 0
    ) -> None:
        """Runs every block, which has so many bytes of shared memory beside its own. Raises FaultError."""
        given = np.frombuffer(parameters.ljust(self.program.parameters.size, b"\0"), np.uint8)
        if len(given) != self.program.parameters.size:
            raise ValueError(f"{len(given)} bytes of arguments, {self.program.parameters.size} are declared")
        for name, value in self.program.constant_bytes.items():
            offset = self.program.constants.variables[name].offset
            memory.add_constants(value, offset)
        memory.begin()
        blocks = np.arange(math.prod(grid))
        at_once = max(1, _AT_ONCE // threads)
        with np.errstate(all="ignore"):
            for first in range(0, len(blocks), at_once):
                own = blocks[first : first + at_once]
                _Wave(self, grid, threads, given, memory, shared_bytes, own).run(self._sections)
        memory.written()


class _Wave:
    """The blocks that run at once."""

    def __init__(
        self,
        kernel: Kernel,
        grid: Grid,
        threads: int,
        parameters: Array,
        memory: GlobalMemory,
        shared_bytes: int,
        blocks: Array,
    ) -> None:
        program, count = kernel.program, len(blocks)
        # What is missing of the last warp has ended before it began.
        per_block = -(-threads // WARP) * WARP
        self._threads = Threads(
            memory,
            SharedMemory(count, program.shared.size + shared_bytes),
            LocalMemory(count * per_block, program.local.size),
            parameters,
            blocks,
            per_block,
        )
        x, y, _ = grid
        own = np.repeat(blocks, per_block)
        coordinates = {"x": own % x, "y": own // x % y, "z": own // (x * y)}
        extents = {"x": (threads, x), "y": (1, y), "z": (1, grid[2])}
        thread = self._threads.thread
        special = {f"%ctaid.{axis}": number for axis, number in coordinates.items()}
        special |= {"%tid.x": thread, "%tid.y": 0 * thread, "%tid.z": 0 * thread, "%laneid": thread % WARP}
        special["%dynamic_smem_size"] = np.full(len(own), shared_bytes)
        for axis, (block_size, grid_size) in extents.items():
            special[f"%ntid.{axis}"] = np.full(len(own), block_size)
            special[f"%nctaid.{axis}"] = np.full(len(own), grid_size)
        self._threads.values = kernel.frame.arrays(
            {name: number.astype(np.uint32) for name, number in special.items()}
        )
        self._coordinates = coordinates
        self._next = np.zeros(len(own), np.int64)
        self._next[thread >= threads] = _ENDED
        self._is_thread = (thread < threads).reshape(count, per_block)

    def run(self, sections: list[_Section]) -> None:
        threads, following = self._threads, self._next
        all_of_them = Active(True)
        while True:
            first = int(following.min())
            if first >= _WAITING:
                if first >= _ENDED:
                    break
                self._pass_barrier()
                continue
            if first == len(sections):
                raise FaultError("the last instruction is no ret, and a thread has come there")
            where = following == first
            active = all_of_them if where.all() else Active(where)
            section = sections[first]
            for run, instruction in section.runs:
                try:
                    run(threads, active)
                except LaneError as error:
                    raise FaultError(f"{instruction.text}: {self._who(active, error)}") from None
                except FaultError as error:
                    raise FaultError(f"{instruction.text}: {error}") from None
            assert section.leave is not None
            section.leave(threads, active, following)
        threads.shared.compare_reads(forget=True)

    def _who(self, active: Active, error: LaneError) -> str:
        lane = np.arange(self._threads.count)[active.lanes][error.lane]
        block = tuple(int(number[lane]) for number in self._coordinates.values())
        return f"thread {int(self._threads.thread[lane])} of block {block}: {error.message}"

    def _pass_barrier(self) -> None:
        """Every thread waits or has ended: lets the blocks go on of which all wait at one barrier."""
        threads = self._threads
        following = self._next.reshape(self._is_thread.shape)
        for block in np.flatnonzero((following < _ENDED).any(axis=1)):
            own = following[block][self._is_thread[block]]
            if (own >= _ENDED).any():
                raise FaultError(
                    f"bar.sync: {int((own < _ENDED).sum())} threads of a block wait for {int((own >= _ENDED).sum())} that ended"
                )
            if (own != own[0]).any():
                raise FaultError("bar.sync: the threads of a block wait at different barriers")
        threads.shared.compare_reads(forget=True)
        waiting = self._next < _ENDED
        self._next[waiting] -= _WAITING
        threads.stamps[waiting] = after_barrier(threads.stamps[waiting])


def _go_to(section: int) -> Callable[[Threads, Active, Array], None]:
    def leave(_threads: Threads, active: Active, following: Array) -> None:
        following[active.lanes] = section

    return leave


_LEAVING = {"bra", "ret", "exit", "bar", "barrier"}
"""Roots of instructions that end a section."""


def _leaving(
    frame: Frame, instruction: Instruction, after: int, targets: dict[str, int]
) -> Callable[[Threads, Active, Array], None]:
    """How threads leave by a branch, an end or a barrier; those that the guard leaves out go on behind it."""
    root, operands = instruction.root, instruction.operands
    if root == "bra":
        (label,) = operands
        if set(instruction.modifiers) - {"uni"} or not isinstance(label, Symbol) or label.name not in targets:
            raise UnknownError(instruction.text)
        aim = targets[label.name]
    elif root in ("ret", "exit"):
        aim = _ENDED
    else:
        if (
            instruction.modifiers not in (("sync",), ("sync", "aligned"), ("cta", "sync"))
            or len(operands) != 1
        ):
            raise UnknownError(instruction.text)
        aim = after + _WAITING
    if instruction.guard is None:
        return _go_to(aim)
    guard, negated = frame.source(instruction.guard, "pred"), instruction.negated

    def leave(threads: Threads, active: Active, following: Array) -> None:
        following[active.lanes] = after
        following[active.those(threads.values[guard], negated=negated).lanes] = aim

    return leave
