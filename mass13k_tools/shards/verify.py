"""Compares a shard with its manifest, byte for byte, and its members with each other."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.dali import dali_index
from mass13k_tools.shards.energon import energon_offsets
from mass13k_tools.shards.findings import Finding
from mass13k_tools.shards.manifest import ShardManifest
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.shard_files import (
    TAR,
    ListedShard,
    expected_members,
    read_manifest,
    samples_of,
)
from mass13k_tools.shards.tar_reader import TarMember, scan_tar
from mass13k_tools.shards.tar_writer import Span
from mass13k_tools.shards.verify_sample import verify_facts, verify_pixels

STEP_BYTES = 2**24  # hashed at a time


class Verdict(NamedTuple):
    """What was found out about a shard."""

    findings: tuple[Finding, ...]
    manifest: ShardManifest | None
    """None where it cannot be read."""


def verify_shard(shard: ListedShard, *, taxonomy: Taxonomy, deep: bool) -> Verdict:
    """Read every byte of a shard and compare it with its manifest.

    Args:
        shard: As the index lists it.
        taxonomy: Of its label maps.
        deep: Also decode every picture, whole and in rectangles. Done anyway in shards with other
            bytes than were written, to name the samples that are damaged.
    """
    file, manifest = shard.entry.file, None
    findings: list[Finding] = []
    try:
        manifest = read_manifest(shard)
        if hashlib.sha256(shard.manifest.read()).hexdigest() != shard.entry.manifest_sha256:
            found = "other content than was written"
            findings.append(Finding("damaged-manifest", shard.manifest.name, found))
    except DatasetError as error:
        findings.append(Finding("damaged-manifest", shard.manifest.name, str(error)))
    if not shard.tar.exists():
        findings.append(Finding("missing-shard", file, "nothing", "the tar"))
        return Verdict(tuple(findings), manifest)
    lists = _verify_lists(shard, manifest) if manifest is not None and not findings else ()
    damage = list(_verify_bytes(shard))
    findings += [*damage, *lists]
    if manifest is not None:
        try:
            members = scan_tar(shard.tar)
        except DatasetError as error:
            findings.append(Finding("damaged-tar", file, str(error)))
            return Verdict(tuple(findings), manifest)
        findings += compare_members(members, expected_members(manifest), file)
        findings += _verify_samples(shard, manifest, taxonomy, deep=deep or bool(damage))
    return Verdict(tuple(findings), manifest)


def compare_members(
    found: list[TarMember], expected: list[TarMember], file: str
) -> Iterator[Finding]:
    """Compare what is in a tar with what should be, in order, place and size.

    Args:
        found: From the tar.
        expected: From the manifest.
        file: The tar's name, for findings.
    """
    wanted = dict(expected)
    present = dict(found)
    for name in sorted(present.keys() - wanted.keys()):
        yield Finding("extra-member", file, f"{name!r} at byte {present[name].offset}", "no such")
    for name in sorted(wanted.keys() - present.keys()):
        yield Finding("missing-member", file, f"no '{name}'", f"it at byte {wanted[name].offset}")
    for name in sorted(wanted.keys() & present.keys()):
        if present[name] != wanted[name]:
            there, here = _span_text(wanted[name]), _span_text(present[name])
            yield Finding("moved-member", file, f"'{name}' with {here}", there)


def _verify_bytes(shard: ListedShard) -> Iterator[Finding]:
    entry = shard.entry
    size = shard.tar.size()
    if size != entry.bytes:
        yield Finding("wrong-size", entry.file, f"{size} bytes", f"{entry.bytes}")
    digest = _sha256(shard.tar, size)
    if digest != entry.sha256:
        yield Finding("wrong-sha256", entry.file, digest, entry.sha256)


def _sha256(place: Place, size: int) -> str:
    digest = hashlib.sha256()
    for start in range(0, size, STEP_BYTES):
        digest.update(place.read(start, min(STEP_BYTES, size - start)))
    return digest.hexdigest()


def _verify_lists(shard: ListedShard, manifest: ShardManifest) -> Iterator[Finding]:
    """Compare the index files of other readers, where there are any, with the manifest."""
    stem = shard.entry.file.removesuffix(TAR)
    for end, make in ((".idx", dali_index), (".tar.idx", energon_offsets)):
        place = shard.folder.child(f"{stem}{end}")
        if place.exists() and place.read() != make(manifest):
            yield Finding("wrong-list", place.name, "other offsets", "those of the manifest")


def _verify_samples(
    shard: ListedShard, manifest: ShardManifest, taxonomy: Taxonomy, *, deep: bool
) -> Iterator[Finding]:
    copied = bool(manifest.settings.get("copy"))
    for sample in samples_of(shard, manifest):
        checks = [verify_facts(sample, taxonomy)]
        if deep:
            checks.append(verify_pixels(sample, taxonomy, copied=copied))
        for check in checks:
            yield from check


def _span_text(span: Span) -> str:
    return f"{span.size} bytes at {span.offset}"
