"""Files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from mass13k_tools.errors import DatasetError
from mass13k_tools.outputs import refuse_own_files, write_file, write_files


def test_files_are_written_with_their_folders(tmp_path):
    write_files({tmp_path / "a" / "b.txt": b"one", tmp_path / "c.txt": b"two"})
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"one"
    assert (tmp_path / "c.txt").read_bytes() == b"two"


def test_a_file_with_other_content_is_not_overwritten_and_nothing_else_is_written(tmp_path):
    write_file(tmp_path / "a.txt", b"old")
    with pytest.raises(DatasetError, match=r"a\.txt' is there already.*--overwrite"):
        write_files({tmp_path / "new.txt": b"new", tmp_path / "a.txt": b"other"})
    assert (tmp_path / "a.txt").read_bytes() == b"old"
    assert not (tmp_path / "new.txt").exists()
    write_file(tmp_path / "a.txt", b"other", overwrite=True)
    assert (tmp_path / "a.txt").read_bytes() == b"other"


def test_the_same_content_is_left_alone(tmp_path):
    path = tmp_path / "a.txt"
    write_file(path, b"same")
    os.utime(path, (1, 1))
    write_file(path, b"same")
    write_file(path, b"same", overwrite=True)
    assert path.stat().st_mtime == 1


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DatasetError, match=r"cannot write '.*a\.txt': No space left"):
        write_file(tmp_path / "a.txt", b"content")
    assert list(tmp_path.iterdir()) == []


def test_new_files_have_the_usual_permissions(tmp_path):
    umask = os.umask(0o022)
    try:
        write_file(tmp_path / "a.txt", b"content")
    finally:
        os.umask(umask)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def test_nothing_is_written_over_what_it_is_made_from_whatever_its_name(tmp_path):
    for name in ("own", "folder/own", "other"):
        write_file(tmp_path / name, b"content")
    (tmp_path / "link").symlink_to("own")
    (tmp_path / "linked").symlink_to("folder")
    own = [tmp_path / name for name in ("own", "folder", "missing", "missing/deep")]
    refuse_own_files([tmp_path / "other", tmp_path / "missing", tmp_path / "folder" / "new"], own)
    for name in ("own", "link", "folder/own", "linked/own", "folder/../own"):
        with pytest.raises(DatasetError, match=f"{name}' is a file of the data set itself"):
            refuse_own_files([tmp_path / "other", tmp_path / name], own)
