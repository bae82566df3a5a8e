"""All shards of a data set, by many workers; a run that was killed is gone on with."""

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.pool import Workers, run
from mass13k_tools.sharding.standing import QUARANTINE, check_written, look_around
from mass13k_tools.shards.dali import dali_index
from mass13k_tools.shards.energon import META, energon_files, energon_offsets
from mass13k_tools.shards.index import INDEX, index_bytes
from mass13k_tools.shards.manifest import Quarantined, ShardManifest
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.plan import ShardPlan
from mass13k_tools.shards.writer import DERIVED, PARTIAL, Target, remove_partials, write_shard

QUARANTINE_FORMAT = "mass13k-quarantine/1"
META_FILES = ("dataset.yaml", "split.yaml", ".info.json")


@dataclass(frozen=True, slots=True)
class Extras:
    """Files for other readers, beside the shards."""

    dali: bool = False
    energon: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a data set."""

    splits: Mapping[str, tuple[ShardManifest, ...]]
    """Shards that have samples."""
    known: int
    """Shards that were there before."""
    quarantined: tuple[tuple[str, Quarantined], ...]
    """Split and sample, by both."""

    @property
    def shards(self) -> tuple[ShardManifest, ...]:
        """All shards."""
        return tuple(shard for shards in self.splits.values() for shard in shards)


def write_shards(
    plans: Sequence[ShardPlan],
    target: Target,
    *,
    name: str,
    extras: Extras,
    workers: Workers,
    overwrite: bool,
) -> Outcome:
    """Write shards that are not there yet, then the files that list them all.

    Args:
        plans: All shards of the data set.
        target: Where they go, and how.
        name: Of the data set.
        extras: Files for other readers.
        workers: Who writes.
        overwrite: Replace shards of other runs, and remove those that are not wanted.

    Raises:
        DatasetError: Something else is in the way, a file cannot be read or written, or, if
            ``target.strict``, a sample is no good. What was finished before stays.
    """
    with _alone(target):
        standing = look_around(target.out, plans, settings=target.described())
        if standing.in_the_way and not overwrite:
            raise DatasetError(standing.in_the_way)
        missing = [plan for plan in plans if plan.name not in standing.finished]
        if missing or standing.stale:
            _clear(target.out, standing.stale)
        shards = dict(standing.finished)
        try:
            for done in run(
                partial(write_shard, target=target), missing, workers=workers, title="shards"
            ):
                if done.result is None:
                    raise DatasetError(f"{done.failure}; what is finished stays, start again")
                check_written(target.out, done.result)
                shards[done.item.name] = done.result
        finally:
            remove_partials(target.workspace)
        outcome = _outcome(plans, shards, known=len(standing.finished))
        if target.strict and outcome.quarantined:
            split, first = outcome.quarantined[0]
            raise DatasetError(f"sample '{first.key}' of '{split}': {first.reason}")
        _write_lists(outcome, target, name=name, extras=extras)
    return outcome


def workspace_of(out: Place) -> Path:
    """Choose the local folder in which files grow: the output folder, or one for its address."""
    if out.local is not None:
        return out.local
    digest = hashlib.sha256(out.address.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mass13k-shard-{digest}"


@contextmanager
def _alone(target: Target) -> Iterator[None]:
    """Hold the workspace, so that two runs do not write into each other's files."""
    workspace, far = target.workspace, target.out.local is None
    try:
        workspace.mkdir(mode=0o700 if far else 0o777, parents=True, exist_ok=True)
        (workspace / f".writable{PARTIAL}").touch()
        if far and hasattr(os, "getuid") and workspace.stat().st_uid != os.getuid():
            raise DatasetError(f"'{workspace}' belongs to somebody else; set TMPDIR to a folder")
    except OSError as error:
        raise DatasetError(f"cannot write '{workspace}': {error.strerror}") from error
    with _locked(workspace):
        remove_partials(workspace)
        try:
            if far:  # better told now than after the first gigabyte
                writable = target.out.child(".writable")
                writable.write(b"")
                writable.remove()
            yield
        finally:
            if far:
                with contextlib.suppress(OSError):  # not empty: a worker elsewhere still writes
                    workspace.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # not on this system
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatasetError(f"another run is writing into '{folder}'; wait for it") from error
        except OSError:  # file systems without locks
            pass
        yield
    finally:
        os.close(handle)


def _clear(out: Place, stale: Sequence[str]) -> None:
    """Remove lists that will not be true any more, and shards that are not wanted."""
    for name in (INDEX, QUARANTINE, *(f"{META}/{file}" for file in META_FILES)):
        out.child(name).remove()
    for shard in stale:
        for end in (*DERIVED, ".tar", ".json"):  # the manifest last: without it a tar is a stranger
            out.child(f"{shard}{end}").remove()
    if stale:
        print(f"removed {len(stale)} shards of an earlier run", file=sys.stderr)


def _outcome(
    plans: Sequence[ShardPlan], shards: Mapping[str, ShardManifest], *, known: int
) -> Outcome:
    splits: dict[str, list[ShardManifest]] = {}
    quarantined = []
    for plan in plans:
        shard = shards[plan.name]
        quarantined += [(plan.split, each) for each in shard.quarantined]
        if shard.samples:
            splits.setdefault(plan.split, []).append(shard)
    return Outcome(
        {split: tuple(shards) for split, shards in splits.items()},
        known,
        tuple(sorted(quarantined)),
    )


def _write_lists(outcome: Outcome, target: Target, *, name: str, extras: Extras) -> None:
    """Write what follows from the shards; the index last, as it says that all is there."""
    out = target.out
    files: dict[str, bytes] = {}
    for shard in outcome.shards:
        stem = shard.file.removesuffix(".tar")
        if extras.dali:
            files[f"{stem}.idx"] = dali_index(shard)
        if extras.energon:
            files[f"{stem}.tar.idx"] = energon_offsets(shard)
    if extras.energon:
        meta = energon_files(outcome.splits)
        files |= {f"{META}/{file}": content for file, content in meta.items()}
    digest = None
    if outcome.quarantined:
        files[QUARANTINE] = _quarantine_bytes(outcome)
        digest = hashlib.sha256(files[QUARANTINE]).hexdigest()
    settings: dict[str, Any] = target.described()
    files[INDEX] = index_bytes(
        name,
        target.taxonomy,
        settings=settings,
        splits=outcome.splits,
        quarantine_sha256=digest,
    )
    for file, content in files.items():
        place = out.child(file)
        if not (place.exists() and place.size() == len(content) and place.read() == content):
            place.write(content)


def _quarantine_bytes(outcome: Outcome) -> bytes:
    rows = [
        {"split": split, "key": sample.key, "reason": sample.reason}
        for split, sample in outcome.quarantined
    ]
    return json.dumps({"format": QUARANTINE_FORMAT, "samples": rows}, indent=1).encode() + b"\n"
