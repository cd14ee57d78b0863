"""The system calls of a command that write, and a kill at one of them: strace does both (Linux)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

WRITING = [
    "write",
    "pwrite64",
    "writev",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "link",
    "linkat",
    "flock",
    "openat",
]
_CREATES = re.compile(r"O_CREAT|O_TRUNC")
_CALL = re.compile(r"(\w+)\(")


class Call(NamedTuple):
    """The `number`-th call (from 1) of that name on the main thread."""

    name: str
    number: int


def available() -> bool:
    return shutil.which("strace") is not None


def calls_that_write(
    command: Sequence[str], environment: Mapping[str, str], log: Path, written: Path
) -> list[Call]:
    """Runs the command, and gives the calls of its main thread that write, in order, from the first that names the folder
    `written` on; `log` is where strace writes them.
    """
    traced = ["strace", "-qq", "-s", "256", "-o", str(log), "-e", f"trace={','.join(WRITING)}", *command]
    subprocess.run(traced, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    counts: Counter[str] = Counter()
    calls = []
    begun = False
    for line in log.read_text(errors="replace").splitlines():
        found = _CALL.match(line)
        if found is None:
            continue
        name = found[1]
        counts[name] += 1
        begun = begun or f'"{written}' in line
        if begun and (name != "openat" or _CREATES.search(line)):
            calls.append(Call(name, counts[name]))
    return calls


def killed_at(call: Call, command: Sequence[str]) -> list[str]:
    """The command, which is killed when it makes that call, before it is carried out."""
    inject = f"inject={call.name}:signal=KILL:when={call.number}"
    return ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call.name}", "-e", inject, *command]
