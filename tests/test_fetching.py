"""Files from servers that cut, stall and lie, from mirrors, and what is made of them."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import pickle
import signal
import struct
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.errors import FetchError, UsageError
from numbacnn.fetching import (
    DATA_SETS,
    MODELS,
    Fetched,
    Patience,
    RemoteFile,
    Wish,
    fetch_data,
    fetch_file,
    published,
)
from numbacnn.fetching.unpacking import unpack

CONTENT = bytes(range(256)) * 1024
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
QUICK = Patience(connect=2, silence=0.3, attempts=3, pause=0.01)


class _Server(http.server.ThreadingHTTPServer):
    """Serves one file, or what its path names, in the way that `behave` has it."""

    daemon_threads = True
    behave = "well"
    asked: list[dict[str, str]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are no news here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        self.server.asked.append({"path": self.path, **self.headers})
        behave, number = self.server.behave, len(self.server.asked)
        content = CONTENT if behave != "wrong" else CONTENT[:-1] + b"!"
        start, code = 0, 200
        given = self.headers.get("Range", "")
        if given and behave != "no ranges":
            start, code = int(given.removeprefix("bytes=").removesuffix("-")), 206
        if behave == "missing" or (behave == "flat" and self.path.count("/") > 1):
            self.send_error(404)
        elif behave == "forbidden":
            self.send_error(403)
        elif behave == "busy" and number < 3:
            self.send_error(503)
        elif behave == "page":
            self._send(b"<!DOCTYPE html><p>Please log in", 200, {"Content-Type": "text/html; charset=utf-8"})
        elif behave == "plain page":
            self._send(b"<html><p>Please log in", 200)
        elif behave == "huge":
            self._send(b"", 200, {"Content-Length": str(1 << 40)})
        elif behave == "too much":
            self._send(content + b"more", 200, {"Content-Length": None})
        elif start >= len(content):
            self._send(b"", 416, {"Content-Range": f"bytes */{len(content)}"})
        elif behave == "wrong range" and start:
            self._send(content, 206, {"Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"})
        else:
            rest, headers = content[start:], {"ETag": f'"{number if behave == "changes" else 1}"'}
            if code == 206:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if behave in ("cuts", "no ranges", "wrong range", "stalls", "changes") and number < 3:
                headers["Content-Length"] = str(len(rest))
                rest = rest[: len(rest) // 2]
            self._send(rest, code, headers)
            if behave == "stalls" and number < 3:
                time.sleep(1)

    def _send(self, body: bytes, code: int, headers: dict[str, Any] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def fetch(server: _Server, tmp_path: Path) -> Callable[..., Fetched]:
    def run(behave: str, published: str = DIGEST, **wish: Any) -> Fetched:
        server.behave = behave
        file = RemoteFile("set.bin", (f"http://127.0.0.1:{server.server_port}/set.bin",), published)
        return fetch_file(
            file, "set", tmp_path / "kept", Wish(patience=QUICK, **wish), lambda items, *_: items
        )

    return run


def _left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.mark.parametrize("behave", ["well", "cuts", "stalls", "no ranges", "wrong range", "busy", "changes"])
def test_a_server_that_cuts_and_stalls_gives_the_whole_file(
    behave: str, fetch: Callable[..., Fetched], server: _Server, tmp_path: Path
) -> None:
    got = fetch(behave)
    assert got.path.read_bytes() == CONTENT
    assert got.checked == DIGEST
    assert not got.cached
    assert _left(tmp_path / "kept") == {"set.bin"}
    if behave in ("cuts", "stalls"):
        assert [each.get("Range", "bytes=0-") for each in server.asked] == [
            "bytes=0-",
            f"bytes={len(CONTENT) // 2}-",
            f"bytes={len(CONTENT) * 3 // 4}-",
        ]
        assert server.asked[1]["If-Range"] == '"1"'
    assert all(each["Accept-Encoding"] == "identity" for each in server.asked)
    again = fetch(behave)
    assert again.cached


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        ("wrong", "is not the file that was published"),
        ("missing", "no such file"),
        ("forbidden", "403"),
        ("page", "a page for people"),
        ("plain page", "a page for people"),
        ("huge", "1,099,511,627,776 bytes"),
        ("too much", "is not the file that was published"),
    ],
)
def test_a_server_that_lies_leaves_nothing(
    behave: str, said: str, fetch: Callable[..., Fetched], tmp_path: Path
) -> None:
    with pytest.raises(FetchError, match=said):
        fetch(behave)
    assert not _left(tmp_path / "kept")


def test_what_came_is_kept_for_the_next_time(
    fetch: Callable[..., Fetched], server: _Server, tmp_path: Path
) -> None:
    server.asked = [{}]  # so that the server cuts once more
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "set.bin.part").write_bytes(CONTENT[:1000])
    address = f"http://127.0.0.1:{server.server_port}/set.bin"
    (kept / "set.bin.part.json").write_text(f'{{"url": "{address}", "tag": ""}}')
    assert fetch("well").path.read_bytes() == CONTENT
    assert server.asked[1]["Range"] == "bytes=1000-"
    (kept / "set.bin").unlink()
    (kept / "set.bin.part").write_bytes(b"of another file")
    (kept / "set.bin.part.json").write_text(f'{{"url": "{address}", "tag": ""}}')
    assert fetch("well").path.read_bytes() == CONTENT  # two files in one are found out, and fetched anew
    (kept / "set.bin").write_bytes(b"damaged")
    assert not fetch("well").cached


def test_nobody_answers(tmp_path: Path) -> None:
    file = RemoteFile("set.bin", ("http://127.0.0.1:9/set.bin",), DIGEST)
    with pytest.raises(FetchError, match=r"refuses|cut"):
        fetch_file(file, "set", tmp_path, Wish(patience=QUICK), lambda items, *_: items)


def test_a_digest_may_be_short_or_another(fetch: Callable[..., Fetched], tmp_path: Path) -> None:
    assert fetch("well", DIGEST[: len("sha256:") + 8]).checked == DIGEST[:15]
    (tmp_path / "kept" / "set.bin").unlink()
    with pytest.raises(FetchError, match="SHA-256"):
        fetch("well", "sha256:00000000")
    assert fetch("well", f"md5:{hashlib.md5(CONTENT).hexdigest()}").checked.startswith("md5:")
    with pytest.raises(UsageError, match="--unverified"):
        fetch("well", "")
    assert fetch("wrong", unverified=True).checked == DIGEST  # it was here already
    (tmp_path / "kept" / "set.bin").unlink()
    assert fetch("wrong", unverified=True).checked == ""
    assert fetch("well", "", digest=DIGEST).checked == DIGEST


def test_a_mirror_is_a_folder_or_an_address(
    fetch: Callable[..., Fetched], server: _Server, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "set").mkdir(parents=True)
    with pytest.raises(FetchError, match=r"no set\.bin"):
        fetch("missing", mirror=str(mirror))
    (mirror / "set" / "set.bin").write_bytes(CONTENT)
    assert fetch("missing", mirror=str(mirror)).path.read_bytes() == CONTENT
    assert not server.asked
    (tmp_path / "kept" / "set.bin").unlink()
    (mirror / "set" / "set.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(FetchError, match="is not the file"):
        fetch("missing", mirror=str(mirror))
    assert fetch("flat", mirror=f"http://127.0.0.1:{server.server_port}/").path.read_bytes() == CONTENT
    assert [each["path"] for each in server.asked] == ["/set/set.bin", "/set.bin"]
    for wrong in ("ftp://example.org", str(tmp_path / "nowhere")):
        with pytest.raises(UsageError, match="--mirror"):
            fetch("well", mirror=wrong)


def test_what_is_published_is_told_by_digests_of_their_lengths() -> None:
    for name, entry in {**DATA_SETS, **MODELS}.items():
        for file in entry.files:
            algorithm, _, digits = file.digest.partition(":")
            lengths = {"sha256": (8, 64), "sha1": (40,), "md5": (32,)}[algorithm]
            assert len(digits) in lengths, name
            assert all(url.endswith(file.name) for url in file.urls)


def _idx(array: np.ndarray[Any, Any]) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


def _mirror_of_mnist(folder: Path) -> None:
    folder.mkdir()
    for part, count in (("train", 60), ("t10k", 20)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(_idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(_idx(labels))


def _archive_of_cifar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:

        def add(name: str, content: dict[str, Any]) -> None:
            data = pickle.dumps(content, protocol=2)
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))

        for batch in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
            pixels = np.full((20, 3072), len(batch), np.uint8)
            add(batch, {"data": pixels, "labels": [label % 10 for label in range(20)]})
        add("batches.meta", {"label_names": [f"class {label}" for label in range(10)]})
        link = tarfile.TarInfo("../outside")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)


def test_an_archive_becomes_a_data_set(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    _archive_of_cifar(mirror / "cifar-10-python.tar.gz")
    with pytest.raises(FetchError, match="If you trust this file, take it as it is with --unverified"):
        fetch_data("cifar10", tmp_path / "kept", wish=Wish(str(mirror)))  # and nothing of an option it lacks
    contents, files = fetch_data("cifar10", tmp_path / "kept", wish=Wish(str(mirror), unverified=True))
    assert contents.name == "CIFAR-10"
    assert {name: len(split.labels) for name, split in contents.splits.items()} == {
        "train": 90,
        "validation": 10,
        "test": 20,
    }
    assert contents.class_names[:2] == ("class 0", "class 1")
    assert files[0].checked == ""
    (tmp_path / "broken.tar.gz").write_bytes((mirror / "cifar-10-python.tar.gz").read_bytes()[:200])
    with pytest.raises(FetchError, match="cannot be unpacked"):
        unpack(tmp_path / "broken.tar.gz", tmp_path)


def test_data_fetch(run_cli: Any, tmp_path: Path) -> None:
    _mirror_of_mnist(tmp_path / "mirror")
    cache = {"NUMBACNN_CACHE_DIR": str(tmp_path / "cache")}
    done = run_cli(
        "data", "fetch", "mnist", "--unverified", "--json", NUMBACNN_MIRROR=str(tmp_path / "mirror"), **cache
    )
    assert done.code == 0, done.stderr
    assert done.json["images"] == {"train": 54, "validation": 6, "test": 20}
    assert done.json["name"] == "MNIST"
    assert done.json["licence"] == "CC BY-SA 3.0"
    assert len(done.json["downloads"]) == 4
    assert "was not checked" in done.stderr
    assert (tmp_path / "mnist.h5").is_file()
    with pytest.raises(UsageError, match="did you mean 'mnist'"):
        published("mnits", DATA_SETS)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to another process")
def test_an_interrupted_fetch_goes_on(
    server: _Server, tmp_path: Path, command_line: tuple[list[str], dict[str, str]]
) -> None:
    server.behave = "stalls"
    command, environment = command_line
    arguments = ["data", "fetch", "cifar10", "--mirror", f"http://127.0.0.1:{server.server_port}"]
    kept = tmp_path / "cache" / "downloads" / "cifar10" / "cifar-10-python.tar.gz.part"
    running = subprocess.Popen(
        [*command, *arguments],
        cwd=tmp_path,
        env={**environment, "NUMBACNN_CACHE_DIR": str(tmp_path / "cache")},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    until = time.monotonic() + 60
    while not (kept.is_file() and kept.stat().st_size) and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 130, said
    assert 0 < kept.stat().st_size < len(CONTENT)
    assert _left(kept.parent) == {kept.name, f"{kept.name}.json"}
    assert _left(tmp_path) == {"cache"}
