"""A shard as its files describe it: the entry of the index, the manifest, and the tar."""

from dataclasses import dataclass, replace
from pathlib import Path

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.index import INDEX, ShardEntry, ShardIndex
from mass13k_tools.shards.manifest import SampleEntry, ShardManifest, parse_manifest
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.plan import check_name
from mass13k_tools.shards.remote_root import root_at
from mass13k_tools.shards.shard_sample import ShardSample
from mass13k_tools.shards.tar_reader import TarMember

TAR = ".tar"


@dataclass(frozen=True, slots=True)
class ListedShard:
    """A shard of an index."""

    folder: Place
    split: str
    entry: ShardEntry

    @property
    def tar(self) -> Place:
        """Where its samples are."""
        return self.folder.child(self.entry.file)

    @property
    def manifest(self) -> Place:
        """Where the file beside it is."""
        return self.folder.child(f"{self.entry.file.removesuffix(TAR)}.json")


def holds_shards(address: str | Path) -> bool:
    """Tell shards, or one of them, from a data set in folders, beside which archives may lie.

    Raises:
        DatasetError: The address cannot be reached.
    """
    place = Place.of(address)
    if place.name.endswith(TAR) or place.child(INDEX).exists():
        return True
    root = root_at(address)
    entries = list(root.iterdir()) if root.is_dir() else []
    return any(path.suffix == TAR for path in entries) and not any(
        path.is_dir() for path in entries
    )


def listed_shards(folder: Place, index: ShardIndex) -> list[ListedShard]:
    """List the shards of an index, in its order.

    Raises:
        DatasetError: A split cannot be a folder's name, or a shard is listed twice.
    """
    shards = []
    for split, entries in index.splits.items():
        check_name(split, "split")
        shards += [ListedShard(folder, split, entry) for entry in entries]
    seen: set[str] = set()
    for shard in shards:
        if shard.entry.file in seen:
            raise DatasetError(f"the index of '{folder.address}' lists '{shard.entry.file}' twice")
        seen.add(shard.entry.file)
    return shards


def read_manifest(shard: ListedShard) -> ShardManifest:
    """Read the manifest of a shard.

    Raises:
        DatasetError: It is missing or damaged, or tells other things than the index.
    """
    place = shard.manifest
    manifest = parse_manifest(place.read(), place.address)
    found = replace(
        shard.entry,
        file=manifest.file,
        samples=len(manifest.samples),
        bytes=manifest.bytes,
        sha256=manifest.sha256,
        seekable=manifest.seekable,
    )
    if found != shard.entry:
        raise DatasetError(
            f"'{place.address}' and the index differ: {found.samples} samples in {found.bytes} "
            f"bytes {found.sha256[:8]}…, expected {shard.entry.samples} in {shard.entry.bytes} "
            f"bytes {shard.entry.sha256[:8]}…; 'mass13k shards verify' lists all such shards"
        )
    for sample in manifest.samples:
        _check_sample(sample, place)
    return manifest


def samples_of(shard: ListedShard, manifest: ShardManifest) -> list[ShardSample]:
    """Give the samples of a shard, in its order."""
    return [
        ShardSample(
            sample.key,
            shard.split,
            shard.tar,
            sample.members,
            sample.size_hw,
            sample.seekable,
            sample.mipq,
        )
        for sample in manifest.samples
    ]


def expected_members(manifest: ShardManifest) -> list[TarMember]:
    """List what the tar of a manifest holds."""
    return [
        TarMember(f"{sample.key}.{ending}", span)
        for sample in manifest.samples
        for ending, span in sample.members.items()
    ]


def check_unique(samples: list[ShardSample]) -> None:
    """Make sure that every key is in its split once.

    Raises:
        DatasetError: One is not.
    """
    seen: dict[tuple[str, str], ShardSample] = {}
    for sample in samples:
        other = seen.setdefault((sample.split, sample.key), sample)
        if other is not sample:
            raise DatasetError(
                f"the key '{sample.key}' of '{sample.split}' is in '{other.tar.name}' and in "
                f"'{sample.tar.name}'"
            )


def _check_sample(sample: SampleEntry, manifest: Place) -> None:
    """Refuse names that would lead elsewhere, and pictures without pixels."""
    try:
        check_name(sample.key, "key")
        for ending in sample.members:
            for part in ending.split("."):
                check_name(part, "ending")
        if min(sample.size_hw) < 1:
            raise DatasetError(f"'{sample.key}' has no pixels")
    except DatasetError as error:
        raise DatasetError(f"'{manifest.address}' is damaged: {error}") from error
