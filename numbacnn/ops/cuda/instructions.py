"""Instructions that Python has no word for, each an intrinsic that numba-cuda compiles to LLVM's or to PTX: accesses of
several numbers at once, products of tensor cores.

Which thread holds what of a tensor core's matrices is in the PTX ISA, "Matrix Fragments for mma.m16n8k8" and
"for mma.m16n8k16 with floating point type".
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.cuda import extending, types

from ..convolution.matrices import apply

intrinsic: Any = (
    extending.intrinsic
)  # typed by numba-cuda as the function that it is given, which its calls are not
_FLOAT, _WORD = ir.FloatType(), ir.IntType(32)
_SHARED = 3
"""The address space of shared memory."""


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    wide = context.cast(builder, index, index_type, types.uint64)
    return builder.gep(data, [wide])


def _vector(context: Any, array_type: Any, count: int) -> tuple[Any, int]:
    """LLVM's type of so many elements of an array, and their bytes."""
    vector = ir.VectorType(context.get_data_type(array_type.dtype), count)
    return vector, count * array_type.dtype.bitwidth // 8


def _load(count: int) -> Any:
    """array[index : index + count] as so many numbers, in one access; index is a multiple of count."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (array_type, index_type), (array, index) = signature.args, arguments
        first = _pointer(context, builder, array_type, array, index_type, index)
        vector, size = _vector(context, array_type, count)
        numbers = builder.load(builder.bitcast(first, vector.as_pointer()), align=size)
        parts = [builder.extract_element(numbers, _WORD(i)) for i in range(count)]
        return context.make_tuple(builder, signature.return_type, parts)

    @intrinsic
    def load(typing_context: Any, array: Any, index: Any) -> Any:
        return types.UniTuple(array.dtype, count)(array, index), generate

    return load


load4 = _load(4)


@intrinsic
def store4(typing_context: Any, array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """array[index : index + 4] = a, b, c, d, in one access; index is a multiple of 4. Numbers are cast to the array's type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (array_type, index_type, *kinds), (whole, own, *numbers) = signature.args, arguments
        first = _pointer(context, builder, array_type, whole, index_type, own)
        vector, size = _vector(context, array_type, 4)
        four = ir.Constant(vector, ir.Undefined)
        for i, (number, kind) in enumerate(zip(numbers, kinds, strict=True)):
            value = context.cast(builder, number, kind, array_type.dtype)
            four = builder.insert_element(four, value, _WORD(i))
        builder.store(four, builder.bitcast(first, vector.as_pointer()), align=size)
        return context.get_dummy_value()

    return types.void(array, index, a, b, c, d), generate


@intrinsic
def as_word(typing_context: Any, value: Any) -> Any:
    """The bits of a float32 as uint32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _WORD)

    return types.uint32(types.float32), generate


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


def between(matrix: Any) -> Any:
    """An intrinsic, transform(target, source): target = M S M', M the matrix (rows, columns), whose numbers are constants of the
    code; S (columns, columns) and the target (rows, rows) are flat. Of local arrays, which may be the same, all is done in
    registers.
    """
    rows, columns = matrix.shape

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (target_type, source_type), (target, source) = signature.args, arguments

        def at(kind: Any, array: Any, place: int) -> Any:
            return _pointer(context, builder, kind, array, types.uint32, _WORD(place))

        cells = [builder.load(at(source_type, source, place)) for place in range(columns * columns)]
        lines = [apply(builder, matrix, cells[i * columns : (i + 1) * columns]) for i in range(columns)]
        for j in range(rows):
            for i, value in enumerate(apply(builder, matrix, [line[j] for line in lines])):
                builder.store(value, at(target_type, target, i * rows + j))
        return context.get_dummy_value()

    @intrinsic
    def transform(typing_context: Any, target: Any, source: Any) -> Any:
        return types.void(target, source), generate

    return transform


def assembly(
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
        word = assembly(builder, _WORD, "cvt.rna.tf32.f32 $0, $1;", "=r,f", arguments)
        return builder.bitcast(word, _FLOAT)

    return types.float32(value), generate


@intrinsic
def packed_bf16(typing_context: Any, first: Any, second: Any) -> Any:
    """Two float32 rounded to bf16 in one word, the first in its lower half."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return assembly(builder, _WORD, "cvt.rn.bf16x2.f32 $0, $2, $1;", "=r,f,f", arguments)

    return types.uint32(first, second), generate


