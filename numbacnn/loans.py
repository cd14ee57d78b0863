"""Who has a graph's arrays in hand, and whether their numbers may have changed since somebody last looked.

A program that only predicts computes what follows from the weights alone once (program.settled), and has to know when they are others.
Numbers change through functions that say so (`Loans.changed`), or through an array that somebody was handed: as long
as that array, or a view of it, is alive, its numbers may change at any time, and when the last of these is gone, they may have
changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Loans:
    """Counts what is lent of a graph's arrays, and what was written to them."""

    def __init__(self) -> None:
        self._out: set[int] = set()
        """Identities of the loans that are alive. Sets and plain names are changed at once, whatever other threads do."""
        self._last_change = object()

    @property
    def state(self) -> object | None:
        """The same object as before if no number has changed since then; None while somebody may be changing some."""
        return None if self._out else self._last_change

    def changed(self) -> None:
        """Says that numbers have been written."""
        self._last_change = object()

    def lend(self, array: Any) -> Any:
        """A view for somebody who may write to it as long as it lives; an array of another device is not watched."""
        return np.asarray(Loan(self, array)) if isinstance(array, np.ndarray) else array

    def __reduce__(self) -> tuple[Any, ...]:
        return Loans, ()  # nobody has a copy's arrays in hand


class Loan:
    """What the views of a lent array keep alive, as NumPy takes it for the owner of their memory."""

    def __init__(self, loans: Loans, array: np.ndarray[Any, Any] | None = None) -> None:
        self._loans, self._array = loans, array
        if array is not None:
            self.__array_interface__ = array.__array_interface__
        loans._out.add(id(self))

    def __del__(self) -> None:
        self._loans.changed()
        self._loans._out.discard(id(self))


class Lendable:
    """An array of a graph: `array` for who reads it or says what was written, `lent` for everybody else."""

    __slots__ = ("array", "loans")

    def __init__(self, array: Any, loans: Loans) -> None:
        self.array, self.loans = array, loans

    def lent(self) -> Any:
        """See `Loans.lend`."""
        return self.loans.lend(self.array)
