"""Where the arrays of a Keras layer lie: under the layer's name in the old format, numbered by class in the new one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import ModelError, cut
from ..limits import need_described
from ..storage.hdf5 import Array as Stored
from ..storage.keras_files import KerasReader
from .description import Array

_TYPES = ("f2", "f4", "f8", "i4", "i8", "u4", "u8")
_NUMBERED = ("layers", "_layer_checkpoint_dependencies")
"""The name of the group that holds a model's layers in the new format, and in its first version."""


class Place(NamedTuple):
    """A layer's place: its path by names (of the models that it is in, and its own), and the same path as numbers by
    class.
    """

    names: tuple[str, ...]
    numbered: tuple[str, ...]


class Weights:
    """The arrays of an open file; each is read when a layer asks for it."""

    def __init__(self, file: KerasReader, root: str = "") -> None:
        self.file, self._read = file, 0
        self._numbered = next((name for name in _NUMBERED if file.has(name)), None)
        self._by_layer: dict[str, dict[str, str]] = {}
        self._root = root or ("model_weights" if file.has("model_weights") else "")

    @property
    def is_numbered(self) -> bool:
        """Whether layers are numbered by class, without their names."""
        return self._numbered is not None

    def of(self, place: Place, names: Iterable[str], where: str) -> list[Array]:
        """Returns the arrays of a layer in the order of `names`, which only the old format stores. Raises ModelError."""
        wanted = list(names)
        if self._numbered is not None:
            group = "/".join(f"{self._numbered}/{part}" for part in place.numbered)
            fields = [f"{group}/vars/{number}" for number in range(len(wanted))]
        else:
            known = self._of_layer(place)
            fields = [known.get(name, known.get(_OTHERWISE.get(name, ""), "")) for name in wanted]
        found = []
        for name, field in zip(wanted, fields, strict=True):
            if not field or not self.file.has(field):
                raise ModelError(f"{self.file.path}: {where} has no {name} in the file")
            found.append(self.read(self.file.array(field, _TYPES)))
        return found

    def read(self, stored: Stored) -> Array:
        """Returns the numbers of a stored array. Raises ModelError where all arrays so far exceed what the file may
        take.
        """
        self._read += stored.nbytes
        need_described(self._read, self.file.path, "its weights take", ModelError)
        return stored.read()

    def _of_layer(self, place: Place) -> dict[str, str]:
        """Returns the path of each array of a layer in the old format, by the array's name."""
        top, own = place.names[0], place.names[-1]
        group = f"{self._root}/{top}".lstrip("/")
        if group not in self._by_layer:
            paths = self.file.arrays_in(group) if self.file.has(group) else ()
            self._by_layer[group] = {path: path.rsplit("/", 1)[-1].partition(":")[0] for path in paths}
        nested = len(place.names) > 1
        return {
            name: path
            for path, name in self._by_layer[group].items()
            if not nested or f"/{own}/" in path.removeprefix(group)
        }


_OTHERWISE = {"depthwise_kernel": "kernel"}
"""Names of arrays that Keras 3 writes otherwise into the old format."""


def numbered(class_names: Iterable[str]) -> list[str]:
    """Returns the names of a model's layers in the new format, conv2d, conv2d_1, ..., in the order of the model."""
    counts: Counter[str] = Counter()
    names = []
    for class_name in class_names:
        name = _in_snakes(class_name)
        names.append(f"{name}_{counts[name]}" if counts[name] else name)
        counts[name] += 1
    return names


def _in_snakes(name: str) -> str:
    """Returns a class name in snake case: SeparableConv2D becomes separable_conv2d."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def whole(config: Mapping[str, Any], name: str, where: str, default: int | None = None) -> int:
    """Returns an option that is a whole number. Raises ModelError."""
    value = config.get(name, default)
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ModelError(f"{where}: {name} = {cut(repr(value))}; a whole number is expected")
    return value


def pair(config: Mapping[str, Any], name: str, where: str, default: int | None = None) -> tuple[int, int]:
    """Returns an option that is two whole numbers, or one for both. Raises ModelError."""
    value = config.get(name)
    value = default if value is None else value
    both = [value, value] if type(value) is int else value
    if (
        not isinstance(both, (list, tuple))
        or len(both) != 2
        or not all(type(each) is int and 0 <= each < 1 << 31 for each in both)
    ):
        raise ModelError(f"{where}: {name} = {cut(repr(value))}; two whole numbers are expected")
    return both[0], both[1]
