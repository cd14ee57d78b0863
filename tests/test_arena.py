"""Where buffers lie that are not alive together."""

from __future__ import annotations

import numpy as np

from numbacnn.program.arena import ALIGNMENT, Block, layout


def test_blocks_alive_together_never_overlap():
    generator = np.random.default_rng(4)
    for _ in range(50):
        born = generator.integers(0, 20, 30)
        blocks = {
            index: Block(int(size), int(start), int(start + length))
            for index, (size, start, length) in enumerate(
                zip(generator.integers(0, 1000, 30), born, generator.integers(0, 8, 30), strict=True)
            )
        }
        offsets, total = layout(blocks)
        for one, a in blocks.items():
            assert offsets[one] % ALIGNMENT == 0
            assert offsets[one] + a.size <= total
            for other, b in blocks.items():
                if one < other and a.born <= b.dies and b.born <= a.dies and a.size and b.size:
                    apart = offsets[one] + a.size <= offsets[other] or offsets[other] + b.size <= offsets[one]
                    assert apart


def test_memory_is_used_again():
    blocks = {"a": Block(640, 0, 1), "b": Block(640, 1, 2), "c": Block(640, 2, 3), "d": Block(64, 0, 3)}
    offsets, total = layout(blocks)
    assert total == 2 * 640 + 64
    assert offsets["a"] == offsets["c"]
