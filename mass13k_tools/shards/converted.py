"""A sample whose files are rewritten so that parts of them can be read; pixels stay the same."""

import math

import numpy as np

from mass13k_tools.arrays import IGNORE, LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.images import decode_image, decode_raw_labels, label_map_from_raw
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.blocks import BlockCounts, block_counts
from mass13k_tools.ops.complexity import complexity
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.pixel_files import Header, decode_header
from mass13k_tools.shards.copied import copied_image
from mass13k_tools.shards.encoded import (
    DEFINITION,
    EDGES,
    FACTS,
    LABEL,
    PNG,
    SEEK,
    Encoded,
    LabelFacts,
    SeekableImage,
    SourceFiles,
    facts_bytes,
    image_suffix,
    is_turned,
)
from mass13k_tools.shards.jpeg_decode import check_regions
from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_restart import seekable_jpeg
from mass13k_tools.shards.plan import ShardSettings
from mass13k_tools.shards.png_bands import banded_png
from mass13k_tools.shards.provenance_members import check_provenance
from mass13k_tools.shards.seek_index import SeekIndex, pack_seek_index

EDGE_VALUE = 255  # as 'mass13k edges' writes


def converted_sample(
    sample: Sample, files: SourceFiles, taxonomy: Taxonomy, settings: ShardSettings
) -> Encoded:
    """Make the members of a sample: a JPEG with restart markers, a label map in bands.

    Both are decoded or walked through, so damage shows. With ``copy`` only the label map is, and
    the files go into the shard as they are.

    Args:
        sample: Its key and split.
        files: Its files.
        taxonomy: What the raw values of its label map mean.
        settings: ``copy`` and ``edges``.

    Raises:
        DatasetError: One of the files is damaged, the sizes differ, the label map holds a value
            that the taxonomy does not know, or has a provenance map that is not its own.
    """
    values = decode_raw_labels(files.label, files.label_name).values
    size_hw = values.shape[0], values.shape[1]
    label_map = label_map_from_raw(values, files.label_name, taxonomy)
    check_provenance(files, label_map)
    header = decode_header(files.image, files.image_name)
    make = copied_image if settings.copy else converted_image
    image = make(files, header, turned=is_turned(header, size_hw, files))
    banded = None if settings.copy else banded_png(values)
    blocks = block_counts(label_map)
    facts = _facts(label_map, blocks, taxonomy)
    members = {
        image_suffix(header): image.content,
        LABEL: banded.content if banded else files.label,
        FACTS: facts_bytes(
            sample, files, size_hw=size_hw, seekable=image.reason or True, facts=facts
        ),
        SEEK: pack_seek_index(SeekIndex(image.index, banded and banded.bands, blocks)),
    }
    if settings.edges:
        drawn = edge_map(label_map).view(np.uint8) * np.uint8(EDGE_VALUE)
        members[EDGES] = banded_png(drawn).content
    members |= files.more_members
    return Encoded(sample.key, size_hw, image.index is not None, facts.mipq, members)


def converted_image(files: SourceFiles, header: Header, *, turned: bool) -> SeekableImage:
    """Make an image seekable if it can be; its pixels stay the same.

    Args:
        files: The image and its name.
        header: Of the image.
        turned: Its EXIF orientation has to be applied.

    Raises:
        DatasetError: It is damaged.
    """
    if turned:
        image = SeekableImage(files.image, reason="turned by its EXIF orientation")
    elif image_suffix(header) == PNG:
        image = SeekableImage(files.image, reason="a PNG image")
    else:
        image = _seekable_image(files.image)
    if image.index is None:
        decode_image(files.image, files.image_name)  # shows damage; else the walk did
    return image


def _seekable_image(content: bytes) -> SeekableImage:
    """Make a JPEG seekable, or say why it stays as it is."""
    try:
        made = seekable_jpeg(content)
        check_regions(made.content, made.index)
    except NotSeekable as reason:
        return SeekableImage(content, reason=str(reason))
    return SeekableImage(made.content, made.index)


def _facts(label_map: LabelMap, blocks: BlockCounts, taxonomy: Taxonomy) -> LabelFacts:
    mipq = complexity(label_map, definition=DEFINITION).mipq
    pixels = blocks.pixels.sum(axis=(1, 2), dtype=np.int64)
    names = taxonomy.names
    classes = {
        names[class_id]: count
        for class_id, count in zip(blocks.class_ids.tolist(), pixels.tolist(), strict=True)
        if class_id != IGNORE
    }
    return LabelFacts(classes, mipq if math.isfinite(mipq) else None)
