from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from contextlib import suppress

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


def test_blocks_show_the_smaller_picture() -> None:
    out = terminal()
    preview(np.zeros((500, 900, 3), np.uint8), out, blocks=np.full((4, 4, 3), 200, np.uint8))
    assert "38;2;200;200;200" in shown(out)
    assert "38;2;0;0;0" not in shown(out)


SIXEL, NO_SIXEL, KITTY = b"\x1b[?62;4;22c", b"\x1b[?62;22c", b"\x1b_Gi=1;OK\x1b\\"
"""What terminals answer when they are asked what they are, and whether they know kitty's graphics."""


@pytest.mark.skipif(sys.platform != "linux", reason="terminals keep answers for later in ways of their own")
@pytest.mark.parametrize(
    ("answers", "drawn"),
    [
        (SIXEL, b"\x1bP0;0;0q"),
        (NO_SIXEL + KITTY, b"\x1b_Ga=p"),
        (NO_SIXEL, "▀".encode()),
        (b"", "▀".encode()),
    ],
    ids=["sixel", "kitty", "neither", "silent"],
)
def test_a_terminal_gets_the_graphics_that_it_knows(answers: bytes, drawn: bytes) -> None:
    pytest.importorskip("textual_image", reason="the extra 'terminal' is not installed")
    said = in_a_terminal(answers, (24, 80, 800, 480))
    assert drawn in said
    assert said.count(b"end") == 1


def test_a_terminal_of_unknown_size_gets_half_blocks() -> None:
    assert "▀".encode() in in_a_terminal(SIXEL, (0, 0, 0, 0))


def in_a_terminal(answers: bytes, size: tuple[int, int, int, int]) -> bytes:
    """What `preview` writes to a terminal of a size (rows, columns, pixels across and down) that answers so."""
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))
    program = (
        "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "import numpy as np; from numbacnn_cli.output import Output; from numbacnn_cli.preview import preview; "
        "preview(np.zeros((40, 40, 3), np.uint8), Output()); print('end', flush=True)"
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", *size))
    os.write(ours, answers)  # they wait until they are read, however slow this machine is
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "PYTHONIOENCODING": "utf-8",
    }
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    with suppress(OSError):  # Linux ends a terminal that nobody has open with an error
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    assert child.wait() == 0
    return said
