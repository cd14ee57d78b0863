"""Builds networks from PyTorch's state dicts: the names of the tensors tell the architecture, their shapes the layers'
sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import ModelError, cut
from ..layers import BatchNorm, Convolution, Dense, Layer
from .description import Array, Description

_IGNORED = ("num_batches_tracked",)
"""Ends of names of tensors that no layer here needs."""

_BATCH_NORM = {
    "weight": "scale",
    "bias": "shift",
    "running_mean": "running_mean",
    "running_var": "running_variance",
}


@dataclass
class StateDict:
    """The tensors by name, those that have been used, and the description that is built from them."""

    arrays: dict[str, Array]
    description: Description
    used: set[str] = field(default_factory=set)

    def has(self, prefix: str) -> bool:
        """Returns whether a module of that name has weights."""
        return f"{prefix}.weight" in self.arrays

    def shape(self, prefix: str) -> tuple[int, ...]:
        """Returns the shape of a module's weights. Raises ModelError if it has none."""
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
        """Adds a convolution of the module's sizes, and returns its node. `padding` None keeps height and width; the
        number of groups follows from the channels. Raises ModelError.
        """
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
        """Adds a batch normalisation, and returns its node. Raises ModelError."""
        arrays = {ours: self._array(f"{prefix}.{theirs}") for theirs, ours in _BATCH_NORM.items()}
        return self.add(prefix, BatchNorm(eps=eps), source, **arrays)

    def dense(self, prefix: str, source: str) -> str:
        """Adds a dense layer, after a Flatten if its input is not flat, and returns its node. A 1x1 convolution's
        weights are taken too. Raises ModelError.
        """
        arrays = self._weights(prefix)
        if arrays["weights"].ndim == 4 and arrays["weights"].shape[2:] == (1, 1):
            arrays["weights"] = arrays["weights"].reshape(arrays["weights"].shape[:2])
        flat = self.description.flat(source)
        layer = Dense(self.shape(prefix)[0], bias=f"{prefix}.bias" in self.arrays)
        return self.add(prefix, layer, flat, **arrays)

    def add(self, name: str, layer: Layer, *sources: str, **arrays: Array) -> str:
        """Adds a layer, and returns its node."""
        return self.description.add(name, layer, sources, **arrays)

    def unused(self) -> list[str]:
        """Returns the names of tensors that no layer took."""
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
    """A family of networks: whether names of tensors are its, the network's name, the size of its pictures, and the
    function that builds it.
    """

    matches: Callable[[Iterable[str]], bool]
    name: Callable[[dict[str, Array]], str]
    side: Callable[[dict[str, Array]], int]
    build: Build
    left_out: tuple[str, ...] = ()
    """Beginnings of names of tensors that are not needed: those of auxiliary classifiers."""
    hint: str = ""
    """The preprocessing that its authors' weights need, if it is not the usual one."""
