"""How much memory may be taken: what the machine has left, and what a file may ask for.

A few bytes of a file can describe terabytes. So the sizes are added up first, from the description, and compared with a
limit: NUMBACNN_MAX_MEMORY (`numbacnn --max-memory`) where it is set. Where it is not, 1 GiB and four times the size of
the file for what a file describes, and what is free on the machine for what the user asks for.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from .errors import NotEnoughMemory, NumbacnnError, UsageError

VARIABLE = "NUMBACNN_MAX_MEMORY"
MAX_CLASSES = 100_000
"""More than any labelled set has; a label above it is damage or not a label."""

_DESCRIBED = 1 << 30
_TIMES_THE_FILE = 4
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NO_LIMIT = 1 << 60
"""What systems write for "no limit" is at least this."""

_GROUPS = {
    "": ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "memory": (
        "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
}  # fmt: skip
"""Control groups of versions 2 and 1: where they are, and the files that say limit, use and what caches would give back."""


def parse_size(text: str) -> int:
    """Bytes of ``4G``, ``500M``, ``1.5 GiB`` or a plain number; units are powers of 1024. Raises ValueError."""
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if size < 1:
        raise ValueError(f"'{text[:40]}' is no amount of memory; write 4G, or 500M")
    return size


def given_limit() -> int | None:
    """What NUMBACNN_MAX_MEMORY says, in bytes; None where it is not set. Raises UsageError if it is no size."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{VARIABLE}={error}") from None


def free_memory() -> int | None:
    """Bytes that may still be taken: no more than `given_limit`, and what machine, container and process limits leave.

    None where nothing is known of them.
    """
    known = [given_limit(), _of_the_machine(), _of_the_group(), _of_the_process()]
    return min((size for size in known if size is not None), default=None)


def need_memory(needed: int, what: str, *, by_pictures: bool = False) -> None:
    """Raises NotEnoughMemory (and its `by_pictures`), with the bytes, unless so many are free; `what` takes them: "64 pictures take"."""
    free = free_memory()
    if free is not None and needed > free:
        message = f"{what} {mebibytes(needed)} of memory, and {mebibytes(free)} are free"
        raise NotEnoughMemory(message, by_pictures=by_pictures)


def need_described(needed: int, path: Path, what: str, problem: type[NumbacnnError]) -> None:
    """Raises `problem` if what a file describes takes more memory than files may; `what` takes it: "its labels take"."""
    given = given_limit()
    allowed = given
    if allowed is None:
        allowed = _DESCRIBED + _TIMES_THE_FILE * path.stat().st_size
    if needed > allowed:
        raise problem(
            f"{path}: {what} {mebibytes(needed)} of memory, and {mebibytes(allowed)} are allowed"
            f"{' for a file of its size' if given is None else ''}; if the file is to be trusted, "
            f"--max-memory {-(-needed // 2**30)}G (or {VARIABLE}) allows it"
        )
    need_memory(needed, f"{path}: {what}")


def mebibytes(size: int) -> str:
    """`1,234 MiB`."""
    return f"{-(-size // 2**20):,} MiB"


def _of_the_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        # "Available" counts what the system would give back of its caches.
        found = re.search(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
        if found:
            return int(found[1]) << 10
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_the_group() -> int | None:
    """What the process's control groups, a container's among them, leave."""
    left: list[int | None] = []
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, own = line.split(":", 2)
            if controllers in _GROUPS:
                root, *names = _GROUPS[controllers]
                folder = Path(root, own.strip("/"))
                # A container may see its own group as the root, or only the root: every level is looked at.
                left += [_left_in(each, *names) for each in (folder, *folder.parents)]
    return min((size for size in left if size is not None), default=None)


def _left_in(folder: Path, limit_name: str, usage_name: str, cached_name: str) -> int | None:
    with suppress(OSError, ValueError):
        limit = int((folder / limit_name).read_text())
        usage = int((folder / usage_name).read_text())
        found = re.search(rf"^{cached_name} (\d+)", (folder / "memory.stat").read_text(), re.MULTILINE)
        return max(0, limit - usage + (int(found[1]) if found else 0)) if limit < _NO_LIMIT else None
    return None


def _of_the_process() -> int | None:
    """What `ulimit -v` leaves of the process's addresses."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or limit >= _NO_LIMIT:
        return None
    with suppress(OSError, ValueError, IndexError):
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        return max(0, limit - taken)
    return None
