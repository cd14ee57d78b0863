"""Searches that each ask for one evaluation after the other, answered together.

A library's minimiser works on one function of one picture. Here each search runs in a thread of its own, and waits when it
asks; once all wait, what they ask for is one batch. So the result is that of one search after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

Ask = Callable[[Any], Any]
Search = Callable[[Ask], Any]


class _Stopped(BaseException):
    """Ends a search whose batch will not be answered any more."""


def in_lockstep(searches: Sequence[Search], answer: Callable[[list[int], list[Any]], list[Any]]) -> list[Any]:
    """What each search returns. `answer` gets the places of those that ask, in order, and what each asks for.

    An error in one of them, or in `answer`, ends all of them and is raised.
    """
    events: SimpleQueue[tuple[int, str, Any]] = SimpleQueue()
    replies: list[SimpleQueue[Any]] = [SimpleQueue() for _ in searches]
    results: list[Any] = [None] * len(searches)

    def work(place: int) -> None:
        def ask(question: Any) -> Any:
            events.put((place, "asks", question))
            reply = replies[place].get()
            if reply is _Stopped:
                raise _Stopped
            return reply

        try:
            events.put((place, "ends", searches[place](ask)))
        except _Stopped:
            pass
        except BaseException as error:
            events.put((place, "fails", error))

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(searches))]
    for thread in threads:
        thread.start()
    running, waiting = len(threads), {}
    try:
        while running:
            place, what, value = events.get()
            if what == "fails":
                raise value
            if what == "ends":
                results[place] = value
                running -= 1
            else:
                waiting[place] = value
            if running and len(waiting) == running:
                places = sorted(waiting)
                for each, reply in zip(
                    places, answer(places, [waiting[each] for each in places]), strict=True
                ):
                    replies[each].put(reply)
                waiting.clear()
    finally:
        for reply_queue in replies:
            reply_queue.put(_Stopped)
    return results
