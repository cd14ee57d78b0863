"""The kernel cache is only a copy: whatever its files and its folder are like, kernels run, and what is wrong is said once."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from numbacnn.ops import kernel_cache

RUN = """
import json, warnings
import numpy as np
from numbacnn import compiling
with warnings.catch_warnings(record=True) as said, compiling.watch() as seen:
    warnings.simplefilter("always")
    from numbacnn.ops.batches import _take_cpu
    from numbacnn.ops.compilation import loaded
    from numbacnn.ops.kernel_cache import cache_folder
    from numbacnn.ops.pixels import _from_bytes_cpu
    sums = []
    for size in (3, 5):
        row = np.zeros(size, np.uint32)
        _take_cpu(row, np.zeros(1, np.uint32), np.ones((2, size), np.uint32))
        x = np.zeros((1, 1, 1, size), np.float32)
        _from_bytes_cpu(x, np.ones(x.shape, np.uint8))
        sums.append(float(row.sum() + x.sum()))
print(json.dumps({
    "sums": sums, "compiled": seen.compiled, "loaded": loaded(), "kept": seen.kept, "folder": str(cache_folder()),
    "said": [str(each.message) for each in said],
}))
"""
RIGHT = [6.0, 10.0]


def run(folder: Path | None, **environment: str) -> dict[str, Any]:
    inherited = {name: value for name, value in os.environ.items() if name != "NUMBACNN_CACHE_DIR"}
    named = {} if folder is None else {"NUMBACNN_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=inherited | named | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["sums"] == RIGHT
    return result


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    first = run(folder)
    assert (first["compiled"], first["loaded"], first["said"]) == (2, 0, [])
    return folder


@pytest.fixture
def cache(warm: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(warm, tmp_path / "cache"))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_a_file_a_kernel_is_kept_and_loaded(cache: Path) -> None:
    assert [path.suffix for path in files(cache)] == [".nbc"] * 2
    again = run(cache)
    assert (again["compiled"], again["loaded"], again["said"]) == (0, 2, [])


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "a bit of its checksum": lambda content: flip(content, 3),
    "a bit at its beginning": lambda content: flip(content, 40),
    "a bit of its machine code": lambda content: flip(content, len(content) // 2),
    "a bit at its end": lambda content: flip(content, len(content) - 1),
    "zeros": lambda content: bytes(len(content)),
    "something else": lambda _: b"\x80\x04K\x01.",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_never_used(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(kernel_cache, "_said", set())
    kept, code = kernel_cache._Files("kernel", pickle.dumps), bytes(range(256)) * 20
    kept.save("signature", code)
    assert kept.load("signature") == code
    (path,) = files(tmp_path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.warns(RuntimeWarning, match="a file that cannot be used") as said:
        assert kept.load("signature") is None
    assert str(path) in str(said[0].message)
    kept.save("signature", code)
    assert kept.load("signature") == code


def test_damaged_files_are_compiled_anew_and_replaced(cache: Path) -> None:
    for path, damage in zip(files(cache), ("a bit of its machine code", "cut short"), strict=True):
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    result = run(cache)
    assert (result["compiled"], result["loaded"]) == (2, 0)
    (said,) = result["said"]
    assert str(cache) in said
    again = run(cache)
    assert (again["compiled"], again["loaded"], again["said"]) == (0, 2, [])


def test_another_kernels_file_is_not_taken_for_it(cache: Path) -> None:
    one, other = files(cache)
    other.write_bytes(one.read_bytes())
    assert run(cache)["loaded"] == 1


def test_a_folder_in_a_files_place_is_said(cache: Path) -> None:
    path = files(cache)[0]
    path.unlink()
    path.mkdir()
    result = run(cache)
    assert (result["compiled"], result["loaded"]) == (1, 1)
    assert all(str(cache) in said for said in result["said"])
    assert 1 <= len(result["said"]) <= 2


@pytest.mark.parametrize("place", ["", "kernels"])
def test_a_file_in_the_folders_place(place: str, tmp_path: Path) -> None:
    where = tmp_path / "cache" / place
    where.parent.mkdir(exist_ok=True)
    where.write_text("a file")
    result = run(tmp_path / "cache")
    assert (result["compiled"], result["kept"]) == (2, False)
    (said,) = result["said"]
    assert str(tmp_path) in said
    assert "NUMBACNN_CACHE_DIR" in said


def may_write_anyway(folder: Path) -> bool:
    """Whether permissions mean nothing to this user."""
    folder.chmod(0o500)
    return os.access(folder, os.W_OK)


def test_a_folder_that_cannot_be_written(cache: Path, tmp_path: Path) -> None:
    if may_write_anyway(tmp_path):
        pytest.skip("this user may write everywhere")
    missing, there = run(tmp_path / "none"), run(cache)
    assert (missing["compiled"], missing["kept"], len(missing["said"])) == (2, False, 1)
    assert str(tmp_path / "none") in missing["said"][0]
    # What is there already is read, and nothing has to be said.
    assert (there["loaded"], there["said"]) == (2, [])


@pytest.mark.skipif(os.name == "nt", reason="limits of a process are POSIX's")
def test_a_disk_that_is_full_keeps_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    # A file may be no longer than 4 KiB: the write fails half way through, as on a full disk.
    limited = f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n{RUN}"
    environment = os.environ | {"NUMBACNN_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", limited],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["sums"] == RIGHT
    assert len(result["said"]) == 1
    assert str(tmp_path) in result["said"][0]
    assert files(tmp_path) == []


NO_LOCKS = """
import errno, sys, types
def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")
try:
    import fcntl
    fcntl.flock = fcntl.lockf = refuse
