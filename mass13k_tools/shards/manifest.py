"""The file beside each shard: what it holds, where, and what it was made from.

It is how a later run knows that a shard is finished, and how a reader finds a sample by number.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, NamedTuple, TypeVar

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.tar_writer import Span

FORMAT = "mass13k-shard/1"
MOST_MIPQ = (
    1e12  # far beyond that of any label map that can be decoded; sums of more are not finite
)

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """A sample of a shard."""

    key: str
    size_hw: tuple[int, int]
    seekable: bool
    mipq: float | None
    members: Mapping[str, Span]
    """Suffix -> where its content lies in the tar, in the tar's order."""


class Quarantined(NamedTuple):
    """A sample that was left out."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShardManifest:
    """A finished shard."""

    plan: str
    """SHA-256 of all that decides the shard's bytes; see ``plan``."""
    settings: Mapping[str, Any]
    """What of that is not sources."""
    file: str
    bytes: int
    """0 where every sample was left out: then there is no tar."""
    sha256: str
    samples: tuple[SampleEntry, ...]
    quarantined: tuple[Quarantined, ...] = ()

    @property
    def seekable(self) -> int:
        """Number of samples whose images can be read in parts."""
        return sum(sample.seekable for sample in self.samples)


def manifest_bytes(shard: ShardManifest) -> bytes:
    """Write the file."""
    table = asdict(shard)
    table["samples"] = [_sample_table(sample) for sample in shard.samples]
    table["quarantined"] = [each._asdict() for each in shard.quarantined]
    return json.dumps({"format": FORMAT, **table}, allow_nan=False).encode() + b"\n"


def parse_manifest(content: bytes, name: str) -> ShardManifest:
    """Read the file.

    Args:
        content: Its bytes.
        name: What it is called, for messages.

    Raises:
        DatasetError: It is damaged or no such file.
    """
    table = parse_table(content, FORMAT, name)
    try:
        shard = ShardManifest(
            plan=field(table, "plan", str),
            settings=field(table, "settings", dict),
            file=field(table, "file", str),
            bytes=natural(table, "bytes"),
            sha256=field(table, "sha256", str),
            samples=tuple(_sample(row) for row in field(table, "samples", list)),
            quarantined=tuple(
                Quarantined(field(row, "key", str), field(row, "reason", str))
                for row in field(table, "quarantined", list)
            ),
        )
        _check_spans(shard)
    except DatasetError as error:
        raise DatasetError(f"'{name}' is damaged: {error}") from error
    return shard


def parse_table(content: bytes, expected_format: str, name: str) -> dict[str, Any]:
    """Read a JSON object that says which format it has.

    Raises:
        DatasetError: It is no JSON object, or of another format.
    """
    try:
        table = json.loads(content, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"'{name}' is damaged or no JSON: {error}") from error
    found = table.get("format") if isinstance(table, dict) else None
    if found != expected_format:
        raise DatasetError(f"'{name}' has format {found!r}, expected '{expected_format}'")
    return dict(table)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def field(table: Any, name: str, kind: type[Kind]) -> Kind:
    """Take a value of exactly this type out of a parsed object."""
    value = table.get(name) if isinstance(table, dict) else None
    if type(value) is not kind:
        raise DatasetError(f"'{name}' is {value!r:.40}, expected {kind.__name__}")
    return value


def natural(table: Any, name: str) -> int:
    """Take a whole number of 0 or more out of a parsed object."""
    value = field(table, name, int)
    if value < 0:
        raise DatasetError(f"'{name}' is {value}, expected 0 or more")
    return value


def _sample_table(sample: SampleEntry) -> dict[str, Any]:
    height, width = sample.size_hw
    return {
        "key": sample.key,
        "height": height,
        "width": width,
        "seekable": sample.seekable,
        "mipq": sample.mipq,
        "members": sample.members,
    }


def _sample(row: Any) -> SampleEntry:
    mipq = row.get("mipq") if isinstance(row, dict) else None
    if mipq is not None and not 0 <= field(row, "mipq", float) <= MOST_MIPQ:
        raise DatasetError(f"'mipq' is {mipq}, expected 0 or more")
    return SampleEntry(
        key=field(row, "key", str),
        size_hw=(natural(row, "height"), natural(row, "width")),
        seekable=field(row, "seekable", bool),
        mipq=mipq,
        members={
            suffix: _span(span, suffix) for suffix, span in field(row, "members", dict).items()
        },
    )


def _span(span: Any, suffix: str) -> Span:
    if not isinstance(span, list) or len(span) != 2:
        raise DatasetError(f"member '{suffix}' is {span!r:.40}, expected [offset, size]")
    if any(type(number) is not int or number < 0 for number in span):
        raise DatasetError(f"member '{suffix}' is at {span!r:.40}, expected whole numbers")
    return Span(*span)


def _check_spans(shard: ShardManifest) -> None:
    """Make sure that members lie in the tar, one behind the other, so that none is read twice."""
    stop = 0
    for sample in shard.samples:
        for suffix, span in sample.members.items():
            if span.offset < stop or span.offset + span.size > shard.bytes:
                raise DatasetError(
                    f"'{sample.key}.{suffix}' is at {span.offset} to {span.offset + span.size} of "
                    f"{shard.bytes} bytes, expected behind {stop}"
                )
            stop = span.offset + span.size
