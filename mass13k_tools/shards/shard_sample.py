"""A sample in a shard: its members, and what they hold.

Nothing is kept here between calls; :class:`mass13k_tools.shards.reader.ShardSet` does that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mass13k_tools.arrays import Image, LabelMap, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels, turned_image
from mass13k_tools.pixel_files import decode_header
from mass13k_tools.shards.boxes import Box, check_box
from mass13k_tools.shards.encoded import JPEG, LABEL, PNG, SEEK
from mass13k_tools.shards.jpeg_decode import decode_jpeg, decode_part
from mass13k_tools.shards.jpeg_region import JpegIndex, region_bytes, sub_jpeg
from mass13k_tools.shards.parts import read_parts
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.png_bands import BandIndex, band_range, decode_rows
from mass13k_tools.shards.seek_index import SeekIndex, unpack_seek_index
from mass13k_tools.shards.tar_writer import Span

# What image and label map are called, the likeliest first: shards of other makers use other words
IMAGE_ENDINGS = (JPEG, "jpeg", PNG)
LABEL_ENDINGS = (LABEL, "seg.png", "mask.png", PNG)

HEADER_BYTES = 2**16  # enough for the size of nearly every picture


@dataclass(frozen=True, slots=True)
class ShardSample:
    """Where the files of a sample are."""

    key: str
    split: str
    tar: Place
    members: Mapping[str, Span]
    """Ending -> where the content lies in the tar, in the tar's order."""
    size_hw: tuple[int, int] | None = None
    """Of image and label map; None where no manifest says it."""
    seekable: bool = False
    """Whether the manifest says that the image can be read in parts."""
    mipq: float | None = None

    def name(self, ending: str) -> Path:
        """Name a member for messages, with its shard."""
        return Path(self.tar.name, f"{self.key}.{ending}")

    def span(self, ending: str) -> Span:
        """Find a member.

        Raises:
            DatasetError: There is none with this ending.
        """
        if ending not in self.members:
            raise DatasetError(
                f"there is no '{self.name(ending)}'; '{self.key}' has {', '.join(self.members)}"
            )
        return self.members[ending]

    @property
    def image_ending(self) -> str:
        """What the image is called."""
        return next((end for end in IMAGE_ENDINGS if end in self.members), JPEG)

    @property
    def label_ending(self) -> str:
        """What the label map is called."""
        ends = (end for end in LABEL_ENDINGS if end in self.members and end != self.image_ending)
        return next(ends, LABEL)


def read_member(sample: ShardSample, ending: str) -> bytes:
    """Read a member whole.

    Raises:
        DatasetError: There is none with this ending, or the tar cannot be read.
    """
    span = sample.span(ending)
    return sample.tar.read(span.offset, span.size)


def read_ranges(sample: ShardSample, ending: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Read parts of a member.

    Args:
        sample: Whose member.
        ending: Which member.
        ranges: First byte of each part and the one behind its last, counted in the member.

    Raises:
        DatasetError: A part is not within the member, or the tar cannot be read.
    """
    span = sample.span(ending)
    for start, stop in ranges:
        if not 0 <= start <= stop <= span.size:
            raise DatasetError(
                f"'{sample.name(ending)}' has {span.size} bytes, its index leads to {start} to "
                f"{stop}; is the shard damaged?"
            )
    return read_parts(
        sample.tar, [(span.offset + left, span.offset + right) for left, right in ranges]
    )


def read_seek_index(sample: ShardSample) -> SeekIndex:
    """Read what is known of a sample's files; nothing where it has no such member.

    Raises:
        DatasetError: It is damaged, or belongs to files of another size.
    """
    if SEEK not in sample.members:
        return SeekIndex()
    index = unpack_seek_index(read_member(sample, SEEK), str(sample.name(SEEK)))
    size_hw = sample.size_hw
    for part, ending in ((index.jpeg, sample.image_ending), (index.bands, sample.label_ending)):
        if part is None:
            continue
        size_hw = size_hw or part.size_hw
        if part.size_hw != size_hw or int(part.offsets[-1]) > sample.span(ending).size:
            raise DatasetError(f"'{sample.name(SEEK)}' does not fit '{sample.key}.{ending}'")
    if index.blocks is not None and size_hw is not None:
        grid_hw = tuple(-(-side // index.blocks.block_px) for side in size_hw)
        if index.blocks.edges.shape != grid_hw:
            raise DatasetError(f"'{sample.name(SEEK)}' has blocks of another size than its images")
    return index


def size_of(sample: ShardSample) -> tuple[int, int]:
    """Find the size (H, W) of a sample, from its label map where no manifest says it.

    Raises:
        DatasetError: There is neither label map nor image, or it cannot be read.
    """
    if sample.size_hw is not None:
        return sample.size_hw
    ending = sample.label_ending if sample.label_ending in sample.members else sample.image_ending
    size = sample.span(ending).size
    (start,) = read_ranges(sample, ending, [(0, min(size, HEADER_BYTES))])
    try:
        return decode_header(start, sample.name(ending)).size_hw
    except DatasetError:  # much stands before the size, or the file is damaged
        return decode_header(read_member(sample, ending), sample.name(ending)).size_hw


def whole_image(sample: ShardSample) -> Image:
    """Decode an image, as :func:`mass13k_tools.images.read_sample` does.

    Returns:
        Shape (H, W, 3), uint8, RGB.

    Raises:
        DatasetError: It cannot be read or decoded, or has another size than its label map.
    """
    content, name = read_member(sample, sample.image_ending), sample.name(sample.image_ending)
    image, size_hw = decode_jpeg(content, name), size_of(sample)
    if image.shape[:2] != size_hw:
        turned = turned_image(content, name, size_hw=size_hw)
        if turned is None:
            raise DatasetError(
                f"'{name}' is {size_text(image.shape)}, expected {size_text(size_hw)} as its "
                "label map"
            )
        return turned
    return image


def image_part(sample: ShardSample, index: JpegIndex, box: Box) -> Image:
    """Decode a rectangle of a seekable image, reading little else.

    Args:
        sample: Whose image.
        index: Of the image.
        box: y, x, height, width in pixels.

    Returns:
        Shape (height, width, 3), uint8, RGB.
    """
    ending = sample.image_ending
    try:
        header, *parts = read_ranges(sample, ending, region_bytes(index, box))
        return decode_part(sub_jpeg(header, parts, index, box), box, path=sample.name(ending))
    except DatasetError as error:
        raise _named(error, sample) from error


def whole_labels(sample: ShardSample) -> LabelMap:
    """Decode a label map to the raw values of its file.

    Returns:
        Shape (H, W), uint8.
    """
    ending = sample.label_ending
    return decode_raw_labels(read_member(sample, ending), sample.name(ending)).values


def label_part(sample: ShardSample, index: BandIndex, box: Box) -> LabelMap:
    """Decode a rectangle of a banded label map to raw values, reading only its bands.

    Args:
        sample: Whose label map.
        index: Of the label map.
        box: y, x, height, width in pixels.

    Returns:
        Shape (height, width), uint8.
    """
    y, x, height, width = check_box(box, index.size_hw)
    try:
        (part,) = read_ranges(sample, sample.label_ending, [band_range(index, y, y + height)])
        return decode_rows(part, index, y, y + height, columns=slice(x, x + width))
    except DatasetError as error:
        raise _named(error, sample) from error


def _named(error: DatasetError, sample: ShardSample) -> DatasetError:
    """Say in which sample something is wrong, where the message does not."""
    if sample.key in str(error):
        return error
    return DatasetError(f"'{sample.key}' in '{sample.tar.name}': {error}")
