"""Tables on narrow terminals: whole columns go, no digit does."""

from __future__ import annotations

import re
from typing import Any

import pytest

from numbacnn_cli.__main__ import main
from numbacnn_cli.output import Output
from numbacnn_cli.tables import Column, fitting

HEADERS = ["network", "batch", "training, images/s", "forward, images/s"]
ROW = ["a network with a long name", "64", "12,345", "1,234,567"]


def columns(**importances: int) -> list[Column]:
    return [
        Column(name, ["1,234,567"], numbers=True, importance=importance)
        for name, importance in importances.items()
    ]


def test_the_least_important_columns_go_first() -> None:
    wide = columns(a=0, b=1, c=3, d=2)  # nine columns of the terminal each, two between them
    assert [column.header for column in fitting(wide, 42)[0]] == ["a", "b", "c", "d"]
    kept, left_out = fitting(wide, 41)
    assert [column.header for column in kept] == ["a", "b", "d"]
    assert [column.header for column in left_out] == ["c"]
    assert [column.header for column in fitting(wide, 20)[0]] == ["a", "b"]
    assert [column.header for column in fitting(wide, 3)[0]] == ["a"]


def test_words_fold_before_a_column_goes() -> None:
    words = Column("words", ["many words that take a lot of room"], importance=1)
    numbers = Column("number", ["1,234"], numbers=True)
    assert len(fitting([numbers, words], 24)[0]) == 2
    assert len(fitting([numbers, words], 23)[0]) == 1
    names = words._replace(folds=False)
    assert len(fitting([numbers, names], 41)[0]) == 1


def test_wide_characters_count_twice() -> None:
    assert Column("", ["猫犬"]).widest == 4


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80])
def test_a_table_loses_no_digit(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    Output().table(HEADERS, [ROW], last_to_drop=HEADERS[2:3])
    table, _, note = capsys.readouterr().out.partition("left out")
    assert "…" not in table
    assert max(len(line.rstrip()) for line in table.splitlines()) <= max(width, 38)
    assert "12,345" in table
    for header, value in zip(HEADERS, ROW, strict=True):
        if header != "network":
            assert (value in table) != (header in note)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("network", ["alexnet", "cifar-quick"])
def test_a_summary_fits_and_its_numbers_are_whole(
    network: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from numbacnn import architectures, summarise

    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["summary", network]) == 0
    shown = capsys.readouterr().out
    table = shown.split("left out")[0] if "left out" in shown else "\n".join(shown.splitlines()[:-1])
    assert "…" not in table
    assert max(len(line.rstrip()) for line in table.splitlines()) <= width
    result: Any = summarise(architectures.build(network, initialise=None))
    found = set(re.findall(r"[\dx,]+", table))
    assert {f"{layer.parameters:,}" for layer in result.layers if layer.parameters} <= found
    assert {"x".join(map(str, layer.output)) for layer in result.layers} <= found
