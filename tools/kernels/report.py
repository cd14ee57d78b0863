"""One row for each kernel, way of launching it and compute capability: what it takes, beside what it may take."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from numbacnn.ops.cuda import toolchain
from numbacnn.ops.cuda.budget import Budget
from numbacnn.ops.cuda.product.precision import least_capability

from .compiled import CAPABILITIES, Made
from .launches import Types
from .machine_code import MachineCode, examined


class CompilationError(Exception):
    """A kernel cannot be compiled; the message says which, for what, and why."""


@dataclass(frozen=True)
class Row:
    """A kernel for a compute capability; `types` of arguments as Numba writes them."""

    name: str
    types: str
    capability: tuple[int, int]
    code: MachineCode

    @property
    def compute_capability(self) -> str:
        return ".".join(map(str, self.capability))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "compute_capability": self.compute_capability,
            "arguments": self.types,
            "registers": self.code.registers,
            "shared_bytes": self.code.shared_bytes,
            "spill_bytes": self.code.spill_bytes,
            "float64_instructions": self.code.float64_instructions,
            "ffma_share": round(self.code.ffma_share, 3),
            "hmma_share": round(self.code.hmma_share, 3),
            "hgmma": self.code.hgmma,
            "instructions": len(self.code.instructions),
        }


def pending_rows(
    launched: Mapping[str, list[Types]], capabilities: Callable[[str], list[tuple[int, int]]]
) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    """(name, a function that waits for the rows of one way of launching it and returns them, or raises CompilationError),
    all of them being made by a process a core: one way by one process, as most of the time goes into what is the same for
    every capability. `capabilities`: those of a kernel, by its name.
    """
    # Forked, as some kernels are made when they are first launched, which `launches` did in this process.
    with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
        for name, ways in launched.items():
            for types in ways:
                yield name, pool.submit(_rows, name, types, capabilities(name)).result


def fitting(name: str, capabilities: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of the capabilities that have what a kernel needs."""
    return [each for each in capabilities if each >= least_capability(name)]


def outermost(name: str) -> list[tuple[int, int]]:
    """The oldest and the newest of CAPABILITIES that have what a kernel needs."""
    found = fitting(name, CAPABILITIES)
    return [found[0], found[-1]]


def _rows(name: str, types: Types, capabilities: list[tuple[int, int]]) -> list[Row]:
    return [_row(name, types, capability) for capability in capabilities]


def _row(name: str, types: Types, capability: tuple[int, int]) -> Row:
    written = ", ".join(map(str, types))
    try:
        code = Made(toolchain.KERNELS[name], types, capability).cubin
    except Exception as error:
        where = f"{name} ({written}) for compute capability {capability[0]}.{capability[1]}"
        # A string, as not every error of a compiler can be sent from one process to another.
        raise CompilationError(f"{where}: {type(error).__name__}: {error}") from None
    return Row(name, written, capability, examined(code))


def budgets() -> dict[str, Budget]:
    """What is written beside the kernels, in BUDGETS of each file of ops.cuda, by the kernels' names."""
    room = toolchain.__package__
    files = [module for name, module in sys.modules.items() if name.startswith(f"{room}.")]
    return {
        name if "." in name else f"{file.__name__.rsplit('.', 1)[-1]}.{name}": budget
        for file in files
        for name, budget in getattr(file, "BUDGETS", {}).items()
    }


def taken(rows: list[Row]) -> Budget:
    """The least budget that all these rows keep to."""
    codes = [row.code for row in rows]
    return Budget(
        max(code.registers for code in codes),
        max(code.shared_bytes for code in codes),
        math.floor(100 * min(code.ffma_share for code in codes)) / 100,
        math.floor(100 * min(code.hmma_share for code in codes)) / 100,
        min(code.hgmma for code in codes),
    )


def complaints(row: Row, budget: Budget) -> list[str]:
    """What is wrong with a row, in words; empty if nothing is."""
    code = row.code
    checks = [
        (code.registers > budget.registers, f"{code.registers} registers, {budget.registers} at most"),
        (
            code.shared_bytes > budget.shared_bytes,
            f"{code.shared_bytes} bytes of shared memory, {budget.shared_bytes} at most",
        ),
        (
            code.ffma_share < budget.ffma_share,
            f"{code.ffma_share:.3f} of the longest loop is FFMA, {budget.ffma_share} at least",
        ),
        (
            code.hmma_share < budget.hmma_share,
            f"{code.hmma_share:.3f} of the longest loop is HMMA, {budget.hmma_share} at least",
        ),
        (
            code.hgmma < budget.hgmma,
            f"{code.hgmma} of the longest loop are HGMMA, {budget.hgmma} at least",
        ),
        (
            code.spill_bytes > 0,
            f"{code.spill_bytes} bytes spilt from registers, or of a local array in memory",
        ),
        (code.float64_instructions > 0, f"{code.float64_instructions} instructions on float64"),
    ]
    return [f"{row.name} for {row.compute_capability}: {complaint}" for wrong, complaint in checks if wrong]
