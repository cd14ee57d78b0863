"""Where a command writes: the one place that decides it.

- Never over a file that the command reads, nor over one of another kind (a model, a JPEG called x.png, a folder).
- Over one of the same kind only where numbacnn wrote it, or where `--force` says so.
- Not where another command that runs now will write.
- Else the next free name is taken, NAME-2.png, and that is said.

A file without a byte in it holds nothing and is free. Folders for pictures follow the same rules: one in which an
earlier attack wrote everything is written anew, without what was in it; another stays as it is.

What cannot be written at all is an error before the work begins.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unicodedata import category

from . import ownership
from .claims import claim
from .output import Output

_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Files that systems leave in folders that people look at."""

_CLAIMED = "is being written by another command"

_LONGEST_NAME = 150
"""The most bytes of a name in UTF-8, without number and suffix; most file systems allow 255."""


@dataclass(frozen=True)
class Kind:
    """A kind of file that a command writes: its name in messages, its name in `ownership`, its suffix."""

    name: str
    meaning: str
    suffixes: tuple[str, ...]


FIGURE = Kind("figure", ownership.FIGURE, (".png", ".svg", ".pdf"))
PICTURE = Kind("picture", ownership.CHANGED_PICTURE, (".png",))
DATA_SET = Kind("data set", ownership.DATA_SET, (".h5",))
FEATURES = Kind("features file", ownership.FEATURES, (".h5",))
FIGURE_DATA = Kind("data file", ownership.FIGURE_DATA, (".h5",))
ANIMATION = Kind("animation", ownership.FIGURE, (".gif",))
PAGE = Kind("page", ownership.PAGE, (".html",))
MODEL = Kind("model", ownership.MODEL, (".h5", ".onnx", ".safetensors"))


