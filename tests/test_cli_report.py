from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.data import Dataset
from numbacnn.data.pictures import save
from numbacnn.storage import load_model, save_model
from numbacnn.training import evaluate
from numbacnn_cli import ownership
from numbacnn_cli.__main__ import main
from numbacnn_cli.pages import Section, figure, page, paragraph, pictures, table
from numbacnn_cli.runs import PACKAGED_MODEL

ALL = [
    "What it is",
    "How it learned",
    "What it gets wrong",
    "What it has learned to see",
    "How its layers do",
    "What breaks it",
    "To make it again",
]
NASTY = "<script>alert('x')</script>&\u202e\x07"


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["report", *map(str, arguments), "--json"]) == code
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def parsed(text: str) -> Any:
    """The page's tree. Fails for what is no valid HTML."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def needs_nothing_else(text: str) -> None:
    tree = parsed(text)
    for element in tree.iter():
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            value = element.get(name, "")
            assert value == "" or value.startswith(("data:image/", "#")), (element.tag, name, value[:80])
    assert not re.search(r"url\(|@import", text)
    assert "default-src 'none'" in text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run's folder with the model of the package, and the report on it."""
    folder = tmp_path_factory.mktemp("runs") / "digits-001"
    folder.mkdir()
    shutil.copy(PACKAGED_MODEL, folder / "model.h5")
    (folder / "config.toml").write_text('data = "digits"\nepochs = 2\nnote = "<b>&"\n', "utf-8")
    (folder / "metrics.csv").write_text(
        "epoch,learning_rate,train_loss,train_top1_error,validation_loss,validation_top1_error,seconds,rolled_back\n"
        "1,0.01,1.5,0.5,1.2,0.4,3.5,False\n2,0.01,0.5,0.1,0.6,0.2,3.5,True\n"
    )
    output = folder.parent / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *said, **_: printed.append(str(said[0]) if said else ""))
        assert main(["report", str(folder), "--data", "digits", "--output", str(output), "--json"]) == 0
    return output, next(json.loads(line) for line in printed if line.startswith("{"))


def test_the_whole_page(made: tuple[Path, dict[str, Any]]) -> None:
    path, result = made
    text = path.read_text("utf-8")
    assert result["report"] == str(path)
    assert result["sections"] == ALL
    assert result["bytes"] == path.stat().st_size < 10_000_000
    needs_nothing_else(text)
    tree = parsed(text)
    assert [heading.text for heading in tree.iter("h2")] == ALL
    images = list(tree.iter("img"))
    assert len(images) >= 8
    assert all(len(image.get("alt", "")) > 15 for image in images)
    names = {element.get("id") for element in tree.iter() if element.get("id")}
    assert {link.get("href") for link in tree.iter("a")} <= {f"#{name}" for name in names}
    assert "2 epochs; the last training loss is 0.5, the best validation error 20.00%, in epoch 2" in text
    assert "note = &quot;&lt;b&gt;&amp;&quot;" in text
    assert ownership.look(path).ours == ownership.PAGE


def test_its_errors_are_those_of_eval(made: tuple[Path, dict[str, Any]]) -> None:
    network, _ = load_model(PACKAGED_MODEL)
    measured = evaluate(network, Dataset.open("digits").test)
    assert made[1]["top1_error"] == pytest.approx(measured.top1_error)
    assert made[1]["top5_error"] == pytest.approx(measured.top5_error)


@pytest.mark.slow
def test_a_browser_asks_for_nothing(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    probe = (
        "<script>addEventListener('load', () => { document.title = 'asked for ' + "
        "performance.getEntriesByType('resource').filter(each => !each.name.startsWith('data:')).length + "
        "', broken ' + [...document.images].filter(each => !each.naturalWidth).length + "
        "', too wide ' + (document.documentElement.scrollWidth > innerWidth) })</script>"
    )
    text = made[0].read_text("utf-8").replace("; base-uri", "; script-src 'unsafe-inline'; base-uri", 1)
    (tmp_path / "page.html").write_text(text.replace("</body>", f"{probe}</body>"), "utf-8")
    for width in (1200, 500):
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
        ]
        options += [f"--window-size={width},900", "--dump-dom", (tmp_path / "page.html").as_uri()]
        shown = subprocess.run([browser, *options], capture_output=True, text=True, timeout=120, check=True)
        assert "<title>asked for 0, broken 0, too wide false</title>" in shown.stdout


def test_without_pictures(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    names = [NASTY, *map(str, range(9))]
    save_model(Path("model.h5"), build("digits", class_names=names), record={"network": NASTY})
    assert main(["report", "model.h5"]) == 0
    assert "most sections are left out" in capsys.readouterr().err
    result = run(capsys, "--model", "model.h5")
    assert result["sections"] == ["What it is", "What it has learned to see", "To make it again"]
    assert (result["report"], result["data"], result["top1_error"]) == ("report.html", None, None)
    text = Path("report.html").read_text("utf-8")
    needs_nothing_else(text)
    assert "<script" not in text
    assert "\u202e" not in text


def test_pictures_without_classes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for index in range(3):
        save(f"photos/{index}.png", np.random.default_rng(index).integers(0, 256, (8, 8, 1), np.uint8))
    result = run(capsys, "--model", PACKAGED_MODEL, "--data", "photos")
    assert result["sections"] == [
        "What it is",
        "What it has learned to see",
        "What breaks it",
        "To make it again",
    ]
    assert result["top1_error"] is None
    needs_nothing_else(Path("report.html").read_text("utf-8"))


def test_a_page_of_somebody_else_stays(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(Path("model.h5"), build("digits"), record={})
    Path("report.html").write_text("<!DOCTYPE html><title>mine</title>")
    assert run(capsys, "--model", "model.h5")["report"] == "report-2.html"
    assert run(capsys, "--model", "model.h5", "--output", "report-2.html")["report"] == "report-2.html"
    assert Path("report.html").read_text() == "<!DOCTYPE html><title>mine</title>"
    message = run(capsys, "--model", "model.h5", "--output", "report.pdf", code=2)["error"]["message"]
    assert "a page cannot be written as '.pdf'" in message


def test_what_comes_from_elsewhere_is_escaped() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    from numbacnn.figures import image_grid

    elements = [
        paragraph(NASTY),
        table([NASTY], [[NASTY]], NASTY),
        pictures([(image, f'"{NASTY}"', NASTY)]),
        figure(image_grid(image[None]), f'"{NASTY}"'),
    ]
    text = page(NASTY, NASTY, [Section(NASTY, "one", elements), Section("two", "two", [])])
    needs_nothing_else(text)
    assert "<script" not in text
    assert "\x07" not in text
