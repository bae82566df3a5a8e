"""A place behaves alike wherever it is: a folder, S3, or any other address."""

import errno
import functools
import http.server
import os
import sys
import threading
import uuid
from pathlib import Path
from typing import ClassVar

import pytest

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards import remote_places
from mass13k_tools.shards.places import Place

KINDS = ("local", "file", "memory", "s3")


@pytest.fixture(params=KINDS)
def folder(request, tmp_path):
    """A folder that does not exist yet, of every kind."""
    if request.param == "local":
        return Place.of(tmp_path / "new" / "folder")
    pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    if request.param == "s3":
        return Place.of(f"{request.getfixturevalue('s3_address')}/{uuid.uuid4()}/")
    if request.param == "memory":
        return Place.of(f"memory://{uuid.uuid4()}")
    return Place.of(f"file://{tmp_path}/new/folder")


def test_what_is_written_is_read_whole_and_in_parts(folder):
    place = folder.child("a.bin")
    assert not place.exists()
    place.write(b"0123456789")
    assert place.exists()
    assert place.size() == 10
    assert place.read() == b"0123456789"
    assert place.read(3, 4) == b"3456"
    assert place.read(8) == b"89"
    assert place.read(0, 0) == b""
    place.write(b"other")
    assert (place.read(), place.size()) == (b"other", 5)


def test_a_local_file_is_put_there_and_is_gone_here(folder, tmp_path):
    folder.child("first").write(b"1")
    source = tmp_path / "source"
    for content in (b"new", b"newer"):
        source.write_bytes(content)
        folder.child("b.tar").put(source)
        assert folder.child("b.tar").read() == content
        assert not source.exists()


def test_names_are_those_of_files_and_folders_without_leftovers(folder, tmp_path):
    assert folder.names() == []
    folder.child("b").write(b"")
    folder.child("a").write(b"x")
    folder.child("deep/c").write(b"x")
    (tmp_path / "source").write_bytes(b"x")
    folder.child("d").put(tmp_path / "source")
    assert folder.names() == ["a", "b", "d", "deep"]


def test_removing_is_no_error_when_there_is_nothing(folder):
    folder.child("a").write(b"x")
    folder.child("a").remove()
    folder.child("a").remove()
    assert not folder.child("a").exists()
    assert "a" not in folder.names()


def test_a_missing_file_and_one_cut_short_are_one_line_with_the_address(folder):
    for fails in (folder.child("none").read, folder.child("none").size):
        with pytest.raises(DatasetError, match="cannot read .*none") as told:
            fails()
        assert "\n" not in str(told.value)
    folder.child("short").write(b"abc")
    with pytest.raises(DatasetError, match=r"short' is cut short: it ends at byte 3, expected 9"):
        folder.child("short").read(1, 8)


def test_only_a_local_place_has_a_path(folder):
    assert (folder.local is None) == ("://" in folder.address)
    assert folder.child("x.tar").name == "x.tar"


def test_a_missing_bucket_and_an_absent_server_are_one_line(s3_address, monkeypatch):
    with pytest.raises(DatasetError, match=r"cannot write 's3://nowhere/x': .*bucket"):
        Place.of("s3://nowhere/x").write(b"x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(DatasetError, match="are address, endpoint and credentials right"):
            Place.of(f"{s3_address}/x").write(b"x")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


def test_an_unknown_address_and_a_missing_extra_are_told(monkeypatch):
    pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    with pytest.raises(DatasetError, match="cannot reach 'nosuch://x'"):
        Place.of("nosuch://x")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(DatasetError, match=r"pip install 'mass13k\[cloud\]'"):
        Place.of("s3://x")


def test_a_file_on_another_disk_is_copied_and_then_appears(tmp_path, monkeypatch):
    source, target = tmp_path / "source", Place.of(tmp_path / "target")
    source.write_bytes(b"content")
    replace = Path.replace

    def other_disk(path, to):
        if path == source:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return replace(path, to)

    monkeypatch.setattr(Path, "replace", other_disk)
    target.put(source)
    assert target.read() == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


class Plain(http.server.SimpleHTTPRequestHandler):
    """A server that knows no range requests and counts what it is asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


def test_a_server_without_ranges_is_read_whole_once_and_that_is_said_once(
    tmp_path, monkeypatch, capsys
):
    pytest.importorskip("aiohttp", reason="fsspec's driver for http is not installed")
    monkeypatch.setattr(Plain, "asked", [])
    for name in ("a.tar", "b.tar"):
        (tmp_path / name).write_bytes(bytes(range(200)))
    handler = functools.partial(Plain, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            for name in ("a.tar", "b.tar"):
                for start in (0, 50, 120):
                    part = Place.of(f"{address}/{name}").read(start, 30)
                    assert part == bytes(range(start, start + 30))
        finally:
            server.shutdown()
    assert Plain.asked == ["/a.tar", "/b.tar"]
    assert capsys.readouterr().err.count("does not answer range requests") == 1
    for path in remote_places._WHOLE.values():
        path.unlink(missing_ok=True)
    remote_places._WHOLE.clear()
