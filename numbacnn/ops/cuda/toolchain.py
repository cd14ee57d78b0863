"""Everything that depends on numba-cuda: its decorators, its launches, its streams and its errors.

numba-cuda is in maintenance and its successor compiles the same kernels, so that a change of either is a change of
this file. With NUMBA_ENABLE_CUDASIM=1, set before Numba is imported, kernels run as Python, thread by thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
from numba import cuda
from numba.cuda.core import config as cuda_config

from ... import compiling
from ...errors import DeviceError
from .. import kernel_cache
from ..compilation import elsewhere
from .packages import at_odds

SIMULATED = bool(cuda_config.ENABLE_CUDASIM)
ZERO, ONE = np.float32(0), np.float32(1)
WARP = 32
OLDEST = (7, 5)
"""Compute capability of the oldest GPUs that kernels are compiled for."""
_OUT_OF_MEMORY = 2
_SHARED = 3
"""The address space of shared memory."""
_TF32_BITS, _BF16_BITS = 13, 16
"""Of a float32, those at the end that the two leave out."""
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
            from numba.cuda.dispatcher import CUDACache

            made = cuda.jit(**options)(function)
            kernel_cache.keep(made, CUDACache)
            _reported(made)
            elsewhere.append(made)
            if name:
                _keyed_by_name(made, name)
        KERNELS[name or f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"] = made
        return made

    return decorate if function is None else decorate(function)


def _reported(made: Any) -> None:
    """Tells `compiling` what is compiled, as numba-cuda sends no events of it: what the cache has not."""
    load, compiled = made._cache.load_overload, made.compile
    under_way = []

    def load_overload(*arguments: Any) -> Any:
        found = load(*arguments)
        if found is None:
            compiling.begin()
            under_way.append(True)
        return found

    def compile_(signature: Any) -> Any:
        try:
            return compiled(signature)
        finally:
            if under_way:
                under_way.pop()
                compiling.end()

    made._cache.load_overload, made.compile = load_overload, compile_


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
    with translated_errors():
        return 0 if SIMULATED else cuda.stream()


def launch(kernel: Any, blocks: int | tuple[int, ...], threads: int, *arguments: Any) -> None:
    """Starts a kernel and does not wait for it. Arrays are passed flat, a Python int as uint32, a float as float32, a tuple
    element by element.

    Raises DeviceError if the GPU reports an error, be it an earlier kernel's, or if the kernel cannot be compiled.
    """
    with translated_errors():
        prepared = _configured(kernel, blocks, threads)
        try:
            prepared(*map(_argument, arguments))
        except Exception as error:  # NVVM's, the linker's, or Python's where a package has changed
            if SIMULATED or isinstance(error, (*_errors(), MemoryError)):
                raise
            raise at_odds(error) from error


def _configured(kernel: Any, blocks: int | tuple[int, ...], threads: int) -> Any:
    """numba-cuda would warn of each grid of fewer than 128 blocks, which small networks are made of; other users of it
    keep its setting.
    """
    before = cuda_config.CUDA_LOW_OCCUPANCY_WARNINGS
    cuda_config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
    try:
        return kernel[blocks, threads, compute_stream()]
    finally:
        cuda_config.CUDA_LOW_OCCUPANCY_WARNINGS = before


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

    with translated_errors():
        try:
            memory = cuda.device_array(size, np.uint8)
        except driver.CudaAPIError as error:
            if error.code != _OUT_OF_MEMORY:
                raise
            free, total = (amount / 2**20 for amount in memory_info())
            raise DeviceError(
                f"{size / 2**20:,.0f} MiB more are needed, and of the GPU's {total:,.0f} MiB {free:,.0f} are free: take a "
                "smaller batch size, or end what else uses the GPU"
            ) from error
        driver.device_memset(memory, 0, size, compute_stream())
    return memory


def pinned_bytes(size: int) -> Any:
    """Memory of the host that is never paged out, uint8 (size): copies from it run beside kernels."""
    with translated_errors():
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
    with translated_errors():
        return cuda.event(timing=False) if not SIMULATED else cuda.event()


def wait(event: Any) -> None:
    """Until an event has happened, on whichever thread."""
    if not SIMULATED:
        with translated_errors():
            cuda.current_context()  # a thread that has none yet gets it
            event.synchronize()


def graph_of(act: Callable[[], None]) -> Callable[[], None]:
    """What `act` launches, recorded as a CUDA graph: a function that repeats it with one launch. `act` itself where the
    driver cannot record it: a GPU that has failed says so again when `act` is called.
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
    except (
        Exception
    ):  # cuda.core's own kinds of errors vary with its version, and launches turn them into DeviceError
        builder.close()
        _kept.close()  # one that has not failed goes on
        return act
    return lambda: graph.launch(stream)


