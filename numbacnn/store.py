"""The arrays of a network: parameters in one row, buffers, where they are, and their numbers in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .device import CPU_DEVICE, Array, Device
from .errors import NetworkError, ShapeError, nearest
from .loans import Lendable, Loans
from .parameters import Buffer, Layout, Parameter, lay_out, new_row


class Store:
    """`parameters` and `buffers` by name (NODE/KEY), all of one type on one device."""

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.device: Device = CPU_DEVICE
        self.parameters: dict[str, Parameter] = {}
        self.buffers: dict[str, Buffer] = {}
        self.layout: Layout = lay_out([])
        """Offsets of the parameters in their row."""
        self._parameters_of: dict[str, dict[str, Parameter]] = {}
        """Node -> its parameters, by the layer's own names; `_buffers_of` likewise."""
        self._buffers_of: dict[str, dict[str, Buffer]] = {}
        self._row: Lendable | None = None
        self.loans = Loans()
        """Who has these arrays in hand, and whether they have changed."""

    @property
    def has_values(self) -> bool:
        """Whether the parameters have been given numbers."""
        return self._row is not None or not self.parameters

    @property
    def row(self) -> Array:
        """All parameters as one row on the device, in `layout`, that may be written to; zeros until they are given numbers."""
        return self._held_row().lent()

    @property
    def row_to_read(self) -> Array:
        """The same for who only reads it, or calls `loans.changed` when he has written."""
        return self._held_row().array

    def _held_row(self) -> Lendable:
        if self._row is None:
            self._row = new_row(
                list(self.parameters.values()), self.layout.size, self.device, self.dtype, self.loans
            )
        return self._row

    def write(self, name: str, values: Any) -> None:
        """Gives a parameter or buffer its numbers, in place: programs that were compiled before see them.

        Raises NetworkError for an unknown name, ShapeError for numbers of another shape.
        """
        if name in self.buffers:
            target, shape = self.buffers[name].array, self.buffers[name].spec.shape
        elif name in self.parameters:
            self._held_row()
            target, shape = self.parameters[name].array, self.parameters[name].shape
        else:
            known = [*self.parameters, *self.buffers]
            raise NetworkError(f"no parameter or buffer is named '{name}'{nearest(name, known)}")
        if np.shape(values) != shape:
            raise ShapeError(f"{name} has shape {shape}, and numbers of shape {np.shape(values)} are given")
        try:
            self.device.write(target, np.asarray(values, self.dtype))
        finally:
            self.loans.changed()

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """A parameter's or buffer's numbers on the host. Raises NetworkError for an unknown name or where it has none."""
        if name in self.buffers:
            return self.device.read(self.buffers[name].value)
        if name not in self.parameters:
            known = [*self.parameters, *self.buffers]
            raise NetworkError(f"no parameter or buffer is named '{name}'{nearest(name, known)}")
        if not self.has_values:
            raise NetworkError(f"{name} has no numbers yet: Graph.initialise gives every parameter its first")
        return self.device.read(self.parameters[name].value)

    def snapshot(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of all parameters and buffers on the host, by name."""
        return {name: np.array(self.read(name)) for name in (*self.parameters, *self.buffers)}

    def restore(self, snapshot: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Puts the numbers of a `snapshot` back, in place."""
        for name, values in snapshot.items():
            self.write(name, values)

    def _replace(self, parameters: dict[str, Parameter]) -> None:
        """Puts other parameter objects in the place of those of the same names, without numbers."""
        self.parameters = parameters
        self._parameters_of = {
            node: {key: parameters[each.name] for key, each in own.items()}
            for node, own in self._parameters_of.items()
        }
        self.layout, self._row = lay_out(list(parameters.values())), None
        for parameter in parameters.values():
            parameter.row = None

    def look_at(self, source: Store) -> None:
        """Takes the arrays of another for its own, whose parameters and buffers have the same names and sizes, or which has
        others beside them that do not learn.
        """
        self.device, self.loans, theirs = source.device, source.loans, source.parameters
        self._replace(
            {
                name: replace(
                    each,
                    trainable=theirs[name].trainable,
                    rate=theirs[name].rate,
                    until=theirs[name].until,
                )
                for name, each in self.parameters.items()
            }
        )
        assert self.layout.groups == source.layout.groups
        assert self.layout.size in (source.layout.size, source.layout.trained)
        self._row = Lendable(source.row_to_read[: max(self.layout.size, 1)], self.loans)
        for parameter in self.parameters.values():
            parameter.row = self._row
        for name, buffer in self.buffers.items():
            buffer.held = source.buffers[name].held

    def _take_values_of(self, source: Store, device: Device) -> None:
        """Arrays of its own on a device, with the numbers of another of the same layers (or of itself)."""
        read = source.device.read
        values = (
            {name: read(each.array) for name, each in source.parameters.items()} if source.has_values else {}
        )
        buffers = {name: np.array(read(each.array), self.dtype) for name, each in source.buffers.items()}
        self.device = device
        self._replace({name: replace(each) for name, each in source.parameters.items()})
        self.buffers = {
            name: replace(each, held=Lendable(device.to_device(buffers[name]), self.loans))
            for name, each in source.buffers.items()
        }
        self._buffers_of = {
            node: {key: self.buffers[each.name] for key, each in own.items()}
            for node, own in source._buffers_of.items()
        }
        for name, array in values.items():
            self.write(name, array)
