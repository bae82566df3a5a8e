"""What a file's name tells about the shot: number, batch, date, city, source.

MaSS13K's names look like ``06115_b06_20230210_tianjin_id2974``. Photos of one batch, day and city
show the same streets in the same light, so a fair split keeps them together.
"""

import re
from datetime import datetime
from typing import NamedTuple

from mass13k_tools.errors import DatasetError

# Words that cameras and programs put into file names; they are letters only, but no city
OTHER_WORDS = {
    *("img", "dsc", "dcim", "pxl", "vid", "mvimg", "photo", "image", "screenshot"),
    *("hdr", "pano", "burst", "portrait", "night", "cover", "copy", "edit", "edited", "crop"),
}


class Capture(NamedTuple):
    """The fields of a file name; None where the name does not have one."""

    number: str | None = None
    """Running number, such as ``"06115"``."""
    batch: str | None = None
    """Delivery, such as ``"b06"``."""
    date: str | None = None
    """Day as eight digits, such as ``"20230210"``."""
    city: str | None = None
    source_id: str | None = None
    """Number at the source, such as ``"id2974"``."""


def capture_of(key: str) -> Capture:
    """Read the fields of a sample's key, in any order.

    A name with neither batch, date nor source id is somebody else's scheme: none of it is read.

    Args:
        key: File name without ending.

    Returns:
        The fields that the name has.

    Example:
        >>> capture_of("06115_b06_20230210_tianjin_id2974")
        Capture(number='06115', batch='b06', date='20230210', city='tianjin', source_id='id2974')
        >>> capture_of("hong_kong_2023-02-10").city
        'hong_kong'
        >>> capture_of("ADE_train_00016900")
        Capture(number=None, batch=None, date=None, city=None, source_id=None)
    """
    fields: dict[str, str] = {}
    before = None
    for text in re.split(r"[_\s-]+", re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\1\2\3", key)):
        kind = _kind(text)
        if kind == before == "city":
            fields["city"] += f"_{text}"  # a name of several words
        elif kind and kind not in fields:
            fields[kind] = text
        else:
            kind = None  # the second of its kind says nothing
        before = kind
    fields = {kind: text.casefold() for kind, text in fields.items()}
    return Capture(**fields) if fields.keys() & {"batch", "date", "source_id"} else Capture()


def group_of(sample_key: str, *, pattern: str | None = None) -> str | None:
    """Name what a sample was shot together with.

    Args:
        sample_key: File name without ending.
        pattern: Regular expression; its first group (or all of it) is the name instead.

    Returns:
        Batch, date and city, as far as they are known; None when neither date nor city is, or when
        the pattern is not found.

    Raises:
        DatasetError: The pattern is no regular expression.

    Example:
        >>> group_of("06115_b06_20230210_tianjin_id2974")
        'b06_20230210_tianjin'
        >>> group_of("0001TP_009330", pattern="^([^_]+)_")
        '0001TP'
    """
    if pattern is not None:
        try:
            match = re.search(pattern, sample_key)
        except re.error as error:
            raise DatasetError(f"'{pattern}' is no regular expression: {error}") from error
        return match and match[min(1, match.re.groups)]
    capture = capture_of(sample_key)
    if capture.date is None and capture.city is None:
        return None
    known = (capture.batch, capture.date, capture.city)
    return "_".join(text for text in known if text)


def _kind(text: str) -> str | None:
    """Tell which field of a capture a part of a name is."""
    if _is_date(text):
        return "date"
    if re.fullmatch(r"b\d+", text, re.IGNORECASE):
        return "batch"
    if re.fullmatch(r"id\d+", text, re.IGNORECASE):
        return "source_id"
    if re.fullmatch(r"\d+", text):
        return "number"
    if text.isalpha() and text.casefold() not in OTHER_WORDS:
        return "city"
    return None


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{8}", text, re.ASCII):
        return False
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return True
