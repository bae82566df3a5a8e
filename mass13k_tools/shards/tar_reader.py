"""Finds the members of a tar without believing it: whatever no shard needs is refused.

Only headers are read, nothing is unpacked. A tar may come from anyone, so one line says why it is
refused when it holds

* names that lead out of a folder, are not text, or come twice,
* links, devices, sparse files or anything else than ordinary files and folders,
* sizes beyond the end of the tar, or written in other ways than ustar's,
* PAX records that change more than a name, or that are large,
* more members than any shard has, or something behind its end.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import NamedTuple

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.tar_writer import BLOCK, Span

MOST_MEMBERS = 10**6
MOST_NAME_BYTES = 2**16  # of a PAX or GNU header with a long name
WINDOW_BYTES = {True: 2**12, False: 2**16}  # read at once where the tar is local, or is not

FILES, FOLDER, PAX, PAX_FOR_ALL, LONG_NAME = b"0\0", b"5", b"x", b"g", b"L"
REFUSED_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"7": "a contiguous file",
    b"K": "a link with a long name",
    b"S": "a sparse file",
}
# PAX records that change neither name nor content
IDLE_RECORDS = ("mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment")
IDLE_MAKERS = ("SCHILY.xattr.", "SCHILY.acl.", "LIBARCHIVE.", "RHT.")


class TarMember(NamedTuple):
    """An ordinary file in a tar."""

    name: str
    span: Span


class _Header(NamedTuple):
    """A block of the tar that begins a member."""

    kind: bytes
    name: bytes
    span: Span


def scan_tar(place: Place) -> list[TarMember]:
    """List the files of a tar in their order.

    Args:
        place: The tar.

    Returns:
        Names without ``./``; folders are left out.

    Raises:
        DatasetError: It is damaged, cut short, no tar, or refused as said above.
    """
    window = _Window(place)
    try:
        members: dict[str, Span] = {}
        for header, long_name in _members(window):
            name = member_name(header.name if long_name is None else long_name)
            if header.kind == FOLDER or name.endswith("/"):
                continue
            if name in members:
                raise DatasetError(f"it holds {name!r} twice")
            if len(members) == MOST_MEMBERS:
                raise DatasetError(f"it has more than {MOST_MEMBERS:,} members")
            members[name] = header.span
    except DatasetError as error:
        raise DatasetError(f"tar '{place.address}' is refused: {error}") from error
    return [TarMember(name, span) for name, span in members.items()]


def member_name(raw: bytes) -> str:
    """Decode the name of a member, if it stays in the folder that it is unpacked in.

    Example:
        >>> member_name(b"./train/a.jpg")
        'train/a.jpg'
        >>> member_name(b"../a.jpg")
        Traceback (most recent call last):
        mass13k_tools.errors.DatasetError: the member '../a.jpg' leads out of its folder

    Raises:
        DatasetError: It does not, or is no name.
    """
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"the name {raw!r:.80} of a member is no UTF-8") from error
    if not name or not name.isprintable():
        raise DatasetError(f"the name {name!r:.80} of a member cannot be printed")
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or windows.anchor or windows.drive or ".." in windows.parts:
        raise DatasetError(f"the member {name!r:.80} leads out of its folder")
    return f"{path}/" if name.endswith("/") else str(path)


def _members(window: "_Window") -> Iterator[tuple[_Header, bytes | None]]:
    """Give files and folders, with the long name that a header before them gave them."""
    long_name = None
    for header in _headers(window):
        if header.kind in (PAX, PAX_FOR_ALL, LONG_NAME):
            if header.span.size > MOST_NAME_BYTES or long_name is not None:
                raise DatasetError("it has names that are too long, or two for one member")
            content = window.read(header.span)
            if header.kind == LONG_NAME:
                long_name = content.partition(b"\0")[0]
            else:
                path = _pax_path(content)
                if path is not None and header.kind == PAX_FOR_ALL:
                    raise DatasetError("it gives one name to all its members")
                long_name = path
        elif header.kind in FILES or header.kind == FOLDER:
            if header.kind == FOLDER and header.span.size:
                raise DatasetError(f"its folder {header.name!r:.80} has content")
            yield header, long_name
            long_name = None
        else:
            what = REFUSED_KINDS.get(header.kind, f"of the unknown kind {header.kind!r}")
            raise DatasetError(f"its member {header.name!r:.80} is {what}, no ordinary file")
    if long_name is not None:
        raise DatasetError("it ends with a name that belongs to no member")


def _headers(window: "_Window") -> Iterator[_Header]:
    position = 0
    while True:
        block = window.read(Span(position, BLOCK))
        if not any(block):
            break
        header = _parse_header(block, position)
        position += BLOCK + header.span.size + -header.span.size % BLOCK
        if position > window.bytes:
            stop = header.span.offset + header.span.size
            raise DatasetError(
                f"it is cut short: {header.name!r:.80} ends at byte {stop}, the tar at "
                f"{window.bytes}"
            )
        yield header
    window.check_zeros(position)


def _parse_header(block: bytes, position: int) -> _Header:
    unsigned = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if _octal(block[148:156]) != unsigned:
        raise DatasetError(f"there is no header of a tar at byte {position}; is it damaged?")
    size = _octal(block[124:136])
    name = block[:100].partition(b"\0")[0]
    if size is None:
        raise DatasetError(f"the size of {name!r:.80} is not written in octal digits")
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    if prefix:
        name = prefix + b"/" + name
    return _Header(block[156:157], name, Span(position + BLOCK, size))


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]+", digits) else None


def _pax_path(content: bytes) -> bytes | None:
    """Read PAX records, of which only a name may say anything new.

    Example:
        >>> _pax_path(b"14 path=a.jpg" + bytes([10]))
        b'a.jpg'
    """
    path = None
    while content.strip(b"\0"):
        length, _, _ = content.partition(b" ")
        stop = int(length) if re.fullmatch(rb"[1-9][0-9]{0,5}", length) else 0
        key, equals, value = content[len(length) + 1 : stop - 1].partition(b"=")
        if not equals or content[stop - 1 : stop] != b"\n":
            raise DatasetError("it has a PAX record that cannot be read")
        text = key.decode("utf-8", "replace")
        if text == "path":
            path = value
        elif text not in IDLE_RECORDS and not text.startswith(IDLE_MAKERS):
            raise DatasetError(f"it has the PAX record {text!r:.80}, which no shard needs")
        content = content[stop:]
    return path


class _Window:
    """Reads small parts of a tar, those that lie together at once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._start, self._content = 0, b""
        self.bytes = place.size()

    def read(self, span: Span) -> bytes:
        """Read a part.

        Raises:
            DatasetError: The tar ends before it does.
        """
        stop = span.offset + span.size
        if stop > self.bytes:
            raise DatasetError(f"it is cut short: it ends at byte {self.bytes} without an end mark")
        if span.offset < self._start or stop > self._start + len(self._content):
            length = max(WINDOW_BYTES[self._place.local is not None], span.size)
            self._start = span.offset
            self._content = self._place.read(span.offset, min(length, self.bytes - span.offset))
        return self._content[span.offset - self._start : stop - self._start]

    def check_zeros(self, position: int) -> None:
        """Make sure that nothing follows, so that nobody who reads on finds more."""
        while position < self.bytes:
            part = self.read(Span(position, min(2**16, self.bytes - position)))
            if any(part):
                raise DatasetError(f"something follows its end, behind byte {position}")
            position += len(part)
