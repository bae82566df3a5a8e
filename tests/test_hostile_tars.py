"""Tars that mean harm are refused with one line, before anything is written."""

import gzip
import io
import struct
import sys
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mass13k_tools.cli import main
from mass13k_tools.errors import DatasetError
from mass13k_tools.shards import tar_reader
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.tar_reader import scan_tar

SOUND = (("k.jpg", b"image"), ("k.png", b"labels"))


def header(name, *, size=0, kind=b"0", link=b"", prefix=b"", size_field=None):
    """Write a header by hand, so that it may say what no library would write."""
    raw = name.encode() if isinstance(name, str) else name
    block = bytearray(512)
    struct.pack_into("100s8s8s8s", block, 0, raw, b"0000644\0", b"0000000\0", b"0000000\0")
    struct.pack_into("12s12s", block, 124, size_field or b"%011o\0" % size, b"00000000000\0")
    struct.pack_into("8sc100s8s", block, 148, b" " * 8, kind, link, b"ustar\x0000")
    struct.pack_into("155s", block, 345, prefix)
    struct.pack_into("8s", block, 148, b"%06o\0 " % sum(block))
    return bytes(block)


def member(name, content=b"x", **options):
    return header(name, size=len(content), **options) + content + bytes(-len(content) % 512)


def pax(*records, kind=b"x"):
    """Write PAX records; those that are bytes already as they are."""
    content = b""
    for record in records:
        if isinstance(record, tuple):
            text = b" %s=%s\n" % tuple(each.encode() for each in record)
            length = len(text) + 1
            while len(str(length)) + len(text) != length:
                length += 1
            record = str(length).encode() + text
        content += record
    return member("PaxHeaders/k", content, kind=kind)


def tar_of(*parts, end=bytes(1024)):
    return b"".join([*(member(name, content) for name, content in SOUND), *parts, end])


def link(kind):
    return header("k.txt", kind=kind, link=b"/etc/passwd")