def memory_info() -> tuple[int, int]:
    """(free, total) bytes of the GPU."""
    if SIMULATED:
        return _SIMULATED_BYTES, _SIMULATED_BYTES
    with translated_errors():
        context = cuda.current_context()
        context.memory_manager.deallocations.clear()  # it keeps what it is to free, up to a fifth of all
        free, total = context.get_memory_info()
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
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    newest, toolkit = _dotted(_driver_version()), _dotted(_toolkit_version())
    return GPU(name, tuple(device.compute_capability), *memory_info(), newest, toolkit, version)


def _driver_version() -> tuple[int, int]:
    """The newest CUDA that the driver can run."""
    from numba.cuda.cudadrv import driver

    major, minor = driver.driver.get_version()
    return major, minor


def _packages_version() -> int:
    """The CUDA that numba-cuda's packages are made for; no driver older than that runs their kernels."""
    return int(metadata.version("cuda-bindings").partition(".")[0])


def _toolkit_version() -> tuple[int, int]:
    """Of the CUDA whose compiler is installed; NVVM's own number is another, that of its language."""
    from numba.cuda.cudadrv import runtime

    major, minor = runtime.get_version()
    return major, minor


def compute_capability() -> tuple[int, int]:
    """Of the GPU in use; the simulator has everything."""
    return (99, 0) if SIMULATED else tuple(cuda.get_current_device().compute_capability)


def problem(extras: str) -> str | None:
    """Why there is no usable GPU; None: there is. `extras`: the commands that install what can be missing."""
    if SIMULATED:
        return None
    if getattr(cuda, "implementation", None) != "NVIDIA":
        return f"numba.cuda is not numba-cuda's, whose package is damaged or hidden; reinstall it: {extras}"
    if not cuda.is_available():
        found = " ".join(str(cuda.cuda_error() or "").split())
        reason = f" ({found})" if found else ""
        return (
            f"no NVIDIA driver or GPU was found{reason}; 'nvidia-smi' should list one. The packages beside the driver come "
            f"with {extras}"
        )
    newest, packages = _driver_version(), _packages_version()
    if newest[0] < packages:
        return (
            f"the NVIDIA driver runs CUDA {_dotted(newest)} at most, and the installed packages are for CUDA {packages}: update "
            f"the driver, or take packages that fit it: {extras}"
        )
    try:
        capability = compute_capability()  # of a context, which is made here
    except _errors() as error:
        return (
            f"the GPU does not open ({error}); 'nvidia-smi' shows whether another process has it to itself, or all of its "
            "memory"
        )
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
    if SIMULATED:
        return ()
    from numba.cuda.cudadrv.driver import CudaAPIError

    try:
        from cuda.core._utils.cuda_utils import CUDAError
    except ImportError:  # a private place, that may change
        return (CudaAPIError,)
    return (CudaAPIError, CUDAError)


_kept = ExitStack()
"""What keeps numba-cuda from freeing."""


