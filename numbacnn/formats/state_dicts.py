"""Networks as PyTorch's state dicts name their tensors: which one it is follows from the names, its sizes from the shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import ModelError, cut
from ..layers import BatchNorm, Convolution, Dense, Layer
from .description import Array, Description

_IGNORED = ("num_batches_tracked",)
"""Ends of names that no layer here needs."""

_BATCH_NORM = {
    "weight": "scale",
    "bias": "shift",
    "running_mean": "running_mean",
    "running_var": "running_variance",
}


@dataclass
class StateDict:
    """Tensors by name, which of them have been used, and the description that is made of them."""

    arrays: dict[str, Array]
    description: Description
    used: set[str] = field(default_factory=set)

    def has(self, prefix: str) -> bool:
        """Whether there is a module of that name that has weights."""
        return f"{prefix}.weight" in self.arrays

    def shape(self, prefix: str) -> tuple[int, ...]:
        """The shape of a module's weights. Raises ModelError if there are none."""
        shape: tuple[int, ...] = self._array(f"{prefix}.weight").shape
        return shape

    def convolution(
        self,
        prefix: str,
        source: str,
        *,
        stride: int = 1,
        padding: int | tuple[int, int] | None = None,
        name: str = "",
    ) -> str:
        """A convolution of the module's sizes; padding left out keeps the size. Groups follow from the channels."""
        shape = self.shape(prefix)
        if len(shape) != 4 or min(shape) < 1:
            raise ModelError(
                f"{self.description.path}: {cut(prefix)}.weight has shape {shape}; (filters, channels, rows, columns) is expected"
            )
        filters, depth, rows, columns = shape
        channels = self.description.shape(source)[-1]
        layer = Convolution(
            filters,
            (rows, columns),
            stride=stride,
            padding=(rows // 2, columns // 2) if padding is None else padding,
            groups=channels // depth if depth and channels % depth == 0 else 1,
            rounding="floor",
            bias=f"{prefix}.bias" in self.arrays,
        )
        return self.add(name or prefix, layer, source, **self._weights(prefix))

    def batch_norm(self, prefix: str, source: str, eps: float = 1e-5) -> str:
        """A batch normalisation."""
        arrays = {ours: self._array(f"{prefix}.{theirs}") for theirs, ours in _BATCH_NORM.items()}
        return self.add(prefix, BatchNorm(eps=eps), source, **arrays)

    def dense(self, prefix: str, source: str) -> str:
        """A dense layer, after what flattens its input. A convolution of one place is one too."""
        arrays = self._weights(prefix)
        if arrays["weights"].ndim == 4 and arrays["weights"].shape[2:] == (1, 1):
            arrays["weights"] = arrays["weights"].reshape(arrays["weights"].shape[:2])
        flat = self.description.flat(source)
        layer = Dense(self.shape(prefix)[0], bias=f"{prefix}.bias" in self.arrays)
        return self.add(prefix, layer, flat, **arrays)

    def add(self, name: str, layer: Layer, *sources: str, **arrays: Array) -> str:
        """One layer more; the name that it has now."""
        return self.description.add(name, layer, sources, **arrays)

    def unused(self) -> list[str]:
        """Tensors that no layer took."""
        return [name for name in self.arrays if name not in self.used and not name.endswith(_IGNORED)]

    def _weights(self, prefix: str) -> dict[str, Array]:
        arrays = {"weights": self._array(f"{prefix}.weight")}
        if f"{prefix}.bias" in self.arrays:
            arrays["bias"] = self._array(f"{prefix}.bias")
        return arrays

    def _array(self, name: str) -> Any:
        if name not in self.arrays:
            raise ModelError(f"{self.description.path}: there is no {cut(name)} in it")
        self.used.add(name)
        return self.arrays[name]


Build = Callable[[StateDict], None]


@dataclass(frozen=True)
class Family:
    """A kind of network: whether names are its, what it is called, the pictures it was made for, and how it is built."""

    matches: Callable[[Iterable[str]], bool]
    name: Callable[[dict[str, Array]], str]
    side: Callable[[dict[str, Array]], int]
    build: Build
    left_out: tuple[str, ...] = ()
    """How the names of tensors begin that are not needed: those of auxiliary classifiers."""
    hint: str = ""
    """What its authors' weights want done to pixels, if that is not what most want."""
