"""What orders the GPU's work: the stream of all kernels, streams for copies, events, and graphs that repeat launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import cuda

from .driver_errors import free_again, translated_errors


class _Streams:
    """The stream that kernels are launched on: made at the first launch, as it needs a GPU."""

    compute: Any = None


def compute_stream() -> Any:
    """Where all kernels run, one after the other."""
    if _Streams.compute is None:
        _Streams.compute = new_stream()
    return _Streams.compute


def new_stream() -> Any:
    with translated_errors():
        return cuda.stream()


def new_event() -> Any:
    with translated_errors():
        return cuda.event(timing=False)


def seconds_of(act: Callable[[], None]) -> float:
    """Seconds that the GPU works on what `act` launches, by its own clock."""
    with translated_errors():
        before, after = cuda.event(), cuda.event()
        before.record(compute_stream())
        act()
        after.record(compute_stream())
        after.synchronize()
        return 1e-3 * float(before.elapsed_time(after))


def wait(event: Any) -> None:
    """Until an event has happened, on whichever thread."""
    with translated_errors():
        cuda.current_context()  # a thread that has none yet gets it
        event.synchronize()


def graph_of(act: Callable[[], None]) -> Callable[[], None]:
    """What `act` launches, recorded as a CUDA graph: a function that repeats it with one launch. `act` itself where the
    driver cannot record it: a GPU that has failed says so again when `act` is called.
    """
    from cuda.core import Stream

    stream = Stream.from_handle(int(compute_stream().handle))
    builder = stream.create_graph_builder()
    try:
        builder.begin_building()
        act()
        graph = builder.end_building().complete()
    except (
        Exception
    ):  # cuda.core's own kinds of errors vary with its version, and launches turn them into DeviceError
        builder.close()
        free_again()
        return act
    return lambda: graph.launch(stream)
