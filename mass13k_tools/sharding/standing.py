"""What an output folder holds before a run: finished shards, and what is in the way."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.index import FORMAT as INDEX_FORMAT
from mass13k_tools.shards.index import INDEX
from mass13k_tools.shards.manifest import ShardManifest, parse_manifest, parse_table
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.plan import ShardPlan

QUARANTINE = "quarantine.json"
SHARD_FILE = re.compile(r"(.+-\d{6})\.(tar|json)")
REPLACE = "pass --overwrite to replace it, or write somewhere else"


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is of a run's shards."""

    finished: Mapping[str, ShardManifest]
    """By the plan's name."""
    stale: tuple[str, ...]
    """Names of shards of other runs, without ``.tar``; to be removed."""
    in_the_way: str | None
    """Why nothing may be written without --overwrite."""


def look_around(out: Place, plans: Sequence[ShardPlan], *, settings: Mapping[str, Any]) -> Standing:
    """Compare what is in a folder with what is to be there.

    A shard is finished when its manifest has the plan's digest and its tar the manifest's length.

    Args:
        out: The folder.
        plans: The shards that are wanted.
        settings: How they are written.

    Raises:
        DatasetError: The folder cannot be read.
    """
    wanted = {plan.name: plan for plan in plans}
    names = set(out.names())
    shards = sorted({match[1] for name in names if (match := SHARD_FILE.fullmatch(name))})
    finished, stale, in_the_way = {}, [], _strange_index(out, names)
    for shard in shards:
        manifest = _manifest(out, shard) if f"{shard}.json" in names else None
        plan = wanted.get(shard)
        if manifest is None:
            if plan is not None:
                here = out.child(f"{shard}.tar" if f"{shard}.tar" in names else f"{shard}.json")
                in_the_way = f"'{here.address}' is not from a run of this command; {REPLACE}"
        elif plan is None or manifest.plan != plan.digest:
            stale.append(shard)
            difference = _difference(manifest.settings, settings)
            in_the_way = in_the_way or (
                f"'{out.child(shard).address}.tar' is from a run with other {difference}; {REPLACE}"
            )
        elif _is_whole(out, manifest, names):
            finished[shard] = manifest
    return Standing(finished, tuple(stale), in_the_way)


def check_written(out: Place, manifest: ShardManifest) -> None:
    """Make sure that a shard is where this process can see it, not only its worker.

    Args:
        out: The folder.
        manifest: What a worker says that it wrote.

    Raises:
        DatasetError: It is not there.
    """
    tar = out.child(manifest.file)
    if manifest.samples and not (tar.exists() and tar.size() == manifest.bytes):
        raise DatasetError(
            f"a worker wrote '{tar.address}', but it is not there for this process; "
            "is OUT a folder that all workers share?"
        )


def _is_whole(out: Place, manifest: ShardManifest, names: set[str]) -> bool:
    if not manifest.samples:
        return manifest.file not in names
    return manifest.file in names and out.child(manifest.file).size() == manifest.bytes


def _manifest(out: Place, shard: str) -> ShardManifest | None:
    name = f"{shard}.json"
    try:
        return parse_manifest(out.child(name).read(), name)
    except (
        DatasetError
    ):  # somebody else's file, or one that is damaged: not ours to replace unasked
        return None


def _strange_index(out: Place, names: set[str]) -> str | None:
    if INDEX in names:
        try:
            parse_table(out.child(INDEX).read(), INDEX_FORMAT, INDEX)
        except DatasetError as error:
            return f"'{out.address}' holds another file of that name: {error}; {REPLACE}"
    return None


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say what differs between two runs."""
    changed = [name for name in new if old.get(name) != new[name]]
    if not changed:
        return "sources, name or --size"
    return "options: " + ", ".join(
        f"{name} {old.get(name)!r:.20}, now {new[name]!r:.20}" for name in changed
    )
