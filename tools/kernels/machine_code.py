"""What machine code takes of the GPU and what its instructions are, as NVIDIA's cuobjdump and nvdisasm tell."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass

from .nvidia import find

_LABEL = re.compile(r"^(\.L_\w+):")
_INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*)")
_TARGET = re.compile(r"`\((\.L_\w+)\)")
_FLOAT64 = re.compile(r"D(ADD|MUL|FMA|SETP|MNMX|MMA)\b|.*\.F64|MUFU\.\w+64H")
_RESOURCE = re.compile(r"\b(REG|STACK|SHARED|LOCAL):(\d+)")


@dataclass(frozen=True)
class MachineCode:
    """Registers of a thread, bytes of static shared memory of a block, bytes of memory that a thread takes for what has
    no register, and the opcodes of all instructions and of those of the longest loop that holds no other.
    """

    registers: int
    shared_bytes: int
    spill_bytes: int
    instructions: tuple[str, ...]
    longest_loop: tuple[str, ...]

    @property
    def float64_instructions(self) -> int:
        return sum(bool(_FLOAT64.match(opcode)) for opcode in self.instructions)

    @property
    def ffma_share(self) -> float:
        """FFMA among the instructions of the longest loop; 0 without a loop."""
        return self._share("FFMA")

    @property
    def hmma_share(self) -> float:
        """Of tensor cores' instructions, likewise."""
        return self._share("HMMA")

    @property
    def hgmma(self) -> int:
        """How many products of whole warpgroups are in it."""
        return sum(opcode.split(".")[0] == "HGMMA" for opcode in self.longest_loop)

    def _share(self, operation: str) -> float:
        found = sum(opcode.split(".")[0] == operation for opcode in self.longest_loop)
        return found / len(self.longest_loop) if self.longest_loop else 0.0


def examined(cubin: bytes) -> MachineCode:
    """What is in a cubin of one kernel. Raises ToolMissingError."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        # The first numbers are those of what all functions of the file share.
        told = _output("cuobjdump", "--dump-resource-usage", file.name).rpartition("Function ")[2]
        resources = {name: int(number) for name, number in _RESOURCE.findall(told)}
        instructions, loop = _instructions(_output("nvdisasm", "--print-code", file.name))
    return MachineCode(
        resources["REG"],
        resources["SHARED"],
        resources["STACK"] + resources["LOCAL"],
        tuple(instructions),
        tuple(loop),
    )


def _instructions(listing: str) -> tuple[list[str], list[str]]:
    """The opcodes of a listing, and those of its longest innermost loop."""
    opcodes: list[str] = []
    labels: dict[str, int] = {}
    branches: list[tuple[int, str]] = []
    for line in listing.splitlines():
        if label := _LABEL.match(line):
            labels[label[1]] = len(opcodes)
        elif (found := _INSTRUCTION.match(line)) and found[1] != "NOP":
            if found[1].startswith("BRA") and (aim := _TARGET.search(found[2])):
                branches.append((len(opcodes), aim[1]))
            opcodes.append(found[1])
    # The last instruction of a kernel jumps to itself, for the processor to have something to fetch.
    loops: dict[int, int] = {}
    for place, target in branches:
        if labels[target] < place:
            loops[labels[target]] = place + 1
    innermost = [
        (first, end) for first, end in loops.items() if not any(first < other < end for other in loops)
    ]
    first, end = max(innermost, key=lambda loop: loop[1] - loop[0], default=(0, 0))
    return opcodes, opcodes[first:end]


def _output(tool: str, *arguments: str) -> str:
    return subprocess.run([find(tool), *arguments], check=True, capture_output=True, text=True).stdout


def need_tools() -> None:
    """Raises ToolMissingError unless both are there."""
    for tool in ("cuobjdump", "nvdisasm"):
        find(tool)
