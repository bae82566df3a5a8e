"""All shards of an index against the index, by many workers."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from mass13k_tools.errors import DatasetError
from mass13k_tools.pool import Workers, run
from mass13k_tools.sharding.standing import QUARANTINE, SHARD_FILE
from mass13k_tools.shards.energon import META, energon_files
from mass13k_tools.shards.findings import KINDS, Finding
from mass13k_tools.shards.index import INDEX, ShardIndex, index_bytes, index_digest, read_index
from mass13k_tools.shards.manifest import ShardManifest, parse_manifest
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.plan import ShardSettings, describe_settings
from mass13k_tools.shards.shard_files import TAR, ListedShard, listed_shards
from mass13k_tools.shards.verify import Verdict, verify_shard


class Report(NamedTuple):
    """What a verification found."""

    findings: tuple[Finding, ...]
    shards: int
    samples: int
    bytes: int
    """What the index says, or 0 without one."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify_shards(folder: Place, *, deep: bool, workers: Workers) -> Report:
    """Compare shards with their manifests and these with the index.

    Args:
        folder: Where the index is.
        deep: Also decode every picture, whole and in rectangles.
        workers: Who reads.
    """
    try:
        index = read_index(folder)
        shards = listed_shards(folder, index)
        names = folder.names()
    except DatasetError as error:
        return Report((Finding("damaged-index", INDEX, str(error)),), 0, 0, 0)
    findings = _strangers(folder, names, shards)
    manifests: dict[str, ShardManifest] = {}
    verify = partial(verify_shard, taxonomy=index.taxonomy, deep=deep)
    for done in run(verify, shards, workers=workers, title="verify"):
        verdict: Verdict = done.result or Verdict(
            (Finding("not-verified", done.item.entry.file, str(done.failure)),), None
        )
        findings += verdict.findings
        if verdict.manifest is not None:
            manifests[done.item.entry.file] = verdict.manifest
    findings += _duplicates(shards, manifests)
    damaged = {finding.file for finding in findings if finding.kind == "damaged-manifest"}
    sound = {
        shard.entry.file: manifests[shard.entry.file]
        for shard in shards
        if shard.entry.file in manifests and shard.manifest.name not in damaged
    }
    findings += _verify_digests(folder, index, names) + _verify_meaning(index, sound)
    findings += _verify_rows(folder, index, names, sound)
    order = list(KINDS)
    findings.sort(key=lambda each: (each.file, each.key, order.index(each.kind), each.found))
    return Report(
        tuple(findings),
        len(shards),
        sum(shard.entry.samples for shard in shards),
        sum(shard.entry.bytes for shard in shards),
    )


def _strangers(folder: Place, names: Sequence[str], shards: Sequence[ListedShard]) -> list[Finding]:
    """Find tars and manifests that the index does not list; samples left out leave manifests."""
    listed = {shard.entry.file for shard in shards}
    findings = [
        Finding("extra-shard", name, "a tar that the index does not list")
        for name in names
        if name.endswith(TAR) and name not in listed
    ]
    for name in names:
        match = SHARD_FILE.fullmatch(name)
        if match and match[2] == "json" and f"{match[1]}{TAR}" not in listed:
            try:
                empty = not parse_manifest(folder.child(name).read(), name).samples
            except DatasetError:
                empty = False
            if not empty:
                found = "a manifest of a shard that the index does not list"
                findings.append(Finding("extra-shard", name, found))
    return findings


def _duplicates(
    shards: Sequence[ListedShard], manifests: Mapping[str, ShardManifest]
) -> list[Finding]:
    first: dict[tuple[str, str], str] = {}
    findings = []
    for shard in shards:
        file = shard.entry.file
        for sample in manifests[file].samples if file in manifests else ():
            place = (shard.split, sample.key)
            if place in first:
                found = f"a key of '{shard.split}' that is in '{first[place]}' as well"
                findings.append(Finding("duplicate-key", file, found, key=sample.key))
            first.setdefault(place, file)
    return findings


def _verify_rows(
    folder: Place, index: ShardIndex, names: Sequence[str], sound: Mapping[str, ShardManifest]
) -> list[Finding]:
    """Compare the index, and the lists of other readers, with what the manifests give.

    Only splits of which every manifest is sound are compared: a damaged one is found already, and
    says nothing of the index.
    """
    splits = {
        split: [sound[entry.file] for entry in entries]
        for split, entries in index.splits.items()
        if all(entry.file in sound for entry in entries)
    }
    wanted = json.loads(
        index_bytes(index.name, index.taxonomy, settings=index.settings, splits=splits)
    )
    table = json.loads(folder.child(INDEX).read())
    findings = []
    for split, row in wanted["splits"].items():
        for name, value in row.items():
            found = table["splits"][split].get(name)
            if not _same(found, value):
                text = f"'{name}' of '{split}' is {found!r:.80}"
                findings.append(Finding("damaged-index", INDEX, text, f"{value!r:.80}"))
    if META in names and len(splits) == len(index.splits):
        for name, content in energon_files(splits).items():
            place = folder.child(f"{META}/{name}")
            if not place.exists() or place.read() != content:
                findings.append(Finding("wrong-list", f"{META}/{name}", "not what the shards give"))
    return findings


def _verify_digests(folder: Place, index: ShardIndex, names: Sequence[str]) -> list[Finding]:
    """Compare the index, and the list of samples that were left out, with their digests."""
    findings = []
    table = json.loads(folder.child(INDEX).read())
    if table.get("sha256") != index_digest(table):
        findings.append(Finding("damaged-index", INDEX, "other content than was written"))
    digest = index.quarantine_sha256
    if digest is None and QUARANTINE not in names:
        return findings
    if QUARANTINE not in names:
        findings.append(Finding("wrong-list", QUARANTINE, "it is missing"))
    elif hashlib.sha256(folder.child(QUARANTINE).read()).hexdigest() != digest:
        findings.append(Finding("wrong-list", QUARANTINE, "other content than was written"))
    return findings


def _verify_meaning(index: ShardIndex, sound: Mapping[str, ShardManifest]) -> list[Finding]:
    """Compare what the index says of all shards with what they were written with."""
    findings = []
    wanted = describe_settings(ShardSettings(), index.taxonomy)
    if any(index.settings.get(name) != wanted[name] for name in ("taxonomy", "classes")):
        findings.append(Finding("damaged-index", INDEX, "other classes", "those of its settings"))
    other = next((file for file in sound if sound[file].settings != index.settings), None)
    if other is not None:
        findings.append(Finding("damaged-index", INDEX, "other settings", f"those of '{other}'"))
    return findings


def _same(found: Any, expected: Any) -> bool:
    """Compare values; sums of floats may differ in their last digits from machine to machine."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(
            _same(found[name], value) for name, value in expected.items()
        )
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    return bool(found == expected)
