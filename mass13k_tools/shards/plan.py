"""Which samples go into which shard. Nothing here opens a file; sizes and times are looked up."""

import hashlib
import json
import re
import stat
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, Literal, NamedTuple

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Sample
from mass13k_tools.provenance import record_path
from mass13k_tools.shards.remote_root import RemotePath

Order = Literal["key", "shuffle"]

WRITER_VERSION = 1  # raise it when the same sources and settings give other shards
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
MOST_BYTES = 2**50


@dataclass(frozen=True, slots=True)
class ShardSettings:
    """What the bytes of shards depend on besides their samples."""

    copy: bool = False
    """Files as they are, neither decoded nor checked beyond their headers."""
    edges: bool = False
    """An edge map beside each label map."""
    order: Order = "key"
    """Of the samples in a shard."""
    seed: int = 0
    """Of the order ``shuffle``."""


class Source(NamedTuple):
    """A file that goes into a shard, as it was when the plan was made."""

    name: str
    bytes: int
    version: int | str
    """Time of change in ns; far away the server's checksum, or what else it tells."""


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One shard that is to be written."""

    name: str
    """File name without ``.tar``."""
    split: str
    samples: tuple[Sample, ...]
    """In the order in which they are written."""
    digest: str
    """SHA-256 of all that decides the shard's bytes."""


def parse_size(text: str) -> int:
    """Read a number of bytes such as ``1GB``, ``500MB``, ``1GiB`` or ``1048576``.

    Raises:
        DatasetError: The text is no size, or less than one byte.

    Example:
        >>> parse_size("1.5GB")
        1500000000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", text.strip().upper())
    size = int(float(match[1]) * UNITS.get(match[2], 0)) if match else 0
    if not 1 <= size <= MOST_BYTES:
        raise DatasetError(f"'{text}' is no size, expected such as 1GB, 500MB, 1GiB or 1048576")
    return size


def plan_shards(
    samples: Sequence[Sample],
    taxonomy: Taxonomy,
    *,
    name: str,
    size_bytes: int,
    settings: ShardSettings,
) -> list[ShardPlan]:
    """Deal the samples of every split to shards, as equal in number and bytes as can be.

    A split gets as many shards as its source files fill at ``size_bytes`` each. Their samples,
    largest first, are dealt in rounds of one per shard: the largest of each round goes to the shard
    that has the fewest bytes so far. So numbers differ by one at most.

    Args:
        samples: In the order of their splits.
        taxonomy: Of their label maps.
        name: First part of every file name.
        size_bytes: What a shard should take.
        settings: How shards are written.

    Raises:
        DatasetError: A key or split cannot be a name in a shard, a key is in a split twice, or a
            file is missing or no ordinary file.
    """
    check_name(name, "name")
    check_keys(samples)
    sources = {sample: _sources(sample) for sample in samples}
    plans = []
    for split in dict.fromkeys(sample.split for sample in samples):
        sizes = {
            sample: sum(source.bytes for source in files)
            for sample, files in sources.items()
            if sample.split == split
        }
        for number, dealt in enumerate(deal(sizes, size_bytes)):
            shard = f"{name}-{split}-{number:06d}"
            ordered = sorted(dealt, key=lambda sample: _rank(sample, settings))
            table = {
                "shard": shard,
                "settings": describe_settings(settings, taxonomy),
                "samples": [(sample.key, *sources[sample]) for sample in ordered],
            }
            digest = hashlib.sha256(json.dumps(table).encode()).hexdigest()
            plans.append(ShardPlan(shard, split, tuple(ordered), digest))
    return plans


def describe_settings(settings: ShardSettings, taxonomy: Taxonomy) -> dict[str, Any]:
    """List what shards depend on besides their sources, for manifests and comparison."""
    meaning = json.dumps([taxonomy.names, taxonomy.lookup])
    return {
        "writer": WRITER_VERSION,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        **asdict(settings),
        "taxonomy": taxonomy.name,
        "classes": hashlib.sha256(meaning.encode()).hexdigest(),
    }


def check_keys(samples: Sequence[Sample]) -> None:
    """Make sure that readers of tars will find every sample again.

    Raises:
        DatasetError: A key or split cannot be a name in a shard, or a key is in a split twice.
    """
    seen: dict[tuple[str, str], Sample] = {}
    for sample in samples:
        check_name(sample.split, "split")
        check_name(sample.key, "key", path=sample.image_path)
        other = seen.setdefault((sample.split, sample.key), sample)
        if other is not sample:
            raise DatasetError(
                f"two samples of '{sample.split}' have the key '{sample.key}': "
                f"'{other.image_path}' and '{sample.image_path}'; rename one of them"
            )


def check_name(text: str, what: str, *, path: Path | None = None) -> None:
    """Refuse what cannot be a name in a shard: readers of tars take a key to end at its first dot.

    What looks like a drive of Windows, such as ``a:b``, is refused by careful readers, ours too.

    Args:
        text: The name.
        what: What it names, for the message.
        path: The file that it is from, for the message.
    """
    bad = next((sign for sign in text if sign in "./\\" or not sign.isprintable()), "")
    bad = bad or PureWindowsPath(text).drive
    if bad or not text:
        found = f"has {bad!r} in it" if bad else "is empty"
        of = f" of '{path}'" if path else ""
        raise DatasetError(
            f"the {what} '{text}'{of} {found}, which no shard can hold: keys end at the first dot "
            "and hold no slash and no drive; rename it"
        )


def _sources(sample: Sample) -> tuple[Source, ...]:
    paths = [sample.image_path, sample.label_path]
    if sample.provenance_path is not None:
        paths += [sample.provenance_path, record_path(sample.provenance_path)]
    return tuple(_look_up(path) for path in paths)


def _look_up(path: Path | RemotePath) -> Source:
    try:
        found = path.stat()
    except OSError as error:
        raise DatasetError(f"cannot read '{path}': {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise DatasetError(f"cannot read '{path}': it is no ordinary file")
    version = path.version if isinstance(path, RemotePath) else found.st_mtime_ns
    return Source(path.name, found.st_size, version)


def deal(sizes: dict[Sample, int], size_bytes: int) -> list[list[Sample]]:
    """Deal samples to shards, as said in :func:`plan_shards`.

    Args:
        sizes: Bytes of every sample's files.
        size_bytes: What a shard should take.
    """
    count = min(len(sizes), max(1, -(-sum(sizes.values()) // size_bytes)))
    shards: list[list[Sample]] = [[] for _ in range(count)]
    filled = [0] * count
    largest_first = sorted(sizes, key=lambda sample: (-sizes[sample], sample.key))
    for start in range(0, len(sizes), count):
        emptiest_first = sorted(range(count), key=lambda number: (filled[number], number))
        for number, sample in zip(
            emptiest_first, largest_first[start : start + count], strict=False
        ):
            shards[number].append(sample)
            filled[number] += sizes[sample]
    return shards


def _rank(sample: Sample, settings: ShardSettings) -> str:
    """Give what samples of a shard are sorted by."""
    if settings.order == "key":
        return sample.key
    shuffled = f"{settings.seed}/{sample.split}/{sample.key}".encode()
    return hashlib.sha256(shuffled).hexdigest()
