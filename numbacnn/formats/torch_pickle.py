"""Reads PyTorch's pickles without Python's pickle: an interpreter of the few instructions that a dict of tensors needs.

A pickle is a program. This interpreter can make dicts, lists, tuples, numbers, texts and tensors, and nothing else: a
name outside the table below, or another instruction, is refused by its name. No class is looked up, and nothing is
called.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ModelError, cut

STORAGES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bf16", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "u1",
}  # fmt: skip
"""Maps PyTorch's kinds of storage to the type of their numbers."""

_MOST_DIMENSIONS = 32
_MOST_ITEMS = 1 << 20


@dataclass(frozen=True)
class Storage:
    """A flat array elsewhere in the file: its type, its key, the number of its elements."""

    type: str
    key: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; offset, shape and strides are in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Other:
    """A value that is kept but never used, such as a NumPy scalar."""


@dataclass(frozen=True)
class _Name:
    """One of the names that are accepted, as it stands in the pickle."""

    name: str


_TENSORS = ("torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2")
_NAMES = {
    *_TENSORS,
    "torch._utils _rebuild_parameter",
    "collections OrderedDict",
    "torch Size",
    "_codecs encode",
    "numpy dtype",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    *(f"torch {name}" for name in STORAGES),
}
_MARK = object()


def load_pickle(file: BinaryIO, path: Path) -> Any:
    """Returns the object of the next pickle of a file. Raises ModelError that names what is not accepted."""
    try:
        return _Machine(path).run(file)
    except ModelError:
        raise
    except RecursionError:
        raise ModelError(f"{path}: the pickle nests too deeply") from None
    except Exception as error:  # a damaged pickle fails in whatever way it happens to
        raise ModelError(f"{path}: damaged: it cannot be read as a pickle ({cut(error)})") from None


class _Machine:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, file: BinaryIO) -> Any:
        for code, argument, _ in pickletools.genops(file):
            if code.name == "STOP":
                return self._stack.pop()
            self._step(code.name, argument)
        raise ModelError(f"{self._path}: the pickle has no end")

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in _ARGUMENTS:
            stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            self._memo[len(self._memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self._memo[argument])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("TUPLE", "LIST", "DICT"):
            items = self._marked()
            stack.append(tuple(items) if name == "TUPLE" else items if name == "LIST" else _paired(items))
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else self._marked()
            self._of_type(list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop() for _ in range(2)][::-1] if name == "SETITEM" else self._marked()
            target = stack[-1]
            if not isinstance(target, _Other):
                self._of_type(dict).update(_paired(items))
        elif name == "GLOBAL":
            stack.append(self._named(argument))
        elif name == "STACK_GLOBAL":
            module, attribute = stack[-2:]
            stack[-2:] = [self._named(f"{module} {attribute}")]
        elif name in ("REDUCE", "NEWOBJ"):
            arguments = stack.pop()
            stack[-1] = self._called(stack[-1], arguments)
        elif name == "BUILD":  # attributes of a dict, such as the versions of modules: nothing needs them
            stack.pop()
        elif name == "BINPERSID":
            stack[-1] = self._storage(stack[-1])
        elif name not in ("PROTO", "FRAME"):
            raise ModelError(
                f"{self._path}: the pickle has the instruction {name}, which no dict of tensors needs"
            )

    def _marked(self) -> list[Any]:
        place = len(self._stack) - 1
        while self._stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise ValueError("a mark is missing")
        items = self._stack[place + 1 :]
        del self._stack[place:]
        return items

    def _of_type(self, kind: type) -> Any:
        if type(self._stack[-1]) is not kind:
            raise ValueError(f"a {kind.__name__} is missing")
        return self._stack[-1]

    def _named(self, name: str) -> _Name:
        if name not in _NAMES:
            raise ModelError(
                f"{self._path}: it asks for {cut(name.replace(' ', '.'))}, and tensors, dicts, lists, numbers and texts are "
                "all that is read; save the model's state_dict() alone: torch.save(model.state_dict(), …)"
            )
        return _Name(name)

    def _called(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise ValueError("what is called has no name")
        name = function.name
        if name in _TENSORS:
            return _tensor(*arguments[:4])
        if name == "torch._utils _rebuild_parameter":
            return arguments[0]
        if name == "collections OrderedDict":
            return _paired([each for pair in arguments[0] for each in pair]) if arguments else {}
        return tuple(arguments[0]) if name == "torch Size" else _Other()

    def _storage(self, identity: Any) -> Storage:
        """('storage', kind, key, where it was, how many)."""
        kind, key, count = identity[1], identity[2], identity[4]
        wanted = kind.name.removeprefix("torch ") if isinstance(kind, _Name) else ""
        if identity[0] != "storage" or wanted not in STORAGES or type(count) is not int or count < 0:
            raise ValueError("no storage of numbers")
        if len(identity) > 5 and identity[5] is not None:
            raise ValueError("a view of a storage")
        return Storage(STORAGES[wanted], str(key), count)


_CONSTANTS: dict[str, Any] = {
    "MARK": lambda: _MARK, "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
}  # fmt: skip
_ARGUMENTS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES",
}  # fmt: skip
"""Instructions that push a constant, and instructions that push their argument."""


def _paired(items: list[Any]) -> dict[Any, Any]:
    keys = items[::2]
    if len(items) % 2 or len(items) > _MOST_ITEMS or not all(isinstance(key, (str, int)) for key in keys):
        raise ValueError("a dict with texts as keys is expected")
    return dict(zip(keys, items[1::2], strict=True))


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    sizes = (*shape, *strides)
    fits = isinstance(storage, Storage) and len(shape) == len(strides) <= _MOST_DIMENSIONS
    if not fits or not all(type(size) is int and 0 <= size < 1 << 48 for size in (offset, *sizes)):
        raise ValueError("a tensor is not described as PyTorch does it")
    return Tensor(storage, offset, tuple(shape), tuple(strides))
