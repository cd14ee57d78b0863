"""The commands about networks in general: which have names, and how they became deep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from numbacnn.architectures import ARCHITECTURES
from numbacnn_cli.__main__ import main


def test_networks_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["networks", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["networks"]}
    assert rows.keys() == ARCHITECTURES.keys()
    googlenet = rows["googlenet"]
    assert (googlenet["year"], googlenet["input"], googlenet["classes"]) == (2014, [224, 224, 3], 1000)
    assert (googlenet["parameters"], googlenet["top5_error"]) == (13_378_280, 10.07)
    assert rows["resnet-20"]["top5_error"] is rows["resnet-20"]["source"] is None
    assert all(bool(row["source"]) == bool(row["top5_error"]) for row in rows.values())
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["networks"]) == 0
    lines = capsys.readouterr().out.splitlines()[: len(rows) + 1]
    assert max(map(len, lines)) <= 60
    assert any(line.split()[0] == "vgg-19-bn" and "143,678,248" in line for line in lines)


def test_the_revolution_of_depth_is_drawn_where_other_figures_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for expected in ("depth.png", "depth.png", "other.png"):
        given = [] if expected == "depth.png" else ["--output", expected]
        assert main(["viz", "depth", *given, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert Path(result["figure"]).name == expected
        assert [entry["layers"] for entry in result["entries"]] == [0, 0, 8, 8, 19, 22, 152]
        with Image.open(expected) as picture:
            assert "ILSVRC" in picture.text["Description"] or "ImageNet" in picture.text["Description"]  # type: ignore[attr-defined]
    Path("mine.png").write_text("not a figure", encoding="utf-8")
    assert main(["viz", "depth", "--output", "mine.png"]) == 0
    assert Path("mine.png").read_text(encoding="utf-8") == "not a figure"
    assert Path("mine-2.png").exists()
    assert main(["viz", "depth", "--output", "depth.gif"]) == 2
    assert "depth.gif" in capsys.readouterr().err
