"""The HDF5 files of Keras, read with the suspicion of `hdf5.Reader`: arrays by path, and texts that hang on the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
from h5py import h5t

from ..errors import ModelError, cut
from .hdf5 import MAX_TEXT_BYTES, Reader

_DEEPEST = 32
_MOST = 100_000
"""Groups within groups, and arrays, that a file may have."""


class KerasReader(Reader):
    """An HDF5 file that Keras wrote, open for reading."""

    def __init__(self, path: Path, shown: Path | None = None) -> None:
        """`shown` is the file that messages name, where `path` was unpacked out of it."""
        super().__init__(path, "file of Keras", ModelError)
        self.path = path if shown is None else shown

    def _check_kind(self, kind: str) -> None:
        """Nothing in a file of Keras says that it is one."""

    def text_of(self, name: str) -> str | None:
        """A text that hangs on the file; None if there is none of that name."""
        with self.guard(name):
            if name not in self._file.attrs:
                return None
            attribute = self._file.attrs.get_id(name)
            if attribute.shape != () or attribute.get_type().get_class() != h5t.STRING:
                raise ModelError(f"{self.path}: {name} is no text")
            if attribute.get_storage_size() > MAX_TEXT_BYTES:
                raise ModelError(f"{self.path}: {name} is too long")
            value = self._file.attrs[name]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str) or len(value) > MAX_TEXT_BYTES:
            raise ModelError(f"{self.path}: {name} is no text of a model's size")
        return value

    def texts_of(self, name: str, group: str = "/") -> list[str]:
        """A row of texts that hangs on a group, which Keras may have cut into parts; [] if there is none."""
        found: list[str] = []
        with self.guard(name):
            attributes = self._open(group).attrs
            parts = [name] if name in attributes else []
            while not parts or parts[-1] != name:
                part = f"{name}{len(parts)}"
                if part not in attributes:
                    break
                parts.append(part)
            for part in parts:
                if attributes.get_id(part).get_type().get_class() != h5t.STRING:
                    return []
                for each in attributes[part]:
                    found.append(each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each))
        return found

    def arrays_in(self, group: str) -> Iterator[str]:
        """The paths of all arrays in a group, however deep."""
        waiting, seen = [(group, 0)], 0
        while waiting:
            place, depth = waiting.pop()
            for name in self.names(place):
                path, seen = f"{place.rstrip('/')}/{name}", seen + 1
                if depth > _DEEPEST or seen > _MOST:
                    raise ModelError(f"{self.path}: {cut(place)} holds more than a network has")
                with self.guard(path):
                    if not self._has(path):
                        continue
                    is_group = isinstance(self._open(path), h5py.Group)
                if is_group:
                    waiting.append((path, depth + 1))
                else:
                    yield path


def is_of_keras(path: Path) -> bool:
    """Whether a file is an HDF5 file with what Keras's have: a model's description, layers by name, or numbered ones."""
    try:
        with KerasReader(path) as file:
            return bool(
                file.text_of("model_config")
                or file.texts_of("layer_names")
                or file.has("layers")
                or file.has("_layer_checkpoint_dependencies")
            )
    except ModelError:
        return False
