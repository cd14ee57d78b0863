"""Counting compilations, and what people see of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from numbacnn import compiling
from numbacnn_cli.compilations import compilations_shown
from numbacnn_cli.output import Output


def test_a_kernel_waits_for_those_it_calls():
    seen = []
    with compiling.watch(lambda counted: seen.append((counted.compiled, counted.under_way))) as counted:
        compiling.begin()
        compiling.begin()
        compiling.end()
        assert counted.seconds == 0
        compiling.end()
    assert seen == [(1, 1), (2, 2), (2, 1), (2, 0)]
    assert counted.seconds > 0
    compiling.begin()
    compiling.end()
    assert counted.compiled == 2


def test_a_thread_knows_whether_it_compiles_itself():
    compiling.begin()
    assert compiling.here()
    with ThreadPoolExecutor(1) as other:
        assert not other.submit(compiling.here).result()
    compiling.end()
    assert not compiling.here()


COUNT = """
import json, numpy as np
from numbacnn import compiling
with compiling.watch() as counted:
    from numbacnn.ops import joins
    from numbacnn.ops.compilation import loaded
    from numbacnn.ops.kernel_cache import cache_bytes
    empty = cache_bytes()
    for dtype in (np.float32, np.float32):
        joins.accumulate(np.zeros(3, dtype), np.ones(3, dtype))
print(json.dumps([counted.compiled, loaded(), empty, cache_bytes()]))
"""


def test_a_kernel_is_compiled_once_and_then_loaded(tmp_path: Path):
    environment = {**os.environ, "NUMBACNN_CACHE_DIR": str(tmp_path)}
    counts = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, env=environment, check=True)
        counts.append(json.loads(done.stdout))
    (compiled, loaded, before, after), again = counts
    assert (compiled, loaded, before) == (2, 0, 0)  # the loop's body, and what divides it among threads
    assert after > 1000
    assert again == [0, 1, after, after]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _one_kernel() -> None:
    compiling.begin()
    compiling.begin()
    compiling.end()
    compiling.end()


def _interrupted() -> None:
    with compilations_shown(Output()):
        _one_kernel()
        raise KeyboardInterrupt


def test_a_terminal_shows_a_count_and_at_the_end_what_it_took(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", stream := _Terminal())
    with compilations_shown(Output()):
        _one_kernel()
        during = stream.getvalue()
    shown = during.split("\r\x1b[K")
    assert shown == ["", "compiling kernels, once: 1", *["compiling kernels, once: 2"] * 2, ""]
    assert stream.getvalue().removeprefix(during).startswith("compiled 2 kernels in 0.0 s")


def test_bars_show_the_count_themselves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", stream := _Terminal())
    out = Output()
    with compilations_shown(out):
        with out.drawing():
            compiling.begin()
            assert out.status == "compiling kernels, once: 1"
            compiling.end()
            assert out.status == ""
        assert stream.getvalue() == ""


def test_elsewhere_there_are_two_lines(capsys: pytest.CaptureFixture[str]):
    with compilations_shown(Output(as_json=True)):
        _one_kernel()
        _one_kernel()
    shown = capsys.readouterr()
    assert shown.out == ""
    first, last = shown.err.splitlines()
    assert first == "compiling kernels, once"
    assert last == "compiled 4 kernels in 0.0 s; from now on they are loaded"


def test_a_command_that_compiles_nothing_or_fails_says_nothing(capsys: pytest.CaptureFixture[str]):
    with compilations_shown(Output()):
        pass
    assert capsys.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt):
        _interrupted()
    assert capsys.readouterr().err == "compiling kernels, once\n"
