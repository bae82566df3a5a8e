"""Files appear whole or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mass13k_tools.errors import DatasetError
from mass13k_tools.outputs import (
    clear_partial,
    refuse_own_files,
    write_file,
    write_files,
    write_folder,
)


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


@pytest.mark.parametrize("durable", [True, False])
def test_what_must_survive_a_power_cut_is_on_the_disk_before_it_has_its_name(
    tmp_path, monkeypatch, durable
):
    done = []
    sync, replace = os.fsync, Path.replace

    def synced(handle):
        done.append(
            "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else os.fstat(handle).st_size
        )
        sync(handle)

    def replaced(path, target):
        done.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_file(tmp_path / "a.pt", b"abc", durable=durable)
    assert done == ([3, "a.pt", "folder"] if durable else ["a.pt"])
    done.clear()
    write_folder(tmp_path / "b", {"x": b"x", "y": b"yy"}, durable=durable)
    assert done == ([1, 2, "folder", "b", "folder"] if durable else ["b"])


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


def test_a_folder_appears_as_a_whole_and_the_same_one_is_left_alone(tmp_path):
    folder = tmp_path / "deep" / "folder"
    umask = os.umask(0o022)
    try:
        write_folder(folder, {"a": b"one", "b": b"two"})
    finally:
        os.umask(umask)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"one", "b": b"two"}
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "a").stat().st_mode & 0o777 == 0o644
    place = folder.stat().st_ino
    write_folder(folder, {"a": b"one", "b": b"two"})
    assert folder.stat().st_ino == place
    assert [path.name for path in folder.parent.iterdir()] == ["folder"]


def test_a_folder_with_other_content_is_replaced_only_when_asked(tmp_path):
    folder = tmp_path / "folder"
    write_folder(folder, {"a": b"old", "b": b"two"})
    with pytest.raises(DatasetError, match=r"folder' is there already.*--overwrite"):
        write_folder(folder, {"a": b"new", "b": b"two"})
    write_folder(folder, {"a": b"new", "b": b"two"}, overwrite=True)
    assert (folder / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


KILLED = """
import os, sys
from pathlib import Path
from mass13k_tools.outputs import write_folder

replace, left = Path.replace, int(sys.argv[2])

def dies_in_time(path, target):
    global left
    if not left:
        os._exit(9)
    left -= 1
    return replace(path, target)

Path.replace = dies_in_time
write_folder(Path(sys.argv[1]), {"a": b"new"}, overwrite=True)
"""


@pytest.mark.parametrize("renames", [0, 1])
def test_a_folder_outlives_a_writer_that_is_killed_before_a_rename(tmp_path, renames):
    folder = tmp_path / "net.v2"
    write_folder(folder, {"a": b"old"})
    killed = subprocess.run([sys.executable, "-c", KILLED, folder, str(renames)], timeout=60)
    assert killed.returncode == 9
    assert len([*tmp_path.glob(".*.part")]) == 1
    clear_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["net.v2"]
    assert (folder / "a").read_bytes() == b"old"


def test_files_written_in_part_are_cleared_and_no_others(tmp_path):
    for name in (".x1y2.part", "kept.part", ".hidden"):
        (tmp_path / name).write_bytes(b"half")
    clear_partial(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"kept.part", ".hidden"}


def test_a_folder_with_files_of_other_names_is_never_replaced(tmp_path):
    write_file(tmp_path / "folder" / "thesis.tex", b"years of work")
    with pytest.raises(DatasetError, match=r"holds 'thesis\.tex' already; choose another"):
        write_folder(tmp_path / "folder", {"a": b"one"}, overwrite=True)
    with pytest.raises(DatasetError, match="is a file, expected the name of a folder"):
        write_folder(tmp_path / "folder" / "thesis.tex", {"a": b"one"}, overwrite=True)
    assert (tmp_path / "folder" / "thesis.tex").read_bytes() == b"years of work"


def test_a_folder_that_cannot_be_replaced_stays_as_it_was(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    write_folder(folder, {"a": b"old"})
    replace = Path.replace

    def fail_on_new(self, target):
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_on_new)
    with pytest.raises(DatasetError, match=r"cannot write '.*folder': No space left"):
        write_folder(folder, {"a": b"new"}, overwrite=True)
    assert (folder / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
