"""How the matrix products of a training step are laid out on a GPU, and how long they should take, without one.

    python tools/product_plans.py [NETWORK...] [--precision float32] [--batch-size 256] [--shape HxWxC] [--clock 1.755] [--json]

For each convolution and dense layer, forward, input gradient and weight gradient: the tile, the parts that the sum over
the depth is cut into, the blocks for each of 132 multiprocessors, milliseconds and TFLOP/s by the model that chooses them
(numbacnn/ops/cuda/product/plan.py); in tf32 and bf16 beside them the same for whole warpgroups (`wgmma`, compute capability 9.0),
which no GPU has run yet. `numbacnn bench NETWORK --device cuda --layers` has the measured ones.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from typing import Any

from numbacnn import architectures
from numbacnn.graph import Node
from numbacnn.layers import Convolution, Dense
from numbacnn.ops.cuda.product.plan import MULTIPROCESSORS, Plan, candidates, cycles, plan_of
from numbacnn.ops.cuda.product.tile import WARPGROUP_TILES

Product = tuple[str, int, int, int, int, bool, bool]
"""(pass, rows, columns, depth, groups, whether its sum may be cut into parts, whether numbers are read in fours)."""


def products(node: Node, count: int, inputs: tuple[int, ...], output: tuple[int, ...]) -> list[Product]:
    """The three products of a layer for `count` pictures; none of a layer without weights."""
    layer = node.layer
    if isinstance(layer, Dense):
        depth, filters = inputs[0], output[0]
        shapes = (count, filters, depth), (count, depth, filters), (depth, filters, count)
        channels, groups, divided = depth, 1, (True, True, True)
    elif isinstance(layer, Convolution):
        groups = layer.groups
        channels, filters = inputs[2] // groups, output[2] // groups
        window = layer.window(inputs)
        assert window is not None
        taps, cells, pixels = math.prod(window.kernel), math.prod(output[:2]), math.prod(inputs[:2])
        kinds = math.prod(window.stride)
        shapes = (
            (count * cells, filters, taps * channels),
            # At a stride: of the pixels of one kind, to which so many taps lead in the mean.
            (-(-count * pixels // kinds), channels, -(-taps * filters // kinds)),
            (taps * channels, filters, count * cells),
        )
        divided = False, False, True
    else:
        return []
    names = "forward", "input gradient", "weight gradient"
    # Pictures of three channels are read as four.
    fours = filters % 4 == 0 and (channels % 4 == 0 or channels == 3)
    return [
        (name, *shape, groups, cut, fours) for name, shape, cut in zip(names, shapes, divided, strict=True)
    ]


def rows(
    name: str, shape: tuple[int, int, int] | None, count: int, precision: str, gigahertz: float
) -> Iterator[dict[str, Any]]:
    graph = architectures.build(name, input_shape=shape, initialise=None).graph

    def laid_out(plan: Plan, height: int, width: int, depth: int, groups: int) -> dict[str, Any]:
        blocks = groups * plan.parts * -(-height // plan.tile.rows) * -(-width // plan.tile.columns)
        seconds = cycles(height, width, groups, plan, precision) / (gigahertz * 1e9)
        return {
            "tile": plan.tile.name,
            "parts": plan.parts,
            "blocks_each": blocks / MULTIPROCESSORS,
            "milliseconds": 1e3 * seconds,
            "teraflops": 2e-12 * groups * height * width * depth / seconds,
        }

    for node in graph.nodes:
        own = products(
            node, count, graph.input_shapes(node)[0] if node.inputs else (), graph.shapes[node.name]
        )
        for act, height, width, depth, groups, cut, fours in own:
            size, room = (height, width, depth, groups), 1 << 62 if cut else 0
            by_warpgroups = []
            if precision != "float32" and fours:
                by_warpgroups = candidates(*size, room, precision, most=1, slower=1.0, tiles=WARPGROUP_TILES)
            yield {
                "network": name,
                "layer": node.name,
                "pass": act,
                "precision": precision,
                **dict(zip(("rows", "columns", "depth", "groups"), size, strict=True)),
                **laid_out(plan_of(*size, room, precision, fours), *size),
                "by_warpgroups": laid_out(by_warpgroups[0], *size) if by_warpgroups else None,
            }


def best(row: dict[str, Any]) -> float:
    """Milliseconds, where warpgroups are taken if that is faster."""
    ways = [row] if row["by_warpgroups"] is None else [row, row["by_warpgroups"]]
    return min(float(way["milliseconds"]) for way in ways)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", default=["vgg-small"])
    parser.add_argument("--precision", choices=["float32", "tf32", "bf16"], default="float32")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--shape", metavar="HxWxC", help="of the pictures, where a network leaves it open")
    parser.add_argument("--clock", type=float, default=1.755, help="GHz of the GPU")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if options.batch_size < 1 or not options.clock > 0:
        parser.error("--batch-size and --clock: numbers above 0 are expected")
    shape = None
    if options.shape:
        numbers = options.shape.split("x")
        if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
            parser.error("--shape: three numbers like 32x32x3 are expected")
        shape = int(numbers[0]), int(numbers[1]), int(numbers[2])
    manner = shape, options.batch_size, options.precision, options.clock
    found = [row for name in options.networks for row in rows(name, *manner)]
    if options.json:
        print(json.dumps({"products": found}))
        return
    print(
        "| layer | pass | rows x columns x depth | tile | parts | blocks each | ms | TFLOP/s | warpgroups' tile | parts | ms | TFLOP/s |"
    )
    print("|---|---|---|---|--:|--:|--:|--:|---|--:|--:|--:|")
    for row in found:
        other = row["by_warpgroups"]
        told = (
            f"{other['tile']} | {other['parts']} | {other['milliseconds']:.3f} | {other['teraflops']:.1f}"
            if other
            else " | | | "
        )
        groups = f" x {row['groups']}" if row["groups"] > 1 else ""
        print(
            f"| {row['network']} {row['layer']} | {row['pass']} | {row['rows']} x {row['columns']} x {row['depth']}{groups} | "
            f"{row['tile']} | {row['parts']} | {row['blocks_each']:.2f} | {row['milliseconds']:.3f} | {row['teraflops']:.1f} | {told} |"
        )
    all_of_them = sum(row["milliseconds"] for row in found)
    print(
        f"\nAll: {all_of_them:.2f} ms, {sum(map(best, found)):.2f} ms with warpgroups where they are faster (predicted, not run on a GPU)."
    )


if __name__ == "__main__":
    main()
