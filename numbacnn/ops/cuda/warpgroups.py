"""Products of a warpgroup, 128 threads, on tensor cores of compute capability 9.0: `wgmma`, which reads both matrices in shared
memory and works while the threads go on.

What a descriptor says, how matrices lie in shared memory and which thread holds what of the sums is in the PTX ISA, "Matrix
Descriptor Format", "Canonical Layouts" and "Register Fragments" of wgmma.mma_async.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.cuda import types

from .instructions import assembly, intrinsic, shared_address

_FLOAT, _WORD, _LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_ADDRESS = 0x3FFFF
"""Bits of an address or a distance that a descriptor keeps, without the lowest four."""


class Numbers(NamedTuple):
    """What is multiplied: its name in PTX, the depth of an instruction, and what says behind it that no matrix is turned round."""

    name: str
    depth: int
    turned: str


TF32 = Numbers("tf32", 8, "")
BF16 = Numbers("bf16", 16, ", 0, 0")


def descriptor(pitch: int) -> Any:
    """An intrinsic: (array of shared memory, index) -> uint64, what wgmma takes for a matrix that begins there, at a multiple of 16
    bytes. Sixteen bytes along the depth of eight rows (of A, or columns of B) lie one after the other, those of the next eight
    rows follow, and `pitch` bytes further lie the next ones along the depth: "K-major, no swizzling".
    """
    leading, stride = (_encoded(distance) for distance in (pitch, 8 * 16))
    rest = leading << 16 | stride << 32

    @intrinsic
    def describe(typing_context: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (array_type, index_type), (whole, own) = signature.args, arguments
            address = shared_address(context, builder, array_type, whole, index_type, own)
            place = builder.lshr(builder.and_(address, _WORD(_ADDRESS)), _WORD(4))
            return builder.or_(builder.zext(place, _LONG), _LONG(rest))

        return types.uint64(array, index), generate

    return describe


def _encoded(distance: int) -> int:
    if distance % 16 or not 0 < distance <= _ADDRESS:
        raise ValueError(f"a distance of {distance} bytes is none that a descriptor can say")
    return distance >> 4


def multiplication(numbers: Numbers, columns: int, steps: int, pitches: tuple[int, int]) -> Any:
    """An intrinsic: (sums, descriptor of A, descriptor of B) starts sums += A B, A of 64 rows and B of so many columns, `steps`
    times as deep as an instruction; `pitches` as in the two descriptors. Nobody may touch the sums, or write to the
    matrices, before `waiting` has waited for it.
    """
    count = columns // 2
    own = ", ".join(f"${i}" for i in range(count))
    opcode = f"wgmma.mma_async.sync.aligned.m64n{columns}k{numbers.depth}.f32.{numbers.name}.{numbers.name}"
    products = [
        f"{opcode} {{{own}}}, ${count + 2 * i}, ${count + 2 * i + 1}, 1, 1, 1{numbers.turned};"
        for i in range(steps)
    ]
    text = "\n".join(["wgmma.fence.sync.aligned;", *products, "wgmma.commit_group.sync.aligned;"])
    # An instruction is 32 bytes deep: two of those that lie a pitch apart.
    apart = [2 * _encoded(pitch) for pitch in pitches]

    @intrinsic
    def multiply(typing_context: Any, sums: Any, of_a: Any, of_b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            whole, *descriptors = arguments
            further = [
                builder.add(each, _LONG(i * distance))
                for i in range(steps)
                for each, distance in zip(descriptors, apart, strict=True)
            ]
            _on_sums(context, builder, signature.args[0], whole, count, text, further)
            return context.get_dummy_value()

        return types.void(sums, types.uint64, types.uint64), generate

    return multiply


def waiting(columns: int, pending: int) -> Any:
    """An intrinsic: (sums) waits for all that the warpgroup has started but the last `pending` of it."""
    text = f"wgmma.wait_group.sync.aligned {pending};"

    @intrinsic
    def wait(typing_context: Any, sums: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _on_sums(context, builder, signature.args[0], arguments[0], columns // 2, text, [])
            return context.get_dummy_value()

        return types.void(sums), generate

    return wait


def _on_sums(
    context: Any, builder: Any, kind: Any, array: Any, count: int, text: str, others: list[Any]
) -> None:
    """Assembly that changes the first `count` elements of an array, which stay in the registers that they are in."""
    data = context.make_array(kind)(context, builder, array).data
    places = [builder.gep(data, [_WORD(i)]) for i in range(count)]
    constraints = ["=f"] * count + ["l"] * len(others) + [str(i) for i in range(count)] + ["~{memory}"]
    result = ir.LiteralStructType([_FLOAT] * count)
    given = [*others, *(builder.load(place) for place in places)]
    sums = assembly(builder, result, text, ",".join(constraints), given, side_effect=True)
    for i, place in enumerate(places):
        builder.store(builder.extract_value(sums, i), place)


@intrinsic
def publish(typing_context: Any) -> Any:
    """What this thread wrote to shared memory is there for wgmma, once a barrier has been passed too."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text = "fence.proxy.async.shared::cta;"
        assembly(builder, ir.VoidType(), text, "~{memory}", [], side_effect=True)
        return context.get_dummy_value()

    return types.void(), generate
