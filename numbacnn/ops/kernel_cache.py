"""The folder in which compiled kernels are kept, for the CPU and for GPUs.

It only holds what can be compiled again: a file that is damaged or cannot be read, or a folder that cannot be made or
written, never stops a command. One warning says so, with the folder's name.

Numba's own cache has an index for each function, which processes must lock to change, and whose contents are trusted.
Here each signature of a function has a file of its own, named after what it was compiled for and written by renaming,
so that no lock is needed. The file begins with the SHA-256 of the rest, so that damaged machine code is never run.

Numba's cache does not notice a change in a function that a cached kernel calls. The folder is therefore named after a
digest of this room's sources and of the versions and settings that change the machine code. Only the user may read it
(0700), as the files are pickles.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import secrets
import warnings
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.core.codegen import CPUCodeLibrary
from platformdirs import user_cache_path

from .. import compiling
from .starting import prepare_numba

_VARIABLE = "NUMBACNN_CACHE_DIR"
_DIGEST_BYTES = hashlib.sha256().digest_size
_said: set[str] = set()
"""The warnings that this process has given already."""


@cache
def cache_folder() -> Path | None:
    """Returns the folder for this version's compiled kernels, which is made when the first kernel is saved; None if
    there is no home folder.

    It lies in the folder that NUMBACNN_CACHE_DIR names, else in the user's cache folder.
    """
    named = os.environ.get(_VARIABLE)
    try:
        base = Path(named).expanduser() if named else user_cache_path("numbacnn")
    except RuntimeError:  # "~" of a user without a home
        return None
    if not named and not base.is_absolute():  # "~" was left in it, as this user has no home
        return None
    return Path(os.path.abspath(base)) / "kernels" / _digest()


def _digest() -> str:
    versions = [numba.__version__, *map(_version, ("llvmlite", "numba-cuda")), platform.python_version()]
    digest = hashlib.sha256(f"{versions} boundscheck={config.BOUNDSCHECK}".encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def cache_bytes() -> int:
    """Returns the bytes that this version's compiled kernels take on the disk."""
    folder = cache_folder()
    total = 0
    for file in folder.rglob("*") if folder else ():
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:  # gone since, or not to be looked at
            continue
    return total


def can_be_kept() -> bool:
    """Returns whether kernels can be kept for later processes, as far as that can be told without writing one."""
    folder = cache_folder()
    while folder is not None and not os.path.lexists(folder) and folder.parent != folder:
        folder = folder.parent
    return folder is not None and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def keep(dispatcher: Any, numbas: type[Any]) -> None:
    """Gives a compiled function of this room a cache of Numba's class (`FunctionCache`, `CUDACache`) whose files are as
    described above.
    """

    class Kept(numbas._impl_class):  # type: ignore[misc, name-defined]
        """How Numba takes apart and puts together what it compiled. Its own looks for a folder, and fails without one."""

        def __init__(self, function: Any) -> None:
            self._lineno = function.__code__.co_firstlineno
            self._locator = _Place(function)
            self._filename_base = f"{self._locator.module}.{function.__qualname__.replace('<locals>', '')}"

    class Cache(numbas):  # type: ignore[misc]
        _impl_class = Kept

        def _index_key(self, signature: Any, codegen: Any) -> Any:
            """The folder's name stands for the code; Numba would add what a function's closure holds, pickled anew in every process.
            The cache's name stands for the form of the code, as a function may be kept in two (inner.py).
            """
            return signature, codegen.magic_tuple(), numbas.__name__

        def load_overload(self, signature: Any, target_context: Any) -> Any:
            prepare_numba(target_context)
            return super().load_overload(signature, target_context)

        def _load_overload(self, signature: Any, target_context: Any) -> Any:
            try:
                return super()._load_overload(signature, target_context)
            except Exception as error:  # whatever it is: the kernel can be compiled
                _say_damaged(f"{self._cache_path} ({type(error).__name__})")
                return None

        def _save_overload(self, signature: Any, data: Any) -> None:
            if _was_interrupted(data):
                return
            try:
                super()._save_overload(signature, data)
            except Exception as error:  # the disk, or a kernel that cannot be taken apart
                _say_not_kept(error)

    made = Cache(dispatcher.py_func)
    made._cache_file = _Files(made._impl.filename_base, made._cache_file._dump)
    dispatcher._cache = made


def _was_interrupted(compiled: Any) -> bool:
    """Returns whether LLVM's machine code for the CPU is missing because a signal arrived while LLVM handed it over,
    where Python loses the exception that the signal's handler raises. The signal handling raises it again, and this
    process ends.
    """
    library = getattr(compiled, "library", None)
    if not isinstance(library, CPUCodeLibrary) or not library._object_caching_enabled:
        return False
    return library._compiled_object is None


class _Place:
    """What Numba calls a locator: it tells where a function's files are."""

    def __init__(self, function: Any) -> None:
        self._py_file = function.__code__.co_filename
        self.module = function.__module__.removeprefix(f"{__package__}.")
        """Within this room: two files of one name have files of their own."""

    def get_cache_path(self) -> str:
        return str(cache_folder() or Path(os.devnull) / "no-home")  # where nothing can be

    def ensure_cache_path(self) -> None:
        """Does nothing: the folder is made when a file is written."""

    def get_source_stamp(self) -> None:
        """Returns None: the folder's name already depends on all sources."""


class _Files:
    """The compiled forms of one function, one file for each signature."""

    def __init__(self, base: str, dump: Callable[[Any], bytes]) -> None:
        self._base, self._dump = base, dump

    def load(self, key: Any) -> Any:
        """Returns what was saved under an equal key; None if there is nothing, or if the file is damaged."""
        path = self._path(key)
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            _say_damaged(f"{path} ({error.strerror})")
            return None
        payload = memoryview(content)[_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() != content[:_DIGEST_BYTES]:
            _say_damaged(str(path))
            return None
        known, data = pickle.loads(payload)
        return data if known == key else None

    def save(self, key: Any, data: Any) -> None:
        """Saves data under a key. Raises OSError if it cannot be written."""
        path = self._path(key)
        if path is None:
            raise FileNotFoundError("this user has no home")
        payload = self._dump((key, data))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            partial.write_bytes(hashlib.sha256(payload).digest() + payload)
            os.replace(partial, path)
        except BaseException:
            _remove(partial)
            raise

    def flush(self) -> None:
        """Does nothing. Numba calls it when a function is to be compiled again; its old files are no longer found then."""
        folder = cache_folder()
        for path in folder.glob(f"{self._base}.*.nbc") if folder else ():
            _remove(path)

    def _path(self, key: Any) -> Path | None:
        folder = cache_folder()
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return folder / f"{self._base}.{name}.nbc" if folder else None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # left where it is: nothing depends on it
        return


def _say_damaged(file: str) -> None:
    _say(
        "damaged",
        f"the kernel cache has a file that cannot be used, {file}: what it held is compiled again",
    )


def _say_not_kept(error: Exception) -> None:
    compiling.not_kept()
    reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    place = cache_folder()
    _say(
        "not kept",
        f"compiled kernels cannot be kept{f' in {place}' if place else ''} ({reason}), so that every run compiles them again; "
        f"{_VARIABLE} can name another folder",
    )


def _say(kind: str, text: str) -> None:
    if kind not in _said:
        _said.add(kind)
        warnings.warn(text, RuntimeWarning, stacklevel=2)
