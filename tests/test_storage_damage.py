"""Data sets in HDF5: what was interrupted leaves the old file, and what is damaged or forged is refused."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from stored_sets import SHAPE, contents, everything, fuzz, path  # noqa: F401 - a fixture

from numbacnn.errors import DataError
from numbacnn.storage import open_dataset

FULL = """
import resource, sys
sys.path[:0] = {paths!r}
import pytest
from stored_sets import contents
from numbacnn.errors import DataError
from numbacnn.storage import write_dataset
for room in (1_000, 100_000, 300_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    with pytest.raises(DataError, match="cannot be written .File too large"):
        write_dataset({path!r}, contents(20_000))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reserves room and limits files")
def test_no_room_on_the_disk_leaves_the_old_file(path: Path) -> None:
    """In a process of its own, with files limited in place of a full disk: HDF5 used to crash it at its end."""
    here = Path(__file__).parent
    before = path.read_bytes()
    program = FULL.format(paths=[str(here), str(here.parent)], path=str(path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


WRITER = """
import sys
sys.path[:0] = {paths!r}
from stored_sets import contents
from numbacnn.storage import write_dataset
given = contents(2000, seed=1)
print("ready", flush=True)
while True:
    write_dataset({path!r}, given)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_while_writing_leaves_a_whole_file(path: Path) -> None:
    here = Path(__file__).parent
    program = WRITER.format(paths=[str(here), str(here.parent)], path=str(path))
    whole = (everything(open_dataset(path)), contents(2000, seed=1))
    for delay in (0, 0.013, 0.05):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = open_dataset(path)
        if len(found.train) == 9:
            assert everything(found) == whole[0]
        else:
            np.testing.assert_array_equal(found.train.images[:], whole[1].splits["train"].images)


def replace(file: Any, field: str, **new: Any) -> None:
    del file[field]
    file.create_dataset(field, **new)


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((9, *SHAPE), np.uint8)
    layout[:] = h5py.VirtualSource("/etc/passwd.h5", "x", (9, *SHAPE))
    del file["train/images"]
    file.create_virtual_dataset("train/images", layout)


def external(file: Any) -> None:
    replace(file, "train/images", shape=(9, *SHAPE), dtype="u1", external=[("/etc/passwd", 0, 540)])


def link(kind: Any) -> Callable[[Any], None]:
    def forge(file: Any) -> None:
        del file["train/images"]
        file["train/images"] = kind

    return forge


def group_link(file: Any) -> None:
    del file["test"]
    file["test"] = h5py.SoftLink("/train")


def set_value(field: str, index: int, value: float) -> Callable[[Any], None]:
    def forge(file: Any) -> None:
        file[field][index] = value

    return forge


def swap(field: str, **new: Any) -> Callable[[Any], None]:
    return lambda file: replace(file, field, **new)


FORGERIES = {
    "soft link": (link(h5py.SoftLink("/test/images")), "train/images is a link; links are not followed"),
    "external link": (link(h5py.ExternalLink("/etc/passwd", "/x")), "train/images is a link"),
    "group link": (group_link, "test is a link"),
    "external storage": (external, "train/images keeps its values in other files"),
    "virtual": (virtual, "train/images keeps its values in other files"),
    "4 GB": (
        swap("train/images", shape=(1 << 20, 64, 64, 1), dtype="u1"),
        "train/images declares 4294967296 bytes",
    ),
    "4 GB in chunks": (
        swap(
            "train/images", shape=(1 << 20, 64, 64, 1), dtype="u1", chunks=(64, 64, 64, 1), compression="gzip"
        ),
        "train/images declares 4294967296 bytes",
    ),
    "4 GB a chunk": (
        swap("train/images", shape=(9, *SHAPE), dtype="u1", chunks=(1 << 20, 64, 8, 3), maxshape=(None,) * 4),
        "chunks of train/images are larger",
    ),
    "lzf": (
        swap("train/images", data=np.zeros((9, *SHAPE), "u1"), compression="lzf"),
        "a filter other than gzip",
    ),
    "text of any length": (
        swap("name", data=["tiny"], dtype=h5py.string_dtype()),
        "name is of variable length",
    ),
    "rows of any length": (
        swap("train/labels", shape=(9,), dtype=h5py.vlen_dtype("u1")),
        "train/labels is of variable length",
    ),
    "compound": (
        swap("train/labels", shape=(9,), dtype=[("a", "u1")]),
        "train/labels is of variable length, compound",
    ),
    "references": (swap("train/labels", shape=(9,), dtype=h5py.ref_dtype), "made of references"),
    "floats": (swap("train/images", data=np.zeros((9, *SHAPE), "f4")), "holds float32; uint8 is expected"),
    "no numbers": (swap("train/labels", data=np.full(9, b"a")), "train/labels holds text"),
    "no text": (swap("class_names", data=np.arange(3)), "class_names holds int64; text is expected"),
    "scalar": (swap("mean_rgb", data=1.0), r"mean_rgb has shape \(\); \(3\) is expected"),
    "three axes": (
        swap("train/images", data=np.zeros((9, 4, 5), "u1")),
        r"shape \(9, 4, 5\); \(any, any, any, any\)",
    ),
    "two channels": (
        swap("train/images", data=np.zeros((9, 4, 5, 2), "u1")),
        r"\(9, 4, 5, 2\); \(N, H, W, 1 or 3\)",
    ),
    "other size": (swap("test/images", data=np.zeros((6, 4, 4, 3), "u1")), "pictures of test are 4x4x3"),
    "too few labels": (
        swap("train/labels", data=np.zeros(8, "u1")),
        "train/labels has 8 labels for 9 pictures",
    ),
    "a label too high": (set_value("train/labels", 7, 3), r"train/labels\[7\] is 3; with 3 classes, 0 to 2"),
    "a mean of NaN": (set_value("mean_rgb", 1, np.nan), r"mean_rgb\[1\] is nan; a value from 0 to 255"),
    "no test": (lambda file: file.pop("test"), "test is missing; a data set has train, test"),
    "no labels": (lambda file: file["train"].pop("labels"), "train/labels is missing"),
    "an array for a group": (swap("train", data=np.zeros(3)), "train/images is missing"),
    "a group for an array": (
        lambda file: (file["train"].pop("images"), file.create_group("train/images")),
        "train/images is no array",
    ),
    "empty split": (
        lambda file: (
            replace(file, "test/images", shape=(0, *SHAPE), dtype="u1"),
            replace(file, "test/labels", shape=(0,), dtype="u1"),
        ),
        "the test split is empty",
    ),
    "no UTF-8": (swap("name", data=np.array([b"\xff\xfe"])), "name is no UTF-8 text"),
    "no class": (swap("class_names", shape=(0,), dtype="S3"), "class_names is empty"),
    "twice the same class": (
        swap("class_names", data=np.array([b"a", b"b", b"a"])),
        "two classes are named 'a'",
    ),
    "a model": (
        lambda file: file.attrs.modify("kind", np.bytes_("numbacnn model")),
        "this is a numbacnn model; a",
    ),
    "from the future": (lambda file: file.attrs.modify("format_version", 9), "written in format 9"),
    "no kind": (lambda file: file.attrs.pop("kind"), "not a file of numbacnn's"),
    "kind of any length": (
        lambda file: file.attrs.create("kind", "numbacnn data set"),
        "not a file of numbacnn's",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_files_are_refused_without_reading_them(path: Path, name: str) -> None:
    forge, message = FORGERIES[name]
    with h5py.File(path, "r+") as file:
        forge(file)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message) as raised:
            open_dataset(path)
        assert str(path) in str(raised.value)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_flipped_pixel_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    pixels = contents().splits["train"].images.tobytes()
    place = data.index(pixels) + 100
    path.write_bytes(data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :])
    dataset = open_dataset(path)
    with pytest.raises(DataError, match="train/images cannot be read, the file is damaged"):
        dataset.train.read(slice(None))


def test_damage_is_noticed_or_does_not_matter(path: Path) -> None:
    fuzz("stored_sets", path, 100)
