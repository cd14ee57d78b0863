"""Everything that depends on numba-cuda: its decorators, its launches, its streams and its errors.

numba-cuda is in maintenance and its successor compiles the same kernels, so that a change of either is a change of
this file. With NUMBA_ENABLE_CUDASIM=1, set before Numba is imported, kernels run as Python, thread by thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
from numba import cuda
from numba.cuda.core import config as cuda_config

from ...errors import DeviceError
from ..compilation import cache_folder

SIMULATED = bool(cuda_config.ENABLE_CUDASIM)
ZERO, ONE = np.float32(0), np.float32(1)
WARP = 32
OLDEST = (7, 5)
"""Compute capability of the oldest GPUs that kernels are compiled for."""
_OUT_OF_MEMORY = 2
_SIMULATED_BYTES = 1 << 34
KERNELS: dict[str, Any] = {}
"""Every kernel that was made, by the name of its file and its own."""


def kernel(function: Callable[..., None] | None = None, *, name: str = "", **options: Any) -> Any:
    """`cuda.jit` with this project's cache. `options` (max_registers, launch_bounds) mean nothing to the simulator.

    `name`: of a kernel that a factory makes, "convolution.forward_128x128"; what it closes over follows from that.
    """

    def decorate(function: Callable[..., None]) -> Any:
        if SIMULATED:
            made = cuda.jit(function)
        else:
            before = cuda_config.CACHE_DIR
            cuda_config.CACHE_DIR = str(cache_folder())
            try:
                made = cuda.jit(cache=True, **options)(function)
            finally:
                cuda_config.CACHE_DIR = before
            if name:
                _keyed_by_name(made, name)
        KERNELS[name or f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"] = made
        return made

    return decorate if function is None else decorate(function)


def _keyed_by_name(made: Any, name: str) -> None:
    """numba-cuda would find a closure's cached code by all that it closes over, pickled: device functions among that are
    pickled with a number drawn by this process, and nothing would be found by the next.
    """
    made._cache._index_key = lambda signature, codegen: (signature, codegen.magic_tuple(), name)


def device_function(function: Callable[..., Any]) -> Any:
    """A function that kernels call, compiled into them."""
    return cuda.jit(device=True, **({} if SIMULATED else {"forceinline": True}))(function)


class _Streams:
    """The stream that kernels are launched on: made at the first launch, as it needs a GPU."""

    compute: Any = 0 if SIMULATED else None


def compute_stream() -> Any:
    """Where all kernels run, one after the other."""
    if _Streams.compute is None:
        _Streams.compute = new_stream()
    return _Streams.compute


def new_stream() -> Any:
    return 0 if SIMULATED else cuda.stream()


def launch(
    kernel: Any,
    blocks: int | tuple[int, ...],
    threads: int | tuple[int, ...],
    *arguments: Any,
    shared: int = 0,
) -> None:
    """Starts a kernel and does not wait for it. Arrays are passed flat, a Python int as uint32, a float as float32, a tuple
    element by element.

    `shared`: bytes of dynamic shared memory. Raises DeviceError if the GPU reports an error, be it an earlier kernel's.
    """
    with translated_errors():
        kernel[blocks, threads, compute_stream(), shared](*map(_argument, arguments))


def _argument(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_argument, value))
    if isinstance(value, (bool, int)):
        return np.uint32(value)
    if isinstance(value, float):
        return np.float32(value)
    if isinstance(value, np.generic) or value.ndim == 1:
        return value
    return value.reshape(value.size)


def zeroed_bytes(size: int) -> Any:
    """Memory of the GPU, uint8 (size). Raises DeviceError if there is not so much left."""
    if SIMULATED:
        return cuda.to_device(np.zeros(size, np.uint8))
    from numba.cuda.cudadrv import driver

    try:
        memory = cuda.device_array(size, np.uint8)
    except driver.CudaAPIError as error:
        if error.code == _OUT_OF_MEMORY:
            free, total = (amount / 2**20 for amount in memory_info())
            raise DeviceError(
                f"{size / 2**20:,.0f} MiB more are needed, and of the GPU's {total:,.0f} MiB {free:,.0f} are free: take a "
                "smaller batch size, or end what else uses the GPU"
            ) from error
        raise
    with translated_errors():
        driver.device_memset(memory, 0, size, compute_stream())
    return memory


def pinned_bytes(size: int) -> Any:
    """Memory of the host that is never paged out, uint8 (size): copies from it run beside kernels."""
    return cuda.pinned_array(size, np.uint8)


def copy_in(target: Any, source: Any, stream: Any = None) -> None:
    """source (host, of the target's type and shape) -> target, after what was launched on the stream before."""
    if target.size:
        # Flat, as a side of one element may have any stride, which the simulator takes for a broadcast one.
        flat, numbers = target.reshape(target.size), source.reshape(source.size)
        with translated_errors():
            flat.copy_to_device(numbers, stream=compute_stream() if stream is None else stream)


def copy_out(array: Any) -> Any:
    """The numbers of an array on the host, once all that was launched before is done."""
    if not array.size:
        return np.empty(array.shape, array.dtype)
    with translated_errors():
        stream = compute_stream()
        host = array.copy_to_host(stream=stream)
        if not SIMULATED:
            stream.synchronize()
        return host


def new_event() -> Any:
    return cuda.event(timing=False) if not SIMULATED else cuda.event()


def wait(event: Any) -> None:
    """Until an event has happened, on whichever thread."""
    if not SIMULATED:
        cuda.current_context()  # a thread that has none yet gets it
        with translated_errors():
            event.synchronize()


def graph_of(act: Callable[[], None]) -> Callable[[], None]:
    """What `act` launches, recorded as a CUDA graph: a function that repeats it with one launch. `act` itself where the
    driver cannot record it.
    """
    if SIMULATED:
        return act
    from cuda.core import Stream

    stream = Stream.from_handle(int(compute_stream().handle))
    builder = stream.create_graph_builder()
    try:
        builder.begin_building()
        act()
        graph = builder.end_building().complete()
    except DeviceError:
        raise
    except Exception:  # cuda.core's own kinds of errors vary with its version
        builder.close()
        return act
    return lambda: graph.launch(stream)


def memory_info() -> tuple[int, int]:
    """(free, total) bytes of the GPU."""
    if SIMULATED:
        return _SIMULATED_BYTES, _SIMULATED_BYTES
    free, total = cuda.current_context().get_memory_info()
    return int(free), int(total)


class GPU(NamedTuple):
    """What is known of the GPU and its software."""

    name: str
    compute_capability: tuple[int, int]
    free_bytes: int
    total_bytes: int
    driver: str
    """The newest CUDA that it can run."""
    toolkit: str
    """The CUDA that kernels are compiled with."""
    numba_cuda: str


def gpu() -> GPU:
    """The GPU in use. Only after `problem` found none."""
    version = metadata.version("numba-cuda")
    if SIMULATED:
        return GPU("simulator", (0, 0), *memory_info(), "none", "none", version)
    from numba.cuda.cudadrv import driver, nvvm

    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    toolkit = ".".join(map(str, nvvm.NVVM().get_version()))
    newest = ".".join(map(str, driver.driver.get_version()))
    return GPU(name, tuple(device.compute_capability), *memory_info(), newest, toolkit, version)


def problem() -> str | None:
    """Why there is no usable GPU, with {extras} where the command belongs that installs what is missing; None: there is."""
    if SIMULATED:
        return None
    if getattr(cuda, "implementation", None) != "NVIDIA":
        return "numba.cuda is not numba-cuda's, whose package is damaged or hidden; reinstall it: {extras}"
    if not cuda.is_available():
        found = " ".join(str(cuda.cuda_error() or "").split())
        reason = f" ({found})" if found else ""
        return (
            f"no NVIDIA driver or GPU was found{reason}; 'nvidia-smi' should list one. The packages beside the driver come "
            "with {extras}"
        )
    device = cuda.get_current_device()
    capability = tuple(device.compute_capability)
    if capability < OLDEST:
        return f"its compute capability is {_dotted(capability)}, and {_dotted(OLDEST)} (Turing) or newer is needed"
    return None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def grid(elements: int, threads: int) -> int:
    """Blocks for so many elements, one a thread; at least one."""
    return max(1, -(-elements // threads))


@cache
def _errors() -> tuple[type[Exception], ...]:
    """What numba-cuda raises itself, and what cuda.core does, through which it launches."""
    from numba.cuda.cudadrv.driver import CudaAPIError

    try:
        from cuda.core._utils.cuda_utils import CUDAError
    except ImportError:  # a private place, that may change
        return (CudaAPIError,)
    return (CudaAPIError, CUDAError)


@contextmanager
def translated_errors() -> Iterator[None]:
    """What the driver says, as a DeviceError."""
    if SIMULATED:
        yield
        return
    try:
        yield
    except _errors() as error:
        raise DeviceError(
            f"the GPU reports: {error}; it cannot go on in this process, what was saved before is intact"
        ) from error


# Instructions that Python has no word for: each an intrinsic, and its meaning in Python for the simulator


def _load4_python(array: Any, index: Any) -> Any:
    return array[index], array[index + 1], array[index + 2], array[index + 3]


def _store4_python(array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    for i, value in enumerate((a, b, c, d)):
        array[index + i] = value


if SIMULATED:
    load4, store4 = _load4_python, _store4_python
else:
    from llvmlite import ir
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    _FLOAT4 = ir.VectorType(ir.FloatType(), 4)

    def _pointer4(
        context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any
    ) -> Any:
        data = context.make_array(array_type)(context, builder, array).data
        wide = context.cast(builder, index, index_type, types.uint64)
        return builder.bitcast(builder.gep(data, [wide]), _FLOAT4.as_pointer())

    @intrinsic
    def load4(typing_context: Any, array: Any, index: Any) -> Any:
        """array[index : index + 4] of float32 as four numbers, in one access; index is a multiple of 4."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = _pointer4(
                context, builder, signature.args[0], arguments[0], signature.args[1], arguments[1]
            )
            four = builder.load(pointer, align=16)
            parts = [builder.extract_element(four, ir.IntType(32)(i)) for i in range(4)]
            return context.make_tuple(builder, signature.return_type, parts)

        return types.UniTuple(types.float32, 4)(array, index), generate

    @intrinsic
    def store4(typing_context: Any, array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """array[index : index + 4] = a, b, c, d of float32, in one access; index is a multiple of 4."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = _pointer4(
                context, builder, signature.args[0], arguments[0], signature.args[1], arguments[1]
            )
            four = ir.Constant(_FLOAT4, ir.Undefined)
            for i, value in enumerate(arguments[2:]):
                four = builder.insert_element(four, value, ir.IntType(32)(i))
            builder.store(four, pointer, align=16)
            return context.get_dummy_value()

        return types.void(array, index, *(types.float32,) * 4), generate