HOSTILE = {
    "absolute path": (tar_of(member("/tmp/evil.jpg")), "leads out"),
    "parent folder": (tar_of(member("../evil.jpg")), "leads out"),
    "parent within": (tar_of(member("a/../../evil.jpg")), "leads out"),
    "parent by prefix": (tar_of(member("evil.jpg", prefix=b"a/../..")), "leads out"),
    "absolute by prefix": (tar_of(member("evil.jpg", prefix=b"/etc")), "leads out"),
    "drive of Windows": (tar_of(member("C:evil.jpg")), "leads out"),
    "parent of Windows": (tar_of(member("a\\..\\..\\evil.jpg")), "leads out"),
    "share of Windows": (tar_of(member("\\\\host\\share\\evil.jpg")), "leads out"),
    "folder above": (tar_of(header("../up/", kind=b"5")), "leads out"),
    "hard link": (tar_of(link(b"1")), "a hard link"),
    "symbolic link": (tar_of(link(b"2")), "a symbolic link"),
    "character device": (tar_of(link(b"3")), "a device"),
    "block device": (tar_of(link(b"4")), "a device"),
    "pipe": (tar_of(link(b"6")), "a pipe"),
    "sparse file": (tar_of(member("k.txt", kind=b"S")), "a sparse file"),
    "link with a long name": (tar_of(member("k.txt", b"/etc", kind=b"K")), "a link"),
    "unknown kind": (tar_of(member("k.txt", kind=b"Z")), "unknown kind"),
    "folder with content": (tar_of(member("d/", kind=b"5")), "has content"),
    "huge size": (tar_of(header("k.txt", size=8**11 - 1)), "cut short"),
    "size in base 256": (
        tar_of(header("k.txt", size_field=b"\x80" + bytes(10) + b"\x01")),
        "octal",
    ),
    "negative size": (tar_of(header("k.txt", size_field=b"-0000000001\0")), "octal"),
    "size by PAX": (tar_of(pax(("size", "9999999")), member("k.txt")), "PAX record 'size'"),
    "PAX sparse": (tar_of(pax(("GNU.sparse.major", "1")), member("k.txt")), "GNU.sparse"),
    "PAX real size": (tar_of(pax(("SCHILY.realsize", "1")), member("k.txt")), "realsize"),
    "PAX link": (tar_of(pax(("linkpath", "/etc/passwd")), member("k.txt")), "linkpath"),
    "PAX charset": (tar_of(pax(("hdrcharset", "BINARY")), member("k.txt")), "hdrcharset"),
    "PAX path above": (tar_of(pax(("path", "../evil.jpg")), member("k.txt")), "leads out"),
    "PAX path absolute": (tar_of(pax(("path", "/evil.jpg")), member("k.txt")), "leads out"),
    "PAX path with newline": (tar_of(pax(("path", "a\nb.jpg")), member("k.txt")), "printed"),
    "PAX path with zero": (tar_of(pax(("path", "a.jpg\0/../b")), member("k.txt")), "printed|leads"),
    "PAX path empty": (tar_of(pax(("path", "")), member("k.txt")), "printed"),
    "PAX path for all": (tar_of(pax(("path", "a.jpg"), kind=b"g"), member("k.txt")), "one name"),
    "PAX without member": (tar_of(pax(("path", "a.jpg"))), "belongs to no member"),
    "PAX twice": (
        tar_of(pax(("path", "a.b")), pax(("path", "c.d")), member("k.txt")),
        "two for one",
    ),
    "PAX length zero": (tar_of(pax(b"0 path=a\n"), member("k.txt")), "cannot be read"),
    "PAX length wrong": (tar_of(pax(b"99 path=a\n"), member("k.txt")), "cannot be read"),
    "PAX length huge": (tar_of(pax(b"9" * 5000 + b" path=a\n"), member("k.txt")), "cannot be read"),
    "PAX no text": (tar_of(pax(b"\xff\xfe"), member("k.txt")), "cannot be read"),
    "PAX bomb": (tar_of(pax(("comment", "x" * 10**5)), member("k.txt")), "too long"),
    "long name above": (tar_of(member("L", b"../evil.jpg\0", kind=b"L"), member("k.txt")), "leads"),
    "long name bomb": (tar_of(member("L", b"a" * 10**5, kind=b"L"), member("k.txt")), "too long"),
    "newline": (tar_of(member("a\nb.jpg")), "printed"),
    "escape": (tar_of(member("a\x1b[2Jb.jpg")), "printed"),
    "no UTF-8": (tar_of(member(b"\xff\xfe.jpg")), "no UTF-8"),
    "no name": (tar_of(member("")), "printed"),
    "twice": (tar_of(member("k.jpg", b"other")), "'k.jpg' twice"),
    "twice in disguise": (tar_of(member("./k.jpg", b"other")), "'k.jpg' twice"),
    "twice by case": (tar_of(member("k.JPG", b"other")), "'k.jpg' twice"),
    "hidden behind the end": (tar_of(end=bytes(1024) + member("l.jpg")), "follows its end"),
    "wrong checksum": (tar_of(b"x" * 512), "no header"),
    "cut in a member": (tar_of(member("l.jpg", bytes(600)))[:-1600], "cut short"),
    "cut in a header": (tar_of()[:1100], "cut short"),
    "without an end": (tar_of(end=b""), "cut short"),
    "empty file": (b"", "cut short"),
    "no members": (bytes(10240), "no samples"),
    "no tar": (b"hello " * 500, "no header"),
    "compressed": (gzip.compress(tar_of()), "cut short|no header"),
}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tar_is_refused_in_one_line_and_nothing_is_written(tmp_path, name):
    content, reason = HOSTILE[name]
    (tmp_path / "k.tar").write_bytes(content)
    out = tmp_path / "safe" / "out"
    result = CliRunner().invoke(
        main, ["shards", "extract", str(tmp_path / "k.tar"), str(out), "--jobs", "1"]
    )
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ") and result.output.count("\n") == 1
    with pytest.raises(DatasetError, match=reason):
        raise DatasetError(result.output)
    assert files(tmp_path) == ["k.tar"]


def test_the_sound_part_of_these_tars_is_not_what_is_refused(tmp_path):
    (tmp_path / "k.tar").write_bytes(tar_of())
    assert [found.name for found in scan_tar(Place.of(tmp_path / "k.tar"))] == ["k.jpg", "k.png"]
    arguments = ["shards", "extract", str(tmp_path / "k.tar"), str(tmp_path / "out")]
    assert CliRunner().invoke(main, [*arguments, "--jobs", "1"]).exit_code == 0
    assert (tmp_path / "out" / "images" / "all" / "k.jpg").read_bytes() == b"image"
    assert (tmp_path / "out" / "annotations" / "all" / "k.png").read_bytes() == b"labels"


