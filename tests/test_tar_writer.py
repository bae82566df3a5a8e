"""Tars that any reader opens, the same to the byte, with every content where it is said to be."""

import hashlib
import io
import subprocess
import tarfile

import pytest

from mass13k_tools.shards.tar_writer import TarWriter

MEMBERS = {
    "a.jpg": b"x" * 513,
    "a.json": b"",
    "käse.label.png": b"png" * 300,
    f"{'long' * 40}.seek": b"s" * 512,
}


def written(members=MEMBERS):
    file = io.BytesIO()
    tar = TarWriter(file)
    spans = {name: tar.add(name, content) for name, content in members.items()}
    return tar.close(), spans, file.getvalue(), tar.bytes


def test_members_come_back_with_fixed_owner_time_and_mode():
    *_, content, size = written()
    assert len(content) == size
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == MEMBERS
        for member in tar:
            assert (member.mtime, member.uid, member.gid) == (0, 0, 0)
            assert (member.uname, member.gname, member.mode) == ("", "", 0o644)


def test_spans_say_where_contents_are():
    _, spans, content, _ = written()
    for name, span in spans.items():
        assert content[span.offset : span.offset + span.size] == MEMBERS[name]


def test_the_hash_is_that_of_the_file_and_the_tar_is_like_gnu_tars(tmp_path):
    plain = {"a.jpg": b"x" * 513, "a.json": b"{}\n"}
    digest, _, content, _ = written(plain)
    assert hashlib.sha256(content).hexdigest() == digest
    for name, data in plain.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o644)
    fixed = ("--format=ustar", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner")
    made = subprocess.run(["tar", "c", *fixed, *plain], cwd=tmp_path, capture_output=True)
    if made.returncode:
        pytest.skip("no GNU tar here")
    ours, theirs = (tarfile.open(fileobj=io.BytesIO(data)) for data in (content, made.stdout))
    with ours, theirs:
        for one, other in zip(ours, theirs, strict=True):
            assert one.get_info() == other.get_info() | {"chksum": one.chksum}
            assert one.offset_data == other.offset_data
    assert len(content) == len(made.stdout)


def test_the_thread_that_hashes_ends_when_writing_fails():
    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(28, "No space left on device")

    tar = TarWriter(Full())
    with pytest.raises(OSError, match="No space"):
        tar.add("a.jpg", b"x")
    tar.stop()
    assert not any(thread.is_alive() for thread in tar._hasher._threads)
