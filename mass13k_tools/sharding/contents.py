"""What shards hold, for people and for machines."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mass13k_tools.arrays import size_text
from mass13k_tools.printing import bytes_text
from mass13k_tools.shards.encoded import DEFINITION
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.shard_sample import ShardSample, size_of


def describe(shards: ShardSet) -> dict[str, Any]:
    """Count shards, samples and bytes, in all and by split."""
    sizes = {tar: tar.size() for tar in dict.fromkeys(sample.tar for sample in shards.samples)}
    splits: dict[str, list[ShardSample]] = {}
    for sample in shards.samples:
        splits.setdefault(sample.split, []).append(sample)
    index = shards.index
    return {
        "address": shards.address,
        "name": index.name if index else None,
        "taxonomy": index.taxonomy.name if index else None,
        "settings": dict(index.settings) if index else None,
        "shards": len(sizes),
        "samples": len(shards),
        "bytes": sum(sizes.values()),
        "seekable": sum(sample.seekable for sample in shards.samples),
        "split": {
            split: {
                "shards": len(tars := {sample.tar for sample in samples}),
                "samples": len(samples),
                "bytes": sum(sizes[tar] for tar in tars),
                "seekable": sum(sample.seekable for sample in samples),
                "mipq": _mipq(samples),
            }
            for split, samples in splits.items()
        },
    }


def info_lines(table: dict[str, Any]) -> Iterator[str]:
    """Write what :func:`describe` gives as lines."""
    for split, row in table["split"].items():
        mean = row["mipq"]["mean"]
        mipq = "" if mean is None else f", mIPQ {mean:.1f} ± {row['mipq']['std']:.1f}"
        yield (
            f"{split}: {row['samples']} samples in {row['shards']} shards, "
            f"{bytes_text(row['bytes'])}, {row['seekable']} seekable{mipq}"
        )
    kind = f"taxonomy {table['taxonomy']}" if table["taxonomy"] else "no index"
    yield f"{table['shards']} shards in {table['address']}, {kind}"


def sample_row(sample: ShardSample) -> dict[str, Any]:
    """Describe a sample."""
    height, width = size_of(sample)
    return {
        "key": sample.key,
        "split": sample.split,
        "shard": sample.tar.name,
        "height": height,
        "width": width,
        "seekable": sample.seekable,
        "mipq": sample.mipq,
        "members": {ending: list(span) for ending, span in sample.members.items()},
    }


def sample_line(sample: ShardSample) -> str:
    """Write a sample as one line."""
    size = sum(span.size for span in sample.members.values())
    seekable = "seekable" if sample.seekable else "whole"
    return (
        f"{sample.split}/{sample.key}  {size_text(size_of(sample))}  {bytes_text(size)}  {seekable}"
        f"  {sample.tar.name}"
    )


def _mipq(samples: list[ShardSample]) -> dict[str, Any]:
    values = np.array([sample.mipq for sample in samples if sample.mipq is not None])
    return {
        "mean": float(values.mean()) if values.size else None,
        "std": float(values.std()) if values.size else None,
        "definition": DEFINITION,
    }