def test_a_bomb_of_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_reader, "MOST_MEMBERS", 20)
    (tmp_path / "k.tar").write_bytes(tar_of(*(member(f"{n}.jpg") for n in range(18))))
    assert len(scan_tar(Place.of(tmp_path / "k.tar"))) == 20
    (tmp_path / "k.tar").write_bytes(tar_of(*(member(f"{n}.jpg") for n in range(19))))
    with pytest.raises(DatasetError, match="more than 20 members"):
        scan_tar(Place.of(tmp_path / "k.tar"))


def test_a_key_with_a_folder_is_read_but_not_extracted(tmp_path):
    (tmp_path / "k.tar").write_bytes(tar_of(member("d/a.jpg"), member("d/a.png")))
    assert len(scan_tar(Place.of(tmp_path / "k.tar"))) == 4
    arguments = ["shards", "extract", str(tmp_path / "k.tar"), str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*arguments, "--jobs", "1"])
    assert result.exit_code == 1 and "the key 'd/a'" in result.output
    assert files(tmp_path) == ["k.tar"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_sound_tars_of_every_form_are_read_as_tarfile_reads_them(tmp_path, form):
    names = ["a.jpg", "b b.jpg", "d/" * 40 + "c.jpg", "x" * 90 + ".label.png"]
    if form != tarfile.USTAR_FORMAT:
        names += ["häuser-東京.jpg", "y" * 300 + ".jpg", "z" * 99 + "é.jpg"]
    path = tmp_path / "k.tar"
    with tarfile.open(path, "w", format=form, encoding="utf-8") as tar:
        tar.add(tmp_path, "d", recursive=False)
        for number, name in enumerate(names):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = 300 * number, 1.5
            info.pax_headers = {"comment": "ä", "SCHILY.xattr.user.x": "y"}
            tar.addfile(info, io.BytesIO(bytes([number]) * info.size))
    with tarfile.open(path) as tar:
        expected = [(each.name, (each.offset_data, each.size)) for each in tar if each.isfile()]
    assert scan_tar(Place.of(path)) == expected and len(expected) == len(names)


def test_a_tar_far_away_is_scanned_alike(tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    content = tar_of(*(member(f"{n}.jpg", bytes(n * 700)) for n in range(200)))
    (tmp_path / "k.tar").write_bytes(content)
    fsspec.filesystem("memory").pipe_file("/hostile/k.tar", content)
    far = Place.of("memory://hostile/k.tar")
    assert scan_tar(far) == scan_tar(Place.of(tmp_path / "k.tar"))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_whatever_a_tar_holds_it_is_listed_or_refused(tmp_path_factory, data):
    parts = [pax(("path", "a.jpg"), ("mtime", "1.5")), member("k.txt", bytes(700))]
    parts += [member("L", b"b.jpg\0", kind=b"L"), member("k.txt")]
    content = bytearray(tar_of(*parts))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
        start = place - place % 512
        block = content[start : start + 512]
        if data.draw(st.booleans()) and any(block):  # a checksum that is right lets more through
            block[148:156] = b" " * 8
            content[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    content = (
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    path = Path(tmp_path_factory.getbasetemp()) / "mutant.tar"
    path.write_bytes(content)
    try:
        members = scan_tar(Place.of(path))
    except DatasetError as error:
        assert "\n" not in str(error)
        return
    stop = 0
    for name, (offset, size) in members:
        assert stop <= offset <= offset + size <= len(content)
        assert name.isprintable() and ".." not in name.split("/") and not name.startswith("/")
        stop = offset + size


@pytest.mark.skipif(sys.platform == "win32", reason="names of other systems")
@pytest.mark.parametrize("name", ["../evil.jpg", "/evil.jpg", "other.jpg"])
def test_a_strange_member_in_an_indexed_shard_is_refused_before_anything_is_written(
    tiny_dataset, tmp_path, name
):
    folder = tmp_path / "shards"
    arguments = ["shard", str(tiny_dataset), str(folder), "--jobs", "1"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    path = next(folder.glob("*-val-*.tar"))
    content = bytearray(path.read_bytes())
    content[:512] = header(name, size=int(content[124:135], 8))
    path.write_bytes(content)
    before = files(tmp_path)
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["shards", "extract", str(folder), str(out), "--jobs", "1"])
    assert result.exit_code == 1 and result.output.count("\n") == 1
    assert name in result.output
    assert files(tmp_path) == before