except ImportError:
    pass
"""


def test_a_file_system_without_locks_keeps_kernels(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBACNN_CACHE_DIR": str(tmp_path)}
    for compiled in (2, 0):
        done = subprocess.run(
            [sys.executable, "-c", NO_LOCKS + RUN],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        result = json.loads(done.stdout)
        assert (result["compiled"], result["said"]) == (compiled, [])


@pytest.mark.skipif(os.name == "nt", reason="Windows asks the system for a user's folders")
def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBACNN_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(
        os.path, "expanduser", lambda path: path
    )  # as for a user id that the system does not know
    kernel_cache.cache_folder.cache_clear()
    try:
        assert kernel_cache.cache_folder() is None
        assert kernel_cache.cache_bytes() == 0
        assert not kernel_cache.can_be_kept()
    finally:
        kernel_cache.cache_folder.cache_clear()


def test_a_relative_folder_is_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBACNN_CACHE_DIR", "here")
    kernel_cache.cache_folder.cache_clear()
    try:
        folder = kernel_cache.cache_folder()
        assert folder is not None
        assert folder.parent == tmp_path / "here" / "kernels"
        assert kernel_cache.can_be_kept()
    finally:
        kernel_cache.cache_folder.cache_clear()


def test_versions_have_folders_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    here = kernel_cache._digest()
    for change in (
        lambda: monkeypatch.setattr(kernel_cache.platform, "python_version", lambda: "3.99.0"),
        lambda: monkeypatch.setattr(kernel_cache, "_version", lambda package: f"{package} 99"),
        lambda: monkeypatch.setattr(kernel_cache.numba, "__version__", "99"),
    ):
        change()
        assert kernel_cache._digest() != here
        monkeypatch.undo()
    assert kernel_cache._digest() == here


def test_machine_code_that_a_signal_lost_is_no_fault_of_the_folder() -> None:
    library = object.__new__(kernel_cache.CPUCodeLibrary)
    library._object_caching_enabled, library._compiled_object = True, None
    assert kernel_cache._was_interrupted(SimpleNamespace(library=library))
    library._compiled_object = b"machine code"
    assert not kernel_cache._was_interrupted(SimpleNamespace(library=library))
    # Of a GPU's kernels the machine code lies elsewhere.
    assert not kernel_cache._was_interrupted(SimpleNamespace(library=SimpleNamespace(_compiled_object=None)))
