from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from numbacnn_cli.output import Output
from numbacnn_cli.preview import HalfBlocks, fitted, preview


class Screen(io.StringIO):
    encoding = "utf-8"


def terminal(**options: object) -> Output:
    out = Output()
    settings = {
        "force_terminal": True,
        "color_system": "truecolor",
        "width": 40,
        "height": 12,
        "_environ": {},
    }
    out.console = Console(file=Screen(), **{**settings, **options})  # type: ignore[arg-type, assignment]
    return out


def shown(out: Output) -> str:
    return out.console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_two_pixels_a_character() -> None:
    out = terminal()
    pixels = np.array([[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]]], np.uint8)
    out.console.print(HalfBlocks(Image.fromarray(pixels)))
    upper, lower = shown(out).splitlines()
    assert upper.startswith("\x1b[38;2;1;2;3;48;2;4;5;6m▀")
    assert lower.startswith("\x1b[38;2;7;8;9m▀")


@pytest.mark.parametrize(
    ("size", "expected"),
    [((10, 10), (30, 30)), ((40, 16), (40, 16)), ((400, 100), (40, 10)), ((1, 900), (1, 32))],
)
def test_size(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fitted(Image.new("RGB", size), 40, 32).size == expected


def test_it_fits_the_terminal() -> None:
    out = terminal()
    preview(np.zeros((500, 900, 3), np.uint8), out)
    lines = shown(out).splitlines()
    assert len(lines) <= 12
    assert max(line.count("▀") for line in lines) <= 40


@pytest.mark.parametrize(
    "options",
    [{"force_terminal": False}, {"color_system": None}, {"no_color": True}, {"_environ": {"TERM": "dumb"}}],
)
def test_nothing_where_nobody_could_see_it(options: dict[str, object]) -> None:
    out = terminal(**options)
    preview(np.zeros((4, 4, 3), np.uint8), out)
    assert shown(out) == ""


def test_nothing_with_json() -> None:
    out = terminal()
    out.as_json = True
    preview(np.zeros((4, 4, 3), np.uint8), out)
    assert shown(out) == ""


def test_a_file(tmp_path: object) -> None:
    out = terminal()
    path = f"{tmp_path}/a.png"
    Image.new("L", (4, 4), 200).save(path)
    preview(path, out)
    assert "38;2;200;200;200" in shown(out)
