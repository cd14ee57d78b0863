"""Which convolutions take Winograd's tiles on a GPU in float32, and how long they should take so, without one.

    python tools/winograd_plans.py [NETWORK...] [--batch-size 256] [--size N] [--clock 1.755]

For each pass of each convolution that has 3x3 or 5x5 filters of stride 1: the tiles that it takes by itself, if any, and
milliseconds in these tiles and as a product of patches, with all that belongs to them, by the model that chooses
(numbacnn/ops/cuda/winograd/tiling.py). `numbacnn bench NETWORK --device cuda --layers` has the measured ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import get_args

from numbacnn import architectures
from numbacnn.layers import Convolution
from numbacnn.ops.convolution.tiles import suits
from numbacnn.ops.cuda.winograd.tiling import Pass, cycles_of, cycles_of_patches, quickest

Row = tuple[str, str, str, float, float]
"""(layer, pass, tiles, cycles of the way that is taken, cycles of the product of patches)."""


def rows(name: str, count: int, size: int | None) -> Iterator[Row]:
    shape = None if size is None else (size, size, 3)
    graph = architectures.build(name, input_shape=shape, initialise=None).graph
    for node in graph.nodes:
        layer = node.layer
        if not isinstance(layer, Convolution):
            continue
        inputs, output = graph.input_shapes(node)[0], graph.shapes[node.name]
        window = layer.window(inputs)
        assert window is not None
        x, y = (count, *inputs), (count, *output)
        if not suits(4, inputs[2], output[2], window, layer.groups):
            continue
        acts: tuple[Pass, ...] = get_args(Pass)
        for act in acts:
            patches, job = cycles_of_patches(act, x, y, window), quickest(act, x, y, window, layer.groups)
            if job is None:
                yield f"{name} {node.name}", act, "", patches, patches
            else:
                own = job.tiling.size
                yield f"{name} {node.name}", act, f"{own}x{own}", cycles_of(job, x, y), patches


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", default=["alexnet"])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--size", type=int, metavar="N", help="pictures of NxN in place of the network's own")
    parser.add_argument("--clock", type=float, default=1.755, help="GHz of the GPU")
    options = parser.parse_args()
    if options.batch_size < 1 or not options.clock > 0:
        parser.error("--batch-size and --clock: numbers above 0 are expected")
    print("| layer | pass | tiles | ms | of patches |")
    print("|---|---|---|--:|--:|")
    all_taken = all_patches = 0.0
    for name in options.networks:
        for layer, act, tiles, taken, patches in rows(name, options.batch_size, options.size):
            own, other = (1e-6 * cycles / options.clock for cycles in (taken, patches))
            all_taken, all_patches = all_taken + own, all_patches + other
            print(f"| {layer} | {act} | {tiles} | {own:.3f} | {other:.3f} |")
    print(f"| all | | | {all_taken:.3f} | {all_patches:.3f} |")


if __name__ == "__main__":
    main()
