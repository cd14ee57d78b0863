"""The plans of products that a tuning run has measured on this GPU, kept in a small file in the cache beside the kernels; a
product that it does not name is laid out by the model (plan.py).

Which plan a product takes decides in which order its sums are added: results are the same bits in every run with the same
file, and may differ in their last bits from those without one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...kernel_cache import cache_folder
from .plan import Plan, part_depth_of
from .tile import TILES, WARPGROUP_TILES

_FORMAT = 1


class Shape(NamedTuple):
    """Of products C (rows, columns) over a depth, `groups` of them at once."""

    rows: int
    columns: int
    depth: int
    groups: int = 1

    @property
    def size(self) -> int:
        """Elements of C."""
        return self.rows * self.columns * self.groups

    def __str__(self) -> str:
        return "x".join(map(str, self))


class Choice(NamedTuple):
    """A tile's name, and the parts that the sum over the depth is cut into."""

    tile: str
    parts: int

    def plan(self, depth: int) -> Plan:
        part_depth = depth if self.parts == 1 else part_depth_of(depth, self.parts)
        return Plan(_TILES[self.tile], self.parts, part_depth)


_TILES = {tile.name: tile for tile in (*TILES, *WARPGROUP_TILES)}


def key_of(name: str, shape: Shape, precision: str) -> str:
    """What tells a product apart in a table."""
    return f"{name} {precision} {shape}"


class _Table:
    """The open GPU's: its name, its file (None: there is no folder for one), and the plans in it by `key_of`."""

    def __init__(self, gpu: str = "", file: Path | None = None) -> None:
        self.gpu, self.file = gpu, file
        self.plans: Mapping[str, Choice] = {} if file is None else _read(file)


class _Open:
    table = _Table()


def use_table_of(gpu: str) -> None:
    """Takes the table of the GPU of that name, if there is one: one that cannot be read, or is of other kernels, is ignored
    with a warning.
    """
    folder = cache_folder()
    name = re.sub(r"[^A-Za-z0-9]+", "-", gpu).strip("-").lower()
    _Open.table = _Table(gpu, folder and folder.parent.parent / "tuned" / f"{name}.json")


def table_in_use() -> tuple[Path | None, int]:
    """Its file (None: there is no folder for one), and how many plans of it are in use."""
    return _Open.table.file, len(_Open.table.plans)


def _read(file: Path) -> dict[str, Choice]:
    reason = "it is no table of tuned plans"
    try:
        if not file.exists():
            return {}
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["kernels"] == _version():
            return _checked(content["plans"])
        reason = "it was measured with the kernels of another version"
    except OSError as error:
        reason = str(error)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    warnings.warn(
        f"the tuned plans in {file} are ignored: {reason}; 'numbacnn tune --device cuda' writes new ones",
        stacklevel=2,
    )
    return {}


def _checked(plans: Any) -> dict[str, Choice]:
    found = {str(key): Choice(tile, parts) for key, (tile, parts) in plans.items()}
    for key, (tile, parts) in found.items():
        if tile not in _TILES or type(parts) is not int or parts < 1:
            raise ValueError(f"no plan: {tile} {parts}")
        if _TILES[tile].by_warpgroups and key.split()[1:2] == ["float32"]:
            raise ValueError(f"no plan of float32: {tile}")
    return found


def _version() -> str:
    """Of the kernels, and of this file's format."""
    folder = cache_folder()
    return f"{_FORMAT} {folder.name if folder else ''}"


def tuned(name: str, shape: Shape, room: float, precision: str) -> Plan | None:
    """The plan that was found fastest; None where none was measured, or where its parts take more than `room` elements."""
    choice = _Open.table.plans.get(key_of(name, shape, precision))
    if choice is None or (choice.parts > 1 and choice.parts * shape.size > room):
        return None
    return choice.plan(shape.depth)


def keep(plans: Mapping[str, Choice]) -> Path:
    """Adds measured plans to the open GPU's table, in place of earlier ones of the same products, and takes it into use; returns
    its file. Raises OSError if it cannot be written.
    """
    table = _Open.table
    if table.file is None:
        raise FileNotFoundError("there is no home, and so no folder to keep a table of tuned plans in")
    merged = {key: list(choice) for key, choice in sorted({**table.plans, **plans}.items())}
    content = {"kernels": _version(), "gpu": table.gpu, "plans": merged}
    table.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = table.file.with_name(f".{table.file.name}.{secrets.token_hex(4)}")
    try:
        written.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(written, table.file)
    finally:
        written.unlink(missing_ok=True)
    use_table_of(table.gpu)
    return table.file