def _free_nothing() -> None:
    """A GPU that has failed refuses to free memory too, and numba-cuda would print a traceback for each array, at the latest
    when the process ends.
    """
    from numba.cuda.cudadrv import driver

    for device in driver.driver.list_devices():
        context = device.primary_context
        if context is not None:
            _kept.enter_context(context.deallocations.disable())
            _kept.enter_context(context.memory_manager.deallocations.disable())


@contextmanager
def translated_errors() -> Iterator[None]:
    """What the driver says, as a DeviceError."""
    if SIMULATED:
        yield
        return
    try:
        yield
    except _errors() as error:
        _free_nothing()
        raise DeviceError(
            f"the GPU reports: {error}; it cannot go on in this process, what was saved before is intact"
        ) from error


# Instructions that Python has no word for: each an intrinsic, and its meaning in Python for the simulator


def _load2_python(array: Any, index: Any) -> Any:
    return array[index], array[index + 1]


def _load4_python(array: Any, index: Any) -> Any:
    return array[index], array[index + 1], array[index + 2], array[index + 3]


def _store4_python(array: Any, index: Any, *numbers: Any) -> None:
    for i in range(4):
        array[np.uint32(index + i)] = numbers[i]


class _Beginning:
    """An array from an element on."""

    def __init__(self, array: Any, first: Any) -> None:
        self._array, self._first = array, first

    def __getitem__(self, index: Any) -> Any:
        return self._array[self._first + index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._array[self._first + index] = value


def _beginning_at_python(array: Any, index: Any) -> Any:
    return _Beginning(array, index)


@lru_cache(1 << 16)
def _rounded_word(word: int, bits: int) -> int:
    """The bits of a float32 with so many of the lowest rounded away; of two as near, tf32 takes the larger, bf16 the even."""
    if word >> 23 & 0xFF != 0xFF:
        half = (1 << (bits - 1)) - 1 + (word >> bits & 1 if bits == _BF16_BITS else 1)
        word = (word + half) & 0xFFFFFFFF
    return word >> bits << bits


def _rounded(value: Any, bits: int) -> Any:
    return np.uint32(_rounded_word(int(np.float32(value).view(np.uint32)), bits)).view(np.float32)


def _rounded_tf32_python(value: Any) -> Any:
    return _rounded(value, _TF32_BITS)


def _packed_bf16_python(first: Any, second: Any) -> Any:
    words = (int(np.float32(value).view(np.uint32)) for value in (first, second))
    low, high = (_rounded_word(word, _BF16_BITS) for word in words)
    return np.uint32(high | low >> _BF16_BITS)


@lru_cache(1 << 16)
def _unpacked_bf16(pair: int) -> tuple[Any, Any]:
    low, high = np.array([pair << _BF16_BITS & 0xFFFFFFFF, pair >> _BF16_BITS << _BF16_BITS], np.uint32).view(
        np.float32
    )
    return low, high


_held: dict[tuple[int, int], tuple[Any, ...]] = {}
"""(warp, lane) -> what a thread holds, in the simulator."""


def _exchanged(own: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What all threads of the warp hold, each its own numbers."""
    warp = int(cuda.threadIdx.x) // WARP
    _held[warp, int(cuda.laneid)] = own
    cuda.syncwarp()
    everybody = [_held[warp, lane] for lane in range(WARP)]
    cuda.syncwarp()
    return everybody


def _mma_python(everybody: list[Any], c: tuple[Any, ...], unpacked: Callable[[Any], tuple[Any, ...]]) -> Any:
    """The sums of one thread: (row, column), (row, column + 1), then 8 rows below."""
    lane = int(cuda.laneid)
    row, column = lane // 4, lane % 4 * 2

    def along(first: int, registers: tuple[int, int]) -> list[Any]:
        """What four threads from `first` on hold of a row or column, in the order of its depths."""
        return [
            number
            for register in registers
            for thread in range(first, first + 4)
            for number in unpacked(everybody[thread][register])
        ]

    rows = [along(4 * row, registers) for registers in ((0, 2), (1, 3))]
    columns = [along(4 * beside, (4, 5)) for beside in (column, column + 1)]
    sums = list(c)
    for i, (of_a, of_b) in enumerate((a, b) for a in rows for b in columns):
        for a, b in zip(of_a, of_b, strict=True):
            sums[i] = np.float32(sums[i] + a * b)
    return tuple(sums)


def _mma_tf32_python(a0: Any, a1: Any, a2: Any, a3: Any, b0: Any, b1: Any, *c: Any) -> Any:
    return _mma_python(_exchanged((a0, a1, a2, a3, b0, b1)), c, lambda word: (word,))


def _mma_bf16_python(a0: Any, a1: Any, a2: Any, a3: Any, b0: Any, b1: Any, *c: Any) -> Any:
    return _mma_python(_exchanged((a0, a1, a2, a3, b0, b1)), c, lambda pair: _unpacked_bf16(int(pair)))


def _place_python() -> Any:
    return np.uint32(cuda.threadIdx.x), np.uint32(cuda.blockIdx.x), np.uint32(cuda.blockIdx.y)


def _load_matrices_python(array: Any, index: Any) -> Any:
    lane = int(cuda.laneid)
    everybody = _exchanged((array, index))
    rows = [everybody[8 * matrix + lane // 4] for matrix in range(4)]
    return tuple(source[np.uint32(first + lane % 4)] for source, first in rows)


_copies: dict[int, list[list[tuple[Any, Any, list[Any]]]]] = {}
"""Thread -> the groups of copies that it has not waited for, in the simulator; the last group is open."""


def _copy_python(shared: Any, at: Any, array: Any, index: Any, is_there: Any, count: int) -> None:
    if int(at) % count or (is_there and int(index) % count):
        raise ValueError(
            f"a copy of {count} numbers from {index} to {at}: neither is a multiple of {count} then"
        )
    numbers = [array[np.uint32(index + i)] if is_there else ZERO for i in range(count)]
    for i in range(count):
        shared[np.uint32(at + i)] = np.float32(np.nan)  # until it is waited for, nobody knows what is there
    _copies.setdefault(int(cuda.threadIdx.x), [[]])[-1].append((shared, at, numbers))


def _copy_one_python(shared: Any, at: Any, array: Any, index: Any, is_there: Any) -> None:
    _copy_python(shared, at, array, index, is_there, 1)


def _copy_four_python(shared: Any, at: Any, array: Any, index: Any, is_there: Any) -> None:
    _copy_python(shared, at, array, index, is_there, 4)


def _copies_end_python() -> None:
    _copies.setdefault(int(cuda.threadIdx.x), [[]]).append([])


def _copies_wait_python(groups: int) -> Any:
    def wait() -> None:
        own = _copies[int(cuda.threadIdx.x)]
        while len(own) - 1 > groups:
            for shared, at, numbers in own.pop(0):
                for i, number in enumerate(numbers):
                    shared[np.uint32(at + i)] = number

    return device_function(wait)


if SIMULATED:
    load2, load4, store4 = _load2_python, _load4_python, _store4_python
    beginning_at = _beginning_at_python
    rounded_tf32, packed_bf16 = _rounded_tf32_python, _packed_bf16_python
    mma_tf32, mma_bf16 = device_function(_mma_tf32_python), device_function(_mma_bf16_python)
    load_matrices, place_anew = device_function(_load_matrices_python), device_function(_place_python)
    copy_one, copy_four = device_function(_copy_one_python), device_function(_copy_four_python)
    copies_end, copies_wait = device_function(_copies_end_python), _copies_wait_python
else:
    from llvmlite import ir
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    _FLOAT, _WORD = ir.FloatType(), ir.IntType(32)

    def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any) -> Any:
        data = context.make_array(array_type)(context, builder, array).data
        wide = context.cast(builder, index, index_type, types.uint64)
        return builder.gep(data, [wide])

    def _load(count: int) -> Any:
        """array[index : index + count] of float32 as so many numbers, in one access; index is a multiple of count."""
        vector = ir.VectorType(_FLOAT, count)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (array_type, index_type), (array, index) = signature.args, arguments
            first = _pointer(context, builder, array_type, array, index_type, index)
            numbers = builder.load(builder.bitcast(first, vector.as_pointer()), align=4 * count)
            parts = [builder.extract_element(numbers, _WORD(i)) for i in range(count)]
            return context.make_tuple(builder, signature.return_type, parts)

        @intrinsic
        def load(typing_context: Any, array: Any, index: Any) -> Any:
            return types.UniTuple(types.float32, count)(array, index), generate

        return load

    load2, load4 = _load(2), _load(4)

    @intrinsic
    def store4(typing_context: Any, array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """array[index : index + 4] = a, b, c, d of float32, in one access; index is a multiple of 4."""
        vector = ir.VectorType(_FLOAT, 4)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (array_type, index_type, *_), (whole, own, *numbers) = signature.args, arguments
            first = _pointer(context, builder, array_type, whole, index_type, own)
            four = ir.Constant(vector, ir.Undefined)
            for i, number in enumerate(numbers):
                four = builder.insert_element(four, number, _WORD(i))
            builder.store(four, builder.bitcast(first, vector.as_pointer()), align=16)
            return context.get_dummy_value()

        return types.void(array, index, *[types.float32] * 4), generate

    @intrinsic
    def beginning_at(typing_context: Any, array: Any, index: Any) -> Any:
        """The array from element `index` on: what lies a constant further costs no instruction, as it is part of the access.
        An index of uint32 plus a constant is added up first, since it might begin again at 0.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (kind, index_kind), (whole, index) = signature.args, arguments
            part = context.make_array(kind)(context, builder, whole)
            part.data = _pointer(context, builder, kind, whole, index_kind, index)
            return part._getvalue()

        return array(array, index), generate

    def _assembly(
        builder: Any,
        result: Any,
        text: str,
        constraints: str,
        arguments: list[Any],
        side_effect: bool = False,
    ) -> Any:
        function = ir.FunctionType(result, [argument.type for argument in arguments])
        return builder.call(ir.InlineAsm(function, text, constraints, side_effect), arguments)

    @intrinsic
    def rounded_tf32(typing_context: Any, value: Any) -> Any:
        """float32 -> the nearest that has 10 bits after the point, as float32."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = _assembly(builder, _WORD, "cvt.rna.tf32.f32 $0, $1;", "=r,f", arguments)
            return builder.bitcast(word, _FLOAT)

        return types.float32(value), generate

    @intrinsic
    def packed_bf16(typing_context: Any, first: Any, second: Any) -> Any:
        """Two float32 rounded to bf16 in one word, the first in its lower half."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _assembly(builder, _WORD, "cvt.rn.bf16x2.f32 $0, $2, $1;", "=r,f,f", arguments)

        return types.uint32(first, second), generate

    def _mma(shape: str, words: Any) -> Any:
        """mma.sync with registers of A (4), of B (2) and the sums (4), of which the new ones are the result."""
        text = f"mma.sync.aligned.{shape} {{$0, $1, $2, $3}}, {{$4, $5, $6, $7}}, {{$8, $9}}, {{$10, $11, $12, $13}};"

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            registers = [builder.bitcast(argument, _WORD) for argument in arguments[:6]]
            result = ir.LiteralStructType([_FLOAT] * 4)
            constraints = "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f"
            sums = _assembly(builder, result, text, constraints, registers + list(arguments[6:]))
            parts = [builder.extract_value(sums, i) for i in range(4)]
            return context.make_tuple(builder, signature.return_type, parts)

        @intrinsic
        def mma(
            typing_context: Any,
            a0: Any,
            a1: Any,
            a2: Any,
            a3: Any,
            b0: Any,
            b1: Any,
            c0: Any,
            c1: Any,
            c2: Any,
            c3: Any,
        ) -> Any:
            return types.UniTuple(types.float32, 4)(*[words] * 6, *[types.float32] * 4), generate

        return mma

    mma_tf32 = _mma("m16n8k8.row.col.f32.tf32.tf32.f32", types.float32)
    mma_bf16 = _mma("m16n8k16.row.col.f32.bf16.bf16.f32", types.uint32)

    def _shared_address(
        context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any
    ) -> Any:
        pointer = _pointer(context, builder, array_type, array, index_type, index)
        return builder.ptrtoint(builder.addrspacecast(pointer, ir.PointerType(_FLOAT, _SHARED)), _WORD)

    @intrinsic
    def load_matrices(typing_context: Any, array: Any, index: Any) -> Any:
        """Four matrices of 8 rows by 4 numbers of float32 in shared memory, read by a whole warp: thread t's array and
        index, a multiple of 4, say where row t % 8 of matrix t // 8 is. Thread t gets number t % 4 of row t // 4 of each.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (array_type, index_type), (whole, own) = signature.args, arguments
            address = _shared_address(context, builder, array_type, whole, index_type, own)
            text = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, [$4];"
            result = ir.LiteralStructType([_WORD] * 4)
            words = _assembly(builder, result, text, "=r,=r,=r,=r,r,~{memory}", [address], side_effect=True)
            parts = [builder.bitcast(builder.extract_value(words, i), _FLOAT) for i in range(4)]
            return context.make_tuple(builder, signature.return_type, parts)

        return types.UniTuple(types.float32, 4)(array, index), generate

    def _copy(count: int) -> Any:
        """shared[at : at + count] = array[index : index + count], or 0 where nothing is there, without waiting: what lies
        there until it is waited for nobody knows. at and index are multiples of count.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            shared_type, at_type, array_type, index_type, flag_type = signature.args
            shared, at, array, index, is_there = arguments
            is_there = context.cast(builder, is_there, flag_type, types.boolean)
            wide = context.cast(builder, index, index_type, types.uint64)
            own = builder.select(is_there, wide, ir.Constant(wide.type, 0))
            size = builder.select(is_there, _WORD(4 * count), _WORD(0))
            target = _shared_address(context, builder, shared_type, shared, at_type, at)
            source = _pointer(context, builder, array_type, array, types.uint64, own)
            text = f"cp.async.ca.shared.global [$0], [$1], {4 * count}, $2;"
            arguments = [target, builder.ptrtoint(source, ir.IntType(64)), size]
            _assembly(builder, ir.VoidType(), text, "r,l,r,~{memory}", arguments, side_effect=True)
            return context.get_dummy_value()

        @intrinsic
        def copy(typing_context: Any, shared: Any, at: Any, array: Any, index: Any, is_there: Any) -> Any:
            return types.void(shared, at, array, index, is_there), generate

        return copy

    copy_one, copy_four = _copy(1), _copy(4)

    def _order(text: str) -> Any:
        """An instruction that orders copies."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _assembly(builder, ir.VoidType(), text, "~{memory}", [], side_effect=True)
            return context.get_dummy_value()

        @intrinsic
        def order(typing_context: Any) -> Any:
            return types.void(), generate

        return order

    @intrinsic
    def place_anew(typing_context: Any) -> Any:
        """(thread, block across, block down), asked of the GPU again: what follows from the first answers need not be kept
        in registers meanwhile.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            numbers = [
                _assembly(builder, _WORD, f"mov.u32 $0, %{register};", "=r", [], side_effect=True)
                for register in ("tid.x", "ctaid.x", "ctaid.y")
            ]
            return context.make_tuple(builder, signature.return_type, numbers)

        return types.UniTuple(types.uint32, 3)(), generate

    copies_end = _order("cp.async.commit_group;")
    """The copies that a thread has started since the last end are a group."""

    def copies_wait(groups: int) -> Any:
        """What waits for all of a thread's groups of copies but the last so many."""
        return _order(f"cp.async.wait_group {groups};")
