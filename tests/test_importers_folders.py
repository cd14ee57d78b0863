"""Folders of pictures, read and refused, and sources of no known format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sources import write_folder, written

from numbacnn.data import pictures
from numbacnn.data.importers import read_source
from numbacnn.errors import DataError, UsageError
from numbacnn.storage import write_dataset


def test_a_folder_of_pictures_a_class(tmp_path: Path) -> None:
    write_folder(tmp_path)
    contents = read_source(tmp_path, size=4, test=0.2, validation=0)
    assert contents.class_names == ("a", "b")
    assert {name: len(split) for name, split in contents.splits.items()} == {"train": 8, "test": 2}
    train = contents.splits["train"]
    assert train.images.shape == (8, 4, 4, 3)
    values = train.read(np.array([7, 0]))[:, 0, 0, 0]
    assert train.labels[[7, 0]].tolist() == [1, 0]
    assert ord("b") <= values[0] < ord("b") + 5
    assert contents.notes == ()


def test_a_folder_with_its_splits(tmp_path: Path) -> None:
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        write_folder(tmp_path / part, count=count)
    contents = read_source(tmp_path, size=9)
    assert {name: len(split) for name, split in contents.splits.items()} == {
        "train": 8,
        "validation": 4,
        "test": 6,
    }
    assert contents.notes == (
        "18 of 18 pictures are smaller than 9x9 and are enlarged, 0.png for instance; a smaller --size would not",
    )


def test_folders_of_splits_by_other_names(tmp_path: Path) -> None:
    for part in ("Training", "Test"):
        write_folder(tmp_path / part)
    assert list(read_source(tmp_path, size=6, validation=0).splits) == ["test", "train"]
    write_folder(tmp_path / "test2")
    (tmp_path / "test2").rename(tmp_path / "testing")
    with pytest.raises(DataError, match="Test and testing are both for test"):
        read_source(tmp_path)


def test_a_class_of_trains_is_no_split(tmp_path: Path) -> None:
    write_folder(tmp_path, ["train", "plane"])
    assert read_source(tmp_path, size=6).class_names == ("plane", "train")


def test_a_folder_of_grey_pictures_stays_grey(tmp_path: Path) -> None:
    write_folder(tmp_path, shape=(6, 6, 1))
    assert read_source(tmp_path, size=6).splits["train"].images.shape[1:] == (6, 6, 1)
    pictures.save(tmp_path / "b" / "9.png", np.zeros((6, 6, 3), np.uint8))
    assert read_source(tmp_path, size=6).splits["train"].images.shape[1:] == (6, 6, 3)


def test_folders_that_are_no_classes(tmp_path: Path) -> None:
    write_folder(tmp_path / "train")
    write_folder(tmp_path / "test", "abc")
    with pytest.raises(DataError, match="no class of that name is in"):
        read_source(tmp_path)
    (tmp_path / "train" / "d").mkdir()
    with pytest.raises(DataError, match="d: no picture in it"):
        read_source(tmp_path)


def test_a_picture_that_is_damaged_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    for path in (tmp_path / "b").glob("*.png"):
        path.write_bytes(path.read_bytes()[:45])
    split = read_source(tmp_path, size=4, test=0.1, validation=0).splits["train"]
    with pytest.raises(DataError, match=r"b/\d\.png: damaged"):
        split.read(slice(None))


def test_sources_of_no_known_format(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"unpack it first.*known: a folder with IDX"):
        read_source(tmp_path / "a.tar.gz")
    with pytest.raises(DataError, match="no such file or folder"):
        read_source(tmp_path / "none")
    for size in (0, 1_000_000):
        with pytest.raises(UsageError, match=f"size {size}: 1 to 8192"):
            read_source(tmp_path, size=size)


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".JPeG", ".dib", ".pbm", ".pnm", ".apng", ".TIF"])
def test_every_ending_of_the_formats_that_are_read_is_imported(tmp_path: Path, suffix: str) -> None:
    kinds = {".jfif": "JPEG", ".jpe": "JPEG", ".jpeg": "JPEG", ".dib": "BMP", ".apng": "PNG", ".tif": "TIFF"}
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(4):
            image = Image.new("L", (6, 6), 9)
            image.save(tmp_path / name / f"{index}{suffix}", kinds.get(suffix.lower(), "PPM"))
    contents = read_source(tmp_path, size=6, test=0.25, validation=0)
    assert sum(len(split) for split in contents.splits.values()) == 8
    assert contents.splits["train"].read(slice(None)).shape == (6, 6, 6, 1)
    assert contents.notes == ()


def test_pictures_further_down_are_taken_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    write_folder(source / "a" / "more", ["x", "y"])
    for path in (
        "a/list.csv",
        "a/scan.heic",
        "b/x.heic",
        "b/deep.er/notes",
        "b/.DS_Store",
        "a/._0.png",
        "top.png",
    ):
        (source / path).parent.mkdir(exist_ok=True)
        (source / path).write_bytes(b"x")
    (source / "b" / "loop").symlink_to(source / "b")
    contents = read_source(source, size=6, validation=0)
    assert sum(len(split) for split in contents.splits.values()) == 20
    left_out, below = contents.notes
    assert left_out.startswith("6 files are left out: 2 (.heic is no format of pictures that is read)")
    for reason in ("1 (.csv is no", "1 (names without", "1 (hidden,", "1 (in no class's folder)"):
        assert reason in left_out
    assert below == "10 pictures lie in folders within the classes' and count as of the class"


def test_folders_beside_the_splits_are_told(tmp_path: Path) -> None:
    source = tmp_path / "set"
    for part in ("train", "test", "extra"):
        write_folder(source / part)
    assert "10 (in extra, which is beside train)" in read_source(source, size=6, validation=0).notes[0]


def break_some(folder: Path) -> None:
    """One file that is no picture, one that is cut off, one that only its pixels show to be damaged."""
    (folder / "a" / "1.png").write_bytes(b"no picture")
    (folder / "a" / "3.png").write_bytes((folder / "a" / "3.png").read_bytes()[:45])
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8))
    image.save(folder / "b" / "4.jpg")
    (folder / "b" / "4.jpg").write_bytes((folder / "b" / "4.jpg").read_bytes()[:3000])


def test_all_broken_pictures_are_listed(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    break_some(source)
    with pytest.raises(DataError, match="3 of 11 pictures cannot be read") as caught:
        written(source, size=6, validation=0)
    for name in ("1.png: no picture", "3.png: damaged", "4.jpg: damaged", "--skip-broken"):
        assert name in str(caught.value)
    (source / "a" / "1.png").unlink()  # now every header can be read, and the pixels tell
    with pytest.raises(DataError, match="2 of 10 pictures cannot be read"):
        written(source, size=6, validation=0)


def test_broken_pictures_can_be_left_out(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    break_some(source)
    contents = read_source(source, size=6, validation=0, skip_broken=True)
    assert sum(len(split) for split in contents.splits.values()) == 8
    assert contents.notes[0].startswith("3 of 11 pictures cannot be read and are left out: ")
    write_dataset(tmp_path / "out.h5", contents)
    for path in (source / "b").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(DataError, match="b, train: none of its pictures can be read"):
        read_source(source, size=6, skip_broken=True)


def test_more_pictures_in_a_file_are_told(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    first, second = (Image.new("L", (6, 6), value) for value in (1, 200))
    first.save(source / "a" / "pages.tiff", save_all=True, append_images=[second])
    assert "of 1 files with several pictures in them" in read_source(source, size=6).notes[0]


def test_a_range_is_not_for_files_of_pictures(tmp_path: Path) -> None:
    write_folder(tmp_path)
    with pytest.raises(UsageError, match="--range is for arrays of numbers"):
        read_source(tmp_path, size=6, pixel_range=(0, 16))