def _mma(shape: str, words: Any) -> Any:
    """mma.sync with registers of A (4), of B (2) and the sums (4), of which the new ones are the result."""
    text = f"mma.sync.aligned.{shape} {{$0, $1, $2, $3}}, {{$4, $5, $6, $7}}, {{$8, $9}}, {{$10, $11, $12, $13}};"

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        registers = [builder.bitcast(argument, _WORD) for argument in arguments[:6]]
        result = ir.LiteralStructType([_FLOAT] * 4)
        constraints = "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f"
        sums = assembly(builder, result, text, constraints, registers + list(arguments[6:]))
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


def shared_address(
    context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any
) -> Any:
    pointer = _pointer(context, builder, array_type, array, index_type, index)
    return builder.ptrtoint(builder.addrspacecast(pointer, ir.PointerType(_FLOAT, _SHARED)), _WORD)


def _load_matrices(kind: Any, way: str) -> Any:
    """Four matrices of 8 rows by 16 bytes in shared memory, read by a whole warp: thread t's array and index, a multiple
    of 4, say where row t % 8 of matrix t // 8 is. Thread t gets word t % 4 of row t // 4 of each, as a number of that kind;
    with `way` ".trans" the pair of 16 bits in row t // 4 of the matrix turned round.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (array_type, index_type), (whole, own) = signature.args, arguments
        address = shared_address(context, builder, array_type, whole, index_type, own)
        text = f"ldmatrix.sync.aligned.m8n8.x4{way}.shared.b16 {{$0, $1, $2, $3}}, [$4];"
        result = ir.LiteralStructType([_WORD] * 4)
        words = assembly(builder, result, text, "=r,=r,=r,=r,r,~{memory}", [address], side_effect=True)
        parts = [
            builder.bitcast(builder.extract_value(words, i), context.get_value_type(kind)) for i in range(4)
        ]
        return context.make_tuple(builder, signature.return_type, parts)

    @intrinsic
    def load_matrices(typing_context: Any, array: Any, index: Any) -> Any:
        return types.UniTuple(kind, 4)(array, index), generate

    return load_matrices


load_matrices = _load_matrices(types.float32, "")
load_pairs, load_pairs_turned = (_load_matrices(types.uint32, way) for way in ("", ".trans"))


@intrinsic
def store_words(typing_context: Any, array: Any, index: Any, first: Any, second: Any) -> Any:
    """Two words in the place of array[index : index + 2] of float32, in one access; index is even."""
    vector = ir.VectorType(_WORD, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (array_type, index_type, *_), (whole, own, *words) = signature.args, arguments
        place = _pointer(context, builder, array_type, whole, index_type, own)
        pair = ir.Constant(vector, ir.Undefined)
        for i, word in enumerate(words):
            pair = builder.insert_element(pair, word, _WORD(i))
        builder.store(pair, builder.bitcast(place, vector.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(array, index, types.uint32, types.uint32), generate


@intrinsic
def place_anew(typing_context: Any) -> Any:
    """(thread, block across, block down), asked of the GPU again: what follows from the first answers need not be kept
    in registers meanwhile.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        numbers = [
            assembly(builder, _WORD, f"mov.u32 $0, %{register};", "=r", [], side_effect=True)
            for register in ("tid.x", "ctaid.x", "ctaid.y")
        ]
        return context.make_tuple(builder, signature.return_type, numbers)

    return types.UniTuple(types.uint32, 3)(), generate
