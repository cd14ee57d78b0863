"""Where commands write: never over what they read, what is of another kind, or what somebody else made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from numbacnn import figures
from numbacnn.architectures import build
from numbacnn.data.pictures import save
from numbacnn.errors import NumbacnnError, UsageError
from numbacnn.figures.saving import FORMATS
from numbacnn.provenance import CHANGED_PICTURE
from numbacnn.replacing import replacing
from numbacnn.storage import save_model
from numbacnn_cli import ownership
from numbacnn_cli.claims import held_until_the_end
from numbacnn_cli.destination import DATA_SET, FIGURE, Destination, safe_name
from numbacnn_cli.output import Output

GREY = np.full((4, 5, 1), 128, np.uint8)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with held_until_the_end():
        yield


def destination(*reads: str, force: bool = False) -> Destination:
    return Destination(Output(), reads=map(Path, reads), force=force)


def written(name: str, by: str = "") -> Path:
    save(name, GREY, software=by)
    return Path(name)


def figure(name: str) -> Path:
    figures.save(Figure(), name)
    return Path(name)


def test_the_command_writes_what_figures_can_be_written_as() -> None:
    assert FIGURE.suffixes == tuple(FORMATS)


@pytest.mark.parametrize("suffix", FIGURE.suffixes)
def test_a_figure_of_ours_is_replaced(suffix: str) -> None:
    path = figure(f"a{suffix}")
    assert ownership.look(path) == (suffix, ownership.FIGURE)
    assert destination().output(path) == path
    assert destination().default("a", suffix) == path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", None),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.pdf", b"%PDF-1.4 /Creator (somebody)"),
    ],
)
def test_somebody_elses_is_replaced_only_by_force(
    name: str, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(name)
    written(name) if content is None else path.write_bytes(content)
    other = path.with_stem("a-2")
    assert destination().output(path) == destination().default("a", path.suffix) == other
    said = capsys.readouterr().err.splitlines()
    assert said[0] == (
        f"warning: {name} is there and was not written by numbacnn (--force replaces it): the figure goes to {other}"
    )
    assert destination(force=True).output(path) == path


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xd8\xff\xe0 JPEG", "is no figure as .png"), (b"notes", "is no figure as .png")],
)
def test_another_kind_stays(
    content: bytes, words: str, force: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.png").write_bytes(content)
    assert destination(force=force).output(Path("a.png")) == Path("a-2.png")
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("force", [False, True])
def test_a_changed_picture_is_no_figure(force: bool, capsys: pytest.CaptureFixture[str]) -> None:
    path = written("a.png", CHANGED_PICTURE)
    assert destination(force=force).output(path) == Path("a-2.png")
    assert "a.png is a picture that numbacnn changed" in capsys.readouterr().err


@pytest.mark.parametrize("force", [False, True])
def test_a_data_set_goes_over_no_model(force: bool, capsys: pytest.CaptureFixture[str]) -> None:
    save_model("model.h5", build("digits"), record={})
    assert destination(force=force).named(Path("model.h5"), DATA_SET) == Path("model-2.h5")
    assert (
        capsys.readouterr().err == "warning: model.h5 is a trained model: the data set goes to model-2.h5\n"
    )


def _same_name(path: Path) -> Path:
    return path


def _symbolic(path: Path) -> Path:
    Path("other.png").symlink_to(path)
    return Path("other.png")


def _hard(path: Path) -> Path:
    Path("other.png").hardlink_to(path)
    return Path("other.png")


def _detour(path: Path) -> Path:
    Path("folder").mkdir()
    return Path("folder", "..", path)


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
@pytest.mark.parametrize("way", [_same_name, _symbolic, _hard, _detour])
def test_what_is_read_is_never_written(way: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(way)
    given = way(figure("a.png"))  # ours, and by force: read all the same
    assert destination("a.png", force=True).output(given) == given.with_stem(f"{given.stem}-2")
    assert "is read by this command" in capsys.readouterr().err


def test_a_file_in_a_folder_that_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    figure("mine/a.png")
    assert destination("mine", force=True).output(Path("mine/a.png")) == Path("mine/a-2.png")
    assert destination("mine").output(Path("mine/new.png")) == Path("mine/new.png")


def test_an_empty_file_holds_nothing() -> None:
    Path("a.png").touch()  # as mktemp leaves it
    assert destination().output(Path("a.png")) == Path("a.png")


def test_one_command_writes_no_file_twice() -> None:
    to = destination()
    assert to.output(Path("a.png")) == Path("a.png")
    assert to.default("a") == Path("a-2.png")
    assert to.beside(Path("a.png"), "2") == Path("a-2-2.png")


def test_a_protected_figure_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = figure("a.png")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert destination().output(path) == Path("a-2.png")
    assert "a.png is write-protected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a.gif", "--output a.gif: a figure cannot be written as '.gif'; known: .pdf, .png, .svg"),
        ("a", "--output a: a figure cannot be written as ''"),
        ("none/a.png", "--output none/a.png: there is no folder none"),
        (".", "--output . is a folder; name the figure's file too"),
        ("folder.png", "--output folder.png is a folder"),
        (f"{'n' * 300}.png", "cannot be written: File name too long"),
        ("a\0.png", "no file can have that name"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(given: str, words: str) -> None:
    Path("folder.png").mkdir()
    with pytest.raises(UsageError) as error:
        destination().output(Path(given))
    assert words in str(error.value)
    assert os.listdir() == ["folder.png"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs rights that can be missing"
)
def test_a_folder_without_the_right_to_write() -> None:
    Path("locked").mkdir(mode=0o500)
    with pytest.raises(UsageError, match=r"--output locked/a.png cannot be written: Permission denied"):
        destination().output(Path("locked/a.png"))


def test_no_right_to_write_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match=r"^--output a.png cannot be written: Permission denied$"):
        destination().output(Path("a.png"))
    with pytest.raises(NumbacnnError, match=r"^a.png cannot be written: Permission denied; --output names"):
        destination().default("a")


def test_an_error_while_writing_names_the_file_that_was_asked_for() -> None:
    def fails(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with pytest.raises(OSError, match="No space left") as error, replacing(Path("a.png")) as partial:
        fails(partial)
    assert error.value.filename == "a.png"


def test_the_longest_name_can_be_written() -> None:
    path = Path(f"{'n' * 251}.png")
    assert destination().output(path) == path
    assert figure(str(path)).stat().st_size


def test_a_folder_of_an_earlier_attack_is_written_anew(capsys: pytest.CaptureFixture[str]) -> None:
    Path("fgsm").mkdir()
    for name in ("a", "b"):
        written(f"fgsm/{name}.png", CHANGED_PICTURE)
    Path("fgsm/.DS_Store").touch()
    to = destination()
    folder = to.folder(None, Path("fgsm"))
    assert folder == Path("fgsm")
    to.empty(folder)
    assert os.listdir("fgsm") == [".DS_Store"]
    assert to.picture(folder, "a") == Path("fgsm/a.png")
    assert to.picture(folder, "a") == Path("fgsm/a-2.png")  # of two that have one name


@pytest.mark.parametrize("other", ["mine.png", "notes.txt", "folder"])
def test_a_folder_with_anything_else_stays(other: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("fgsm").mkdir()
    old = written("fgsm/a.png", CHANGED_PICTURE)
    path = Path("fgsm", other)
    path.mkdir() if other == "folder" else written(str(path)) if other.endswith("png") else path.touch()
    to = destination()
    assert to.folder(None, Path("fgsm")) == to.folder(Path("fgsm"), Path("x")) == Path("fgsm-2")
    assert "fgsm has other files in it" in capsys.readouterr().err
    to = destination(force=True)
    to.empty(to.folder(Path("fgsm"), Path("x")))
    assert path.exists()
    assert not old.exists()


def test_pictures_that_are_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    Path("fgsm").mkdir()
    written("fgsm/a.png", CHANGED_PICTURE)
    assert destination("fgsm/a.png", force=True).folder(None, Path("fgsm")) == Path("fgsm-2")
    assert "fgsm has pictures that this command reads" in capsys.readouterr().err


def test_the_current_folder_has_no_name_to_number() -> None:
    written("mine.png")
    assert destination("mine.png").folder(Path(), Path("x")) == Path("fgsm")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("file", "is a file; a folder is expected"),
        ("file/below", "a file stands in its way"),
        ("f.png", "another file"),
        ("n" * 300, "File name too long"),
    ],
)
def test_no_folder(given: str, words: str) -> None:
    Path("file").touch()
    to = destination()
    to.output(Path("f.png"))
    with pytest.raises(UsageError, match=words):
        to.folder(Path(given), Path("x"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a picture", "a-picture"),
        ("../../etc/x", "etc-x"),
        ("conv1\x1b[31m\n", "conv1--31m"),
        ("grün 漢字", "grün-漢字"),
        ("\udcff", "unnamed"),
        ("漢" * 200, "漢" * 50),
    ],
)
def test_names_from_outside_name_files_here(text: str, name: str) -> None:
    assert safe_name(text) == name
