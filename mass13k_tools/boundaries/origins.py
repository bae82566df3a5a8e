"""What a file was made from, written into the file itself, and whether it is still whole."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import png_bytes
from mass13k_tools.inputs import read_bytes
from mass13k_tools.png_chunks import is_sound_png

PNG_HEAD = 33  # signature and IHDR, the first chunk
NPZ_HEAD = 30  # of each member, before its name
CHECKSUM = b"crc32 %08x"  # of an NPZ: its comment, and so its last bytes

Standing = Literal["missing", "known", "damaged", "other"]


def standing(path: Path, origin: str) -> Standing:
    """Say what is there under a file's name.

    Args:
        path: The file, PNG or NPZ.
        origin: What it should be made from.

    Returns:
        ``known``: a whole file that was made from this; ``damaged``: what is left of one.
    """
    if not path.exists():
        return "missing"
    try:
        content = read_bytes(path)
    except DatasetError:
        return "other"
    if path.suffix == ".npz":
        ours, whole = _npz_bears(content, origin), _is_whole_npz(content)
    else:
        ours, whole = content[PNG_HEAD:].startswith(_comment(origin)), is_sound_png(content)
    if not ours:
        return "other"
    return "known" if whole else "damaged"


def png_with_origin(pixels: LabelMap | Image, origin: str) -> bytes:
    """Encode a picture as PNG with a comment."""
    png = png_bytes(pixels)
    return png[:PNG_HEAD] + _comment(origin) + png[PNG_HEAD:]


def npz_with_origin(origin: str, **arrays: Any) -> bytes:
    """Encode arrays as compressed NPZ with a checksum; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, origin=np.array(origin), **arrays)
    content = buffer.getvalue()[:-2]  # without the length of a comment, which is 0
    checksum = CHECKSUM % zlib.crc32(content)
    return content + struct.pack("<H", len(checksum)) + checksum


def _comment(origin: str) -> bytes:
    """Make a PNG chunk of text."""
    body = b"tEXt" + b"Comment\0" + origin.encode("latin-1")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _npz_bears(content: bytes, origin: str) -> bool:
    """Compare the first member, without the list of members, which lies at the end."""
    wanted = io.BytesIO()
    np.save(wanted, np.array(origin))
    length = len(wanted.getvalue())
    try:
        start = NPZ_HEAD + sum(struct.unpack_from("<HH", content, NPZ_HEAD - 4))
        some = content[start : start + 2 * length]  # deflated it is shorter, never much longer
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(some, length) == wanted.getvalue()
    except (struct.error, zlib.error):
        return False


def _is_whole_npz(content: bytes) -> bool:
    """Compare the checksum; those of the members take 0.3 s of inflating at 12 megapixels."""
    length = len(CHECKSUM % 0)
    return content[-length:] == CHECKSUM % zlib.crc32(content[: -length - 2])