class Destination:
    """Decides where one command writes.

    `reads` are the files, or folders of files, that the command reads; `force` is `--force`.
    """

    def __init__(self, out: Output, *, reads: Iterable[Path | None] = (), force: bool = False) -> None:
        self._out, self._force = out, force
        self._reads = [path for path in reads if path is not None]
        self._reads_folders = any(os.path.isdir(path) for path in self._reads)
        self._taken: set[str] = set()

    def output(self, given: Path | None) -> Path | None:
        """Returns where the figure of --output goes; None if it was not given. Raises UsageError if it cannot be
        written.
        """
        return None if given is None else self.named(given, FIGURE, "--output ")

    def named(self, given: Path, kind: Kind, option: str = "") -> Path:
        """Where a file that the user named goes. Raises UsageError, which begins with `option` and the name."""
        from numbacnn.errors import UsageError, nearest

        if "\0" in str(given):
            raise UsageError(f"{option}{given}: no file can have that name")
        if os.path.isdir(given):
            raise UsageError(f"{option}{given} is a folder; name the {kind.name}'s file too")
        suffix = given.suffix.lower()
        if suffix not in kind.suffixes:
            raise UsageError(
                f"{option}{given}: a {kind.name} cannot be written as '{suffix}'{nearest(suffix, kind.suffixes)}"
            )
        if not os.path.isdir(given.parent):
            raise UsageError(f"{option}{given}: there is no folder {given.parent}")
        path = self._free(given, kind)
        problem = _problem(path)
        if problem:
            raise UsageError(f"{option}{given} cannot be written: {problem}")
        return path

    def default(self, name: str, suffix: str = ".png", folder: Path = Path(), kind: Kind = FIGURE) -> Path:
        """Where a figure, or another kind of file, goes that the user gave no name for.

        Raises NumbacnnError where it cannot be written.
        """
        from numbacnn.errors import NumbacnnError

        path = self._free(folder / f"{safe_name(name)}{suffix}", kind)
        problem = _problem(path)
        if problem:
            raise NumbacnnError(f"{path} cannot be written: {problem}; --output names another place")
        return path

    def beside(self, figure: Path, addition: str) -> Path:
        """Where a second figure goes, beside the first one: NAME-addition.png."""
        return self._free(figure.with_name(f"{figure.stem}-{safe_name(addition)}{figure.suffix}"), FIGURE)

    def folder(self, given: Path | None, default: Path) -> Path:
        """The folder for changed pictures, not made yet. Raises UsageError where it cannot be made."""
        from numbacnn.errors import UsageError

        wanted = default if given is None else given
        named = f"--save-dir {given}" if given is not None else str(default)
        if given is not None and os.path.lexists(given) and not os.path.isdir(given):
            raise UsageError(f"{named} is a file; a folder is expected")
        if _resolved(wanted) in self._taken:
            raise UsageError(f"{named}: that is the name of another file that this command writes")
        reason = self._keeps_folder(wanted) or _claimed_by_another(wanted)
        path = wanted
        if reason is not None:
            path = next(
                other
                for other in _alternatives(wanted)
                if self._keeps_folder(other) is None and not _claimed_by_another(other)
            )
            self._tell(f"{wanted} {reason}", f"the changed pictures go to {path}")
        whole = path.absolute()
        standing = next(parent for parent in (whole, *whole.parents) if os.path.lexists(parent))
        below = whole.relative_to(standing).parts or ("picture.png",)
        problem = _problem(standing / below[0]) if standing.is_dir() else "a file stands in its way"
        if problem:
            raise UsageError(f"{named} cannot be written to: {problem}")
        return path

    def empty(self, folder: Path) -> None:
        """Makes the folder, or removes from it the pictures that an earlier attack wrote."""
        folder.mkdir(parents=True, exist_ok=True)
        old = [path for path in folder.iterdir() if self._is_old_picture(path)]
        for path in old:
            path.unlink()
        if old:
            pictures = "1 picture" if len(old) == 1 else f"{len(old)} pictures"
            self._out.note(f"{folder}: {pictures} of an earlier attack replaced")

    def picture(self, folder: Path, name: str) -> Path:
        """Where a changed picture goes in such a folder: under its own name, or NAME-2.png where that is taken."""
        return self._free(folder / f"{safe_name(name)}.png", PICTURE)

    def _free(self, wanted: Path, kind: Kind) -> Path:
        path, reason = wanted, self._stays(wanted, kind)
        if reason is not None:
            path = next(other for other in _numbered(wanted) if self._stays(other, kind) is None)
        self._taken.add(_resolved(path))
        if reason:
            self._tell(f"{wanted} {reason}", f"the {kind.name} goes to {path}")
        return path

    def _stays(self, path: Path, kind: Kind) -> str | None:
        """Why `path` is not free, as `_keeps` says it; where it is, it is this command's from now on."""
        reason = self._keeps(path, kind)
        return _claimed_by_another(path) if reason is None else reason

    def _keeps(self, path: Path, kind: Kind) -> str | None:
        """Why the file at `path` has to stay: a reason to tell, or "" if there is none to tell; None if it need not."""
        if _resolved(path) in self._taken:
            return ""
        if not os.path.exists(path):  # a link to nowhere too: what it names can be made
            return None
        if self._is_read(path):
            return "is read by this command"
        if not path.is_file():
            return "is there and is no plain file"
        try:
            if not path.stat().st_size:
                return None
            found = ownership.look(path)
        except OSError as error:
            return f"is there and cannot be read ({error.strerror})"
        if found.ours is not None and found.ours != kind.meaning:
            return f"is {found.ours}"
        if found.format != path.suffix.lower():
            return f"is there and is no {kind.name} as {path.suffix}"
        if self._force or (found.ours == kind.meaning and os.access(path, os.W_OK)):
            return None
        state = "is write-protected" if found.ours else "is there and was not written by numbacnn"
        return f"{state} (--force replaces it)"

    def _keeps_folder(self, folder: Path) -> str | None:
        if _resolved(folder) in self._taken:
            return "is a file that this command writes"
        if not os.path.lexists(folder):
            return None
        if not os.path.isdir(folder):
            return "is a file"
        for path in folder.iterdir():
            if self._is_read(path):
                return "has pictures that this command reads"
            if not self._force and path.name not in _LITTER and not self._is_old_picture(path):
                return "has other files in it (--force puts the pictures beside them)"
        return None

    def _is_old_picture(self, path: Path) -> bool:
        try:
            if path.suffix.lower() != ".png" or not path.is_file() or self._is_read(path):
                return False
            return ownership.look(path).ours == ownership.CHANGED_PICTURE
        except OSError:
            return False

    def _is_read(self, path: Path) -> bool:
        places = (path, *Path(os.path.realpath(path)).parents) if self._reads_folders else (path,)
        return any(_same(place, read) for place in places for read in self._reads)

    def _tell(self, why: str, instead: str) -> None:
        self._out.warn(f"{why}: {instead}")


def safe_name(text: str) -> str:
    """Returns `text` as a file name that every system allows: letters, digits and a few signs, a hyphen for all others."""
    kept = "".join(sign if category(sign)[0] in "LMN" or sign in "._-+=,()" else "-" for sign in text)
    return kept.encode()[:_LONGEST_NAME].decode(errors="ignore").strip("-.") or "unnamed"


def _claimed_by_another(path: Path) -> str | None:
    return None if claim(_resolved(path)) else _CLAIMED


def _numbered(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))


def _alternatives(folder: Path) -> Iterator[Path]:
    if folder.name in ("", ".."):  # the current folder, or one above: it has no name to number
        yield folder / "fgsm"
        yield from (folder / f"fgsm-{number}" for number in count(2))
    yield from (folder.with_name(f"{folder.name}-{number}") for number in count(2))


def _same(path: Path, other: Path) -> bool:
    """Returns whether two paths are one file, also through links."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def _resolved(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _problem(path: Path) -> str | None:
    """Returns the reason why nothing can be written there; None if something can."""
    from numbacnn.replacing import try_to_write

    try:
        try_to_write(path)
    except OSError as error:
        return error.strerror or str(error)
    return None
