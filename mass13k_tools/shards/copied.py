"""A sample whose files go into the shard as they are, without decoding them."""

from pathlib import Path

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Sample
from mass13k_tools.pixel_files import Header, decode_header
from mass13k_tools.shards.encoded import (
    FACTS,
    LABEL,
    PNG,
    SEEK,
    Encoded,
    SeekableImage,
    SourceFiles,
    facts_bytes,
    image_suffix,
    is_turned,
)
from mass13k_tools.shards.jpeg_decode import check_regions
from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_region import jpeg_index
from mass13k_tools.shards.seek_index import SeekIndex, pack_seek_index

AS_IT_IS = "copied as it is"
RESTART_INTERVAL = b"\xff\xdd"  # the segment that only files with restart markers have
HEADER_BYTES = 2**16  # where it is looked for
# Files that were cut short lack their last bytes; cameras write up to some thousand more behind
LAST_BYTES = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xae\x42\x60\x82"}
TRAILER_BYTES = 2**16


def copied_sample(sample: Sample, files: SourceFiles) -> Encoded:
    """Make the members of a sample, image and label map byte for byte.

    Args:
        sample: Its key and split.
        files: Its files.

    Raises:
        DatasetError: Their headers or ends show that they are damaged or no pair.
    """
    header = decode_header(files.image, files.image_name)
    label = decode_header(files.label, files.label_name)
    turned = is_turned(header, label.size_hw, files)
    _check_end(files.label, label.format, files.label_name)
    image = copied_image(files, header, turned=turned)
    members = {
        image_suffix(header): files.image,
        LABEL: files.label,
        FACTS: facts_bytes(
            sample, files, size_hw=label.size_hw, seekable=image.reason or True, facts=None
        ),
        SEEK: pack_seek_index(SeekIndex(image.index)),
        **files.more_members,
    }
    return Encoded(sample.key, label.size_hw, image.index is not None, None, members)


def copied_image(files: SourceFiles, header: Header, *, turned: bool) -> SeekableImage:
    """Leave an image as it is; where it has fitting restart markers they are found.

    Args:
        files: The image and its name.
        header: Of the image.
        turned: Its EXIF orientation has to be applied.

    Raises:
        DatasetError: Its end is missing.
    """
    _check_end(files.image, header.format, files.image_name)
    plain = image_suffix(header) == PNG or RESTART_INTERVAL not in files.image[:HEADER_BYTES]
    if turned or plain:
        return SeekableImage(files.image, reason=AS_IT_IS)
    try:
        index = jpeg_index(files.image)
        check_regions(files.image, index)
        return SeekableImage(files.image, index)
    except NotSeekable as reason:
        return SeekableImage(files.image, reason=f"{AS_IT_IS}: {reason}")


def _check_end(content: bytes, kind: str, name: Path) -> None:
    if LAST_BYTES.get(kind, b"") not in content[-TRAILER_BYTES:]:
        raise DatasetError(f"'{name}' is damaged or cut short: its end is missing")
