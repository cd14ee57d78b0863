"""Figures are saved whole, say what made them and have letters for every name; whether they are pretty, people judge."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from figure_checks import LONG, check, pictures, rows
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from numbacnn.errors import UsageError
from numbacnn.figures import (
    Entry,
    attack_panel,
    confusion_matrix,
    epsilon_sweep,
    filter_mosaic,
    fonts,
    image_grid,
    layer_units,
    predictions,
    revolution_of_depth,
    saliency_panel,
    save,
    training_curves,
)
from numbacnn.figures.board import as_rgb, shortened, text_width


def test_nothing_imports_pyplot() -> None:
    code = (
        "import sys, numbacnn.figures; assert not {'matplotlib.pyplot', 'numba', 'h5py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)


@pytest.mark.parametrize(("name", "start"), [("f.png", b"\x89PNG"), ("f.SVG", b"<?xml"), ("f.pdf", b"%PDF")])
def test_save(tmp_path: Path, name: str, start: bytes) -> None:
    save(image_grid(pictures(3)), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save(image_grid(pictures(3), ["x", "y", "z"]), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_save_refuses_other_formats(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'\.pgn'; did you mean '\.png'"):
        save(image_grid(pictures(1)), tmp_path / "f.pgn")
    with pytest.raises(UsageError, match=r"known: \.pdf, \.png, \.svg"):
        save(image_grid(pictures(1)), tmp_path / "picture")


def test_what_cannot_be_drawn_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "f.png").write_bytes(b"old")
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="No space"):
        save(image_grid(pictures(1)), tmp_path / "f.png")
    assert (tmp_path / "f.png").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_pictures_of_any_kind_become_rgb() -> None:
    grey = np.array([[0.0, 0.5], [1.0, 2.0]])
    for image in (grey, grey[..., None], np.repeat(grey[..., None], 3, axis=2)):
        assert as_rgb(image)[..., 0].tolist() == [[0, 128], [255, 255]]
        assert as_rgb(image).shape == (2, 2, 3)


def test_text_is_shortened_to_what_fits() -> None:
    assert shortened("cat", 1.0, 8) == "cat"
    cut = shortened(LONG, 1.0, 8)
    assert cut.endswith("…")
    assert text_width(cut, 8) <= 1.0


@cache
def every_kind(provenance: str, names: tuple[str, ...] = ("cat", "dog")) -> list[Figure]:
    """A figure of each kind."""
    two, judged = pictures(2), [(names[0], 0.5)] * 2
    shares = np.array([[0.3, 0.7]] * 2)
    unit = SimpleNamespace(unit=0, activations=[1.0], patches=two[:1], reconstructions=[np.ones((8, 8, 3))])
    return [
        attack_panel(two, np.zeros((2, 8, 8, 3)), two, judged, judged, provenance=provenance),
        epsilon_sweep([0, 1 / 255], 0.9, [0.9, 0.1], [0.9, 0.2], names[0], provenance=provenance),
        confusion_matrix(np.eye(2, dtype=int), names, provenance=provenance),
        training_curves(rows(3), names[0], provenance=provenance),
        filter_mosaic(np.ones((3, 3, 3, 2)), title=names[0], provenance=provenance),
        image_grid(two, names, provenance=provenance),
        revolution_of_depth([Entry(name, 5.0, 8) for name in names], names[0], provenance=provenance),
        predictions(two, names, shares, names, provenance=provenance),
        saliency_panel(two, np.ones((2, 8, 8)), names, provenance=provenance),
        layer_units([unit], names[0], classes=[names[:1]], provenance=provenance),
    ]


PROVENANCE = "model runs/digits-001/model.h5 · rule guided · epsilon 8/255 · test pictures 0 to 3"


def test_every_figure_says_what_made_it(tmp_path: Path) -> None:
    plain = every_kind("")
    for number, figure in enumerate(every_kind(PROVENANCE)):
        check(figure)
        shown = " ".join(item.get_text() for item in figure.findobj(Text))
        assert PROVENANCE in " ".join(shown.split()), number
        assert figure.get_figheight() > plain[number].get_figheight()
        if number > 2:
            continue  # all are saved alike
        save(figure, tmp_path / "f.png")
        with Image.open(tmp_path / "f.png") as file:
            assert file.text["Description"] == PROVENANCE
            assert file.text["Software"].startswith("numbacnn ")
    save(every_kind(PROVENANCE)[2], tmp_path / "f.svg")
    assert f"<dc:description>{PROVENANCE}</dc:description>" in (tmp_path / "f.svg").read_text(
        encoding="utf-8"
    )
    save(filter_mosaic(np.ones((3, 3, 3, 2)), title="conv1", provenance="model m.h5"), tmp_path / "f.pdf")
    written = (tmp_path / "f.pdf").read_bytes()
    assert b"/Title (conv1)" in written
    assert b"/Subject (model m.h5)" in written


def test_letters_stay_letters(tmp_path: Path) -> None:
    for figure in every_kind(PROVENANCE, ("cat of nine tails", "dog"))[
        1::4
    ]:  # charts, and what is placed in inches
        save(figure, tmp_path / "f.svg")
        save(figure, tmp_path / "f.pdf")
        assert "cat of nine tails" in (tmp_path / "f.svg").read_text(encoding="utf-8")
        written = (tmp_path / "f.pdf").read_bytes()
        assert b"/CIDFontType2" in written  # TrueType, which matplotlib embeds as Type 42
        assert b"/Type3" not in written


def test_figures_show_themselves_in_notebooks() -> None:
    for figure in every_kind(PROVENANCE)[:2]:  # which all do alike
        shown = Image.open(io.BytesIO(figure._repr_png_()))
        assert shown.format == "PNG"
        assert shown.width == round(figure.get_figwidth() * figure.dpi)


# fonts


@pytest.fixture
def _no_font_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_said", [])
    fonts._fallbacks.cache_clear()


@pytest.mark.usefixtures("_no_font_is_known")
def test_missing_characters_are_said_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "_installed", list)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for figure in every_kind("model 猫.h5", ("猫", "고양이"))[::2]:
            check(figure)
        save(figure, tmp_path / "f.png")
    said = [str(warning.message) for warning in caught]
    assert len(said) == 1, said
    assert "no font of this system has '" in said[0]
    assert "Noto Sans CJK" in said[0]
    fonts._fallbacks.cache_clear()


@pytest.mark.usefixtures("_no_font_is_known")
def test_a_font_that_has_the_characters_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    has = {"one": "猫", "two": "猫犬", "three": "いぬ"}
    monkeypatch.setattr(fonts, "_installed", lambda: [(name, name) for name in has])
    monkeypatch.setattr(fonts, "_characters", lambda path: frozenset(map(ord, has[path])))
    usual = fonts.families("cat")
    assert fonts.families("é ∂ · β") == usual
    assert fonts.families("猫") == (*usual, "one")
    assert fonts.families("a 犬 and a 猫") == (*usual, "two")
    assert fonts.families("猫犬いぬ") == (*usual, "two", "three")
    fonts._fallbacks.cache_clear()


def test_unicodes_font_of_boxes_counts_as_none() -> None:
    assert not any(name.startswith(fonts.LAST_RESORT) for name, _ in fonts._installed())


# text


@pytest.mark.parametrize("dpi", [70, 90, 200])
def test_lines_that_fill_the_width_fit_at_any_number_of_dots(dpi: int) -> None:
    said = "in brackets: distance of the layer's output, of its length, seed 0; rate 0.05; " * 4
    figure = image_grid(pictures(6), ["a"] * 6, 3, "A title", side=2.0, provenance=said)
    figure.set_dpi(dpi)
    check(figure)
