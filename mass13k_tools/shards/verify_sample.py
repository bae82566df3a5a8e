"""Compares the members of a sample with each other: facts, offsets, pixels."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from mass13k_tools.arrays import IGNORE, Image, LabelMap, size_text
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels, label_map_from_raw
from mass13k_tools.ops.blocks import BlockCounts, block_counts
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.shards.boxes import Box, cut_out
from mass13k_tools.shards.converted import EDGE_VALUE
from mass13k_tools.shards.encoded import EDGES, FACTS, SEEK
from mass13k_tools.shards.findings import Finding
from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_region import JpegIndex, jpeg_index
from mass13k_tools.shards.manifest import field, natural
from mass13k_tools.shards.provenance_members import shard_provenance_faults
from mass13k_tools.shards.seek_index import SeekIndex
from mass13k_tools.shards.shard_sample import (
    ShardSample,
    image_part,
    label_part,
    read_member,
    read_seek_index,
    whole_image,
    whole_labels,
)

RECTANGLES = 4  # of each picture that are read alone


def verify_facts(sample: ShardSample, taxonomy: Taxonomy) -> Iterator[Finding]:
    """Compare facts, offsets and manifest of a sample, without decoding its pictures.

    Args:
        sample: As the manifest describes it.
        taxonomy: Of its label map.
    """
    try:
        facts = _read_facts(sample)
        index = read_seek_index(sample)
    except DatasetError as error:
        yield _finding("damaged-member", sample, str(error))
        return
    said = {"key": sample.key, "split": sample.split, "mipq": sample.mipq}
    said |= dict(zip(("height", "width"), sample.size_hw or (), strict=True))
    for name, value in said.items():
        if facts.get(name) != value:
            yield _finding(
                "wrong-facts", sample, f"'{name}' is {facts.get(name)!r:.60}", repr(value)
            )
    for where, seekable in (
        ("facts", facts.get("seekable") is True),
        (SEEK, index.jpeg is not None),
    ):
        if seekable != sample.seekable:
            text = "seekable" if seekable else "not seekable"
            yield _finding(
                "wrong-facts", sample, f"{text} by its {where}", "what its manifest says"
            )
    classes = facts.get("classes")
    if index.blocks is not None and classes != _class_pixels(index.blocks, taxonomy):
        yield _finding("wrong-facts", sample, f"classes {classes!r:.80}", "those of its blocks")


def verify_pixels(sample: ShardSample, taxonomy: Taxonomy, *, copied: bool) -> Iterator[Finding]:
    """Decode image and label map, whole and in some rectangles, and compare.

    Args:
        sample: As the manifest describes it.
        taxonomy: Of its label map.
        copied: Its files should be those that its facts name.
    """
    try:
        index = read_seek_index(sample)
    except DatasetError:  # already found
        index = SeekIndex()
    yield from _verify_image(sample, index)
    yield from _verify_label(sample, index, taxonomy)
    if copied:
        yield from _verify_sources(sample)


def _read_facts(sample: ShardSample) -> dict[str, Any]:
    try:
        facts = json.loads(read_member(sample, FACTS))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"'{sample.name(FACTS)}': {error}") from error
    if not isinstance(facts, dict):
        raise DatasetError(f"'{sample.name(FACTS)}' is no JSON object")
    return facts


def _class_pixels(blocks: BlockCounts, taxonomy: Taxonomy) -> dict[str, int]:
    """Count the pixels of every class, by name, as the facts of a sample do."""
    pixels = blocks.pixels.sum(axis=(1, 2), dtype=np.int64).tolist()
    names = taxonomy.names
    return {
        names.get(value, str(value)): count
        for value, count in zip(blocks.class_ids.tolist(), pixels, strict=True)
        if value != IGNORE
    }


def _verify_image(sample: ShardSample, index: SeekIndex) -> Iterator[Finding]:
    try:
        image = whole_image(sample)
    except DatasetError as error:
        yield _finding("damaged-image", sample, str(error))
        return
    if index.jpeg is None:
        return
    if not _fits(index.jpeg, read_member(sample, sample.image_ending)):
        yield _finding("wrong-region", sample, "offsets of the image", "those of its markers")
        return
    try:
        for box in _rectangles(image, sample.key):
            if not np.array_equal(image_part(sample, index.jpeg, box), cut_out(image, box)):
                yield _finding("wrong-region", sample, f"other pixels of the image in {box}")
    except DatasetError as error:
        yield _finding("wrong-region", sample, str(error))


def _verify_label(sample: ShardSample, index: SeekIndex, taxonomy: Taxonomy) -> Iterator[Finding]:
    try:
        raw = whole_labels(sample)
        label_map = label_map_from_raw(raw, sample.name(sample.label_ending), taxonomy)
        if label_map.shape != sample.size_hw:
            raise DatasetError(f"it is {size_text(label_map.shape)}")
    except DatasetError as error:
        yield _finding("damaged-label", sample, str(error))
        return
    if index.blocks is not None and not _equal(index.blocks, block_counts(label_map)):
        yield _finding("wrong-facts", sample, "blocks of another label map", "those of its own")
    if EDGES in sample.members:
        yield from _verify_edges(sample, label_map)
    for found, expected in shard_provenance_faults(sample, label_map):
        yield _finding("wrong-provenance", sample, found, expected)
    if index.bands is not None:
        try:
            for box in ((0, 0, *raw.shape), *_rectangles(raw, sample.key)):
                if not np.array_equal(label_part(sample, index.bands, box), cut_out(raw, box)):
                    yield _finding("wrong-region", sample, f"other labels in {box}")
        except DatasetError as error:
            yield _finding("wrong-region", sample, str(error))


def _verify_edges(sample: ShardSample, label_map: LabelMap) -> Iterator[Finding]:
    try:
        drawn = decode_raw_labels(read_member(sample, EDGES), sample.name(EDGES)).values
    except DatasetError as error:
        yield _finding("wrong-edges", sample, str(error))
        return
    if not np.array_equal(drawn, np.where(edge_map(label_map), EDGE_VALUE, 0)):
        yield _finding("wrong-edges", sample, "other edges", "those of its label map")


def _verify_sources(sample: ShardSample) -> Iterator[Finding]:
    try:
        source = field(_read_facts(sample), "source", dict)
        for name, ending in (("image", sample.image_ending), ("label", sample.label_ending)):
            content = read_member(sample, ending)
            origin = field(source, name, dict)
            expected = (natural(origin, "bytes"), field(origin, "sha256", str))
            if (len(content), hashlib.sha256(content).hexdigest()) != expected:
                found = f"'{ending}' has other bytes than the file that was copied"
                yield _finding("wrong-facts", sample, found, f"{expected[0]}, {expected[1]}")
    except DatasetError as error:
        yield _finding("damaged-member", sample, str(error))


def _fits(index: JpegIndex, content: bytes) -> bool:
    try:
        found = jpeg_index(content)
    except NotSeekable:
        return False
    return found.interval_mcus == index.interval_mcus and np.array_equal(
        found.offsets, index.offsets
    )


def _rectangles(picture: Image | LabelMap, key: str) -> list[Box]:
    """Draw rectangles, the last one in the last corner; the same for the same key."""
    height, width = picture.shape[:2]
    draw = np.random.default_rng(list(key.encode()))
    boxes = []
    for _ in range(RECTANGLES):
        rows, columns = int(draw.integers(1, height + 1)), int(draw.integers(1, width + 1))
        y, x = int(draw.integers(height - rows + 1)), int(draw.integers(width - columns + 1))
        boxes.append((y, x, rows, columns))
    boxes[-1] = (height - rows, width - columns, rows, columns)
    return boxes


def _equal(one: BlockCounts, other: BlockCounts) -> bool:
    return (
        one.block_px == other.block_px
        and np.array_equal(one.class_ids, other.class_ids)
        and np.array_equal(one.pixels, other.pixels)
        and np.array_equal(one.edges, other.edges)
    )


def _finding(kind: str, sample: ShardSample, found: str, expected: str = "") -> Finding:
    return Finding(kind, sample.tar.name, found, expected, sample.key)
