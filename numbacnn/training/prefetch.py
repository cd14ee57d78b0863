"""Reading ahead: what the next steps need is made ready while this one computes."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Semaphore, Thread
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")

PLACES = 3
"""Items that exist at a time: one is used, one waits, one is being made."""


class ReadAhead(Generic[Item]):
    """An iterator over the items of another, which a thread takes from it before they are asked for.

    Order and errors are the other's: what it raises is raised here in its turn. An item is good until the next one
    is asked for, so that PLACES buffers, used in turns, hold all there are. A context manager: the thread
    ends with the block, or with the items, at the latest after the item that it is at.
    """

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._ready: SimpleQueue[tuple[Item] | BaseException] = SimpleQueue()
        self._places = Semaphore(PLACES)
        self._in_use = False
        self._stopped = False
        # A daemon for those who never end the block, as an interpreter that exits would wait for it for ever.
        self._thread = Thread(target=self._work, name="numbacnn reads ahead", daemon=True)

    def __enter__(self) -> ReadAhead[Item]:
        try:
            self._thread.start()
        except BaseException:  # Ctrl-C, while the thread begins
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        if kind is None or not issubclass(
            kind, KeyboardInterrupt
        ):  # nobody waits for what a kernel takes to compile
            self._thread.join()

    def _stop(self) -> None:
        self._stopped = True
        self._places.release()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._in_use:
            self._in_use = False
            self._places.release()
        ready = self._ready.get()
        if isinstance(ready, BaseException):
            self._ready.put(ready)  # for whoever asks again
            raise ready
        self._in_use = True
        return ready[0]

    def _work(self) -> None:
        try:
            while True:
                self._places.acquire()
                if self._stopped:
                    return
                self._ready.put((next(self._items),))
        except BaseException as end:  # the end of the items, StopIteration, is one of them
            self._ready.put(end)
