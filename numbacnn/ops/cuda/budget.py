"""What a kernel may take of the GPU: written beside each kernel, held by the tests that compile without a GPU."""

from __future__ import annotations

from typing import NamedTuple


class Budget(NamedTuple):
    """The most that a kernel takes for any of the compute capabilities it is compiled for: registers of a thread, bytes
    of static shared memory of a block; and the least shares of FFMA and of HMMA, which tensor cores execute, among the
    instructions of its longest loop, and how many HGMMA, whole warpgroups' products, are in it at least.
    """

    registers: int
    shared_bytes: int
    ffma_share: float = 0.0
    hmma_share: float = 0.0
    hgmma: int = 0
