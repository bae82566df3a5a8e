"""Writes one shard: a tar and the manifest beside it.

The manifest is put in its place before the tar. So a tar that is there has its manifest, and a
shard is finished when its tar has the length that the manifest says; whatever kills a run, nothing
else is needed to go on.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Sample
from mass13k_tools.shards.converted import converted_sample
from mass13k_tools.shards.copied import copied_sample
from mass13k_tools.shards.encoded import Encoded, read_sources
from mass13k_tools.shards.manifest import (
    Quarantined,
    SampleEntry,
    ShardManifest,
    manifest_bytes,
)
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.plan import ShardPlan, ShardSettings, describe_settings
from mass13k_tools.shards.tar_writer import TarWriter

PARTIAL = ".part"  # end of names of files that are being written
# Names of such files: a shard, one that comes from another disk, and a small file of ``outputs``
LEFT_BEHIND = re.compile(r"\.(?:(.+-\d{6})\.(?:[0-9a-f]{8}|tar)|[a-z0-9_]{8})\.part")
DERIVED = (".idx", ".tar.idx")  # ends of names of files that follow from a shard


@dataclass(frozen=True, slots=True)
class Target:
    """Where shards go, and how."""

    out: Place
    workspace: Path
    """Local folder for files that are being written: ``out`` itself where it is local."""
    settings: ShardSettings
    taxonomy: Taxonomy
    strict: bool = False
    """Stop at a sample that is no good, in place of leaving it out."""

    def described(self) -> dict[str, Any]:
        """List what shards depend on besides their sources."""
        return describe_settings(self.settings, self.taxonomy)


def write_shard(plan: ShardPlan, *, target: Target) -> ShardManifest:
    """Write a shard in the place of whatever is there.

    Args:
        plan: What goes into it.
        target: Where it goes, and how.

    Raises:
        DatasetError: A file cannot be read or the shard cannot be written; with ``strict`` also
            when a sample is no good.
    """
    out, tar = target.out, f"{plan.name}.tar"
    remove_partials(target.workspace, plan.name)
    for end in (*DERIVED, ".tar"):
        out.child(f"{plan.name}{end}").remove()
    partial = target.workspace / f".{plan.name}.{secrets.token_hex(4)}{PARTIAL}"
    try:
        target.workspace.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            manifest = _write_samples(file, plan, target)
        out.child(f"{plan.name}.json").write(manifest_bytes(manifest))
        if manifest.samples:
            out.child(tar).put(partial)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"cannot write '{out.child(tar).address}': {reason}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return manifest


def remove_partials(workspace: Path, shard: str = "") -> None:
    """Remove what killed runs left behind, and no other hidden file.

    Args:
        workspace: Where they worked.
        shard: Only files of this shard.
    """
    for path in workspace.iterdir() if workspace.is_dir() else ():
        match = LEFT_BEHIND.fullmatch(path.name)
        if match and shard in ("", match[1]):
            with contextlib.suppress(OSError):
                path.unlink()


def _write_samples(file: BinaryIO, plan: ShardPlan, target: Target) -> ShardManifest:
    entries, quarantined = [], []
    tar = TarWriter(file)
    try:
        for outcome in _encoded_ahead(plan, target):
            if isinstance(outcome, Quarantined):
                quarantined.append(outcome)
                continue
            spans = {
                suffix: tar.add(f"{outcome.key}.{suffix}", content)
                for suffix, content in outcome.members.items()
            }
            entries.append(
                SampleEntry(outcome.key, outcome.size_hw, outcome.seekable, outcome.mipq, spans)
            )
        digest = tar.close()
    finally:
        tar.stop()
    return ShardManifest(
        plan=plan.digest,
        settings=target.described(),
        file=f"{plan.name}.tar",
        bytes=tar.bytes if entries else 0,
        sha256=digest,
        samples=tuple(entries),
        quarantined=tuple(quarantined),
    )


def _encoded_ahead(plan: ShardPlan, target: Target) -> Iterator[Encoded | Quarantined]:
    """Encode samples in their order, each while the one before it is written."""
    with ThreadPoolExecutor(1) as executor:
        coming = executor.submit(_encode, plan.samples[0], target)
        for sample in (*plan.samples[1:], None):
            outcome = coming.result()
            if sample is not None:
                coming = executor.submit(_encode, sample, target)
            yield outcome


def _encode(sample: Sample, target: Target) -> Encoded | Quarantined:
    files = read_sources(
        sample
    )  # what cannot be read now may be read later: no reason to leave out
    try:
        if target.settings.copy and not target.settings.edges:
            return copied_sample(sample, files)
        return converted_sample(sample, files, target.taxonomy, target.settings)
    except DatasetError as error:
        if target.strict:
            raise DatasetError(f"sample '{sample.key}' of '{sample.split}': {error}") from error
        return Quarantined(sample.key, str(error))
