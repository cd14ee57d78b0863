"""How the matrix products of a training step are laid out on a GPU, and how long they should take in float32, without one.

    python tools/product_plans.py [NETWORK...] [--batch-size 256] [--clock 1.755] [--json]

For each convolution and dense layer, forward, input gradient and weight gradient: the tile, the parts that the sum over
the depth is cut into, the blocks for each of 132 multiprocessors, milliseconds and TFLOP/s by the model that chooses them
(numbacnn/ops/cuda/product/plan.py). `numbacnn bench NETWORK --device cuda --layers` has the measured ones.
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
from numbacnn.ops.cuda.product.plan import MULTIPROCESSORS, cycles, plan_of

Product = tuple[str, int, int, int, int, bool]
"""(pass, rows, columns, depth, groups, whether its sum may be cut into parts)."""


def products(node: Node, count: int, inputs: tuple[int, ...], output: tuple[int, ...]) -> list[Product]:
    """The three products of a layer for `count` pictures; none of a layer without weights."""
    layer = node.layer
    if isinstance(layer, Dense):
        depth, filters = inputs[0], output[0]
        shapes = (count, filters, depth), (count, depth, filters), (depth, filters, count)
        groups, divided = 1, (True, True, True)
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
    return [(name, *shape, groups, cut) for name, shape, cut in zip(names, shapes, divided, strict=True)]


def rows(name: str, count: int, gigahertz: float) -> Iterator[dict[str, Any]]:
    graph = architectures.build(name, initialise=None).graph
    for node in graph.nodes:
        own = products(
            node, count, graph.input_shapes(node)[0] if node.inputs else (), graph.shapes[node.name]
        )
        for act, height, width, depth, groups, cut in own:
            plan = plan_of(height, width, depth, groups, math.inf if cut else 0)
            blocks = groups * plan.parts * -(-height // plan.tile.rows) * -(-width // plan.tile.columns)
            seconds = cycles(height, width, groups, plan) / (gigahertz * 1e9)
            yield {
                "network": name,
                "layer": node.name,
                "pass": act,
                "rows": height,
                "columns": width,
                "depth": depth,
                "tile": plan.tile.name,
                "parts": plan.parts,
                "blocks_each": blocks / MULTIPROCESSORS,
                "milliseconds": 1e3 * seconds,
                "teraflops": 2e-12 * groups * height * width * depth / seconds,
            }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", default=["vgg-small"])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--clock", type=float, default=1.755, help="GHz of the GPU")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if options.batch_size < 1 or not options.clock > 0:
        parser.error("--batch-size and --clock: numbers above 0 are expected")
    found = [row for name in options.networks for row in rows(name, options.batch_size, options.clock)]
    if options.json:
        print(json.dumps({"products": found}))
        return
    print("| layer | pass | rows x columns x depth | tile | parts | blocks each | ms | TFLOP/s |")
    print("|---|---|---|---|--:|--:|--:|--:|")
    for row in found:
        print(
            f"| {row['network']} {row['layer']} | {row['pass']} | {row['rows']} x {row['columns']} x {row['depth']} | "
            f"{row['tile']} | {row['parts']} | {row['blocks_each']:.2f} | {row['milliseconds']:.3f} | {row['teraflops']:.1f} |"
        )


if __name__ == "__main__":
    main()
