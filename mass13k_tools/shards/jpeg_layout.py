"""What stands in a JPEG file before its coded pixels, and which files can be made seekable.

==========================  ==================================================================
taken                       one scan, Huffman coded, 8 bits (SOF0, SOF1); grey, or three
                            components of sampling 4:4:4, 4:2:2, 4:4:0 or 4:2:0
left as it is               progressive, lossless, arithmetic, 12 bits, several scans, CMYK,
                            4:1:1, height given after the scan, cut short
==========================  ==================================================================
"""

from dataclasses import dataclass
from typing import NamedTuple

from mass13k_tools.pixel_files import MOST_PIXELS
from mass13k_tools.shards.jpeg_huffman import HuffmanTable, NotSeekable, huffman_tables

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
DHT, SOS, DRI, COM = 0xC4, 0xDA, 0xDD, 0xFE
FRAMES = (0xC0, 0xC1)  # baseline, and extended with up to four tables
# Tables, restart interval, comment and APP0..APP15; every other marker has a reason below
PASSED = (DHT, 0xDB, DRI, COM, *range(0xE0, 0xF0))
REASONS = {
    0xC2: "progressive",
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xDE, 0xDF), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF), "arithmetic coding"),
    0xD8: "a second image within",
    0xD9: "no scan",
}
FULL_SCAN = bytes((0, 63, 0))  # first and last coefficient, no successive approximation
BLOCK = 8  # pixels along a side


class Segment(NamedTuple):
    """A marker with its content, as byte positions."""

    marker: int  # the byte behind 0xFF
    start: int  # of the first 0xFF
    payload: int  # behind marker and length
    stop: int  # behind the content


class Component(NamedTuple):
    """A colour channel of the frame."""

    samples_hw: tuple[int, int]  # blocks in an MCU, down and across
    dc_table: int
    ac_table: int


@dataclass(frozen=True, kw_only=True)
class JpegLayout:
    """Where everything is in a JPEG file that can be made seekable."""

    size_hw: tuple[int, int]
    """In pixels."""
    components: tuple[Component, ...]
    """One (grey) or three."""
    tables: dict[tuple[int, int], HuffmanTable]
    """By class (0 = DC, 1 = AC) and number."""
    restart_mcus: int
    """MCUs between restart markers, 0 = none."""
    segments: tuple[Segment, ...]
    """Everything from behind SOI up to the scan."""
    scan_start: int
    """First coded byte."""
    scan_stop: int
    """The end marker; that no other marker stands before it is for readers of the scan to see.
    What follows it, as phones append small pictures, is no part of the image."""

    @property
    def stop(self) -> int:
        """The first byte behind the image."""
        return self.scan_stop + len(EOI)

    @property
    def mcu_hw(self) -> tuple[int, int]:
        """Pixels of an MCU: the block or blocks that are coded together."""
        rows, columns = self.components[0].samples_hw
        return BLOCK * rows, BLOCK * columns

    @property
    def mcus_hw(self) -> tuple[int, int]:
        """MCUs of the image, down and across."""
        (height, width), (mcu_height, mcu_width) = self.size_hw, self.mcu_hw
        return -(-height // mcu_height), -(-width // mcu_width)


def parse_jpeg(content: bytes) -> JpegLayout:
    """Read the segments of a JPEG file up to its scan.

    Args:
        content: The file's bytes.

    Raises:
        NotSeekable: It is of a kind that is left as it is, or damaged.
    """
    segments = header_segments(content)
    frames = [segment for segment in segments if segment.marker in FRAMES]
    if len(frames) != 1:
        raise NotSeekable(f"{len(frames)} frames instead of one")
    scan = segments[-1]
    end = content.find(EOI, scan.stop)  # among coded pixels a zero follows every FF
    if end < 0:
        raise NotSeekable("cut short")
    size_hw, identifiers, samples = _frame(content[frames[0].payload : frames[0].stop])
    numbers = _scan_tables(content[scan.payload : scan.stop], identifiers)
    components = tuple(Component(*fields) for fields in zip(samples, *numbers, strict=True))
    tables: dict[tuple[int, int], HuffmanTable] = {}
    restart_mcus = 0
    for segment in segments:
        if segment.marker == DHT:
            tables |= huffman_tables(content[segment.payload : segment.stop])
        elif segment.marker == DRI:
            if segment.stop - segment.payload != 2:
                raise NotSeekable("its restart interval is damaged")
            restart_mcus = int.from_bytes(content[segment.payload : segment.stop], "big")
    for component in components:
        if not {(0, component.dc_table), (1, component.ac_table)} <= tables.keys():
            raise NotSeekable("a Huffman table is missing")
    return JpegLayout(
        size_hw=size_hw,
        components=components,
        tables=tables,
        restart_mcus=restart_mcus,
        segments=tuple(segments),
        scan_start=scan.stop,
        scan_stop=end,
    )


def header_segments(content: bytes) -> list[Segment]:
    """List the segments from behind SOI up to the start of the scan, which is the last of them.

    Args:
        content: A JPEG file, or what stands in it before the coded pixels.

    Raises:
        NotSeekable: Another marker comes first, or the bytes end.
    """
    if content[:2] != SOI:
        raise NotSeekable("no JPEG file")
    segments: list[Segment] = []
    stop = len(SOI)
    while not segments or segments[-1].marker != SOS:
        start = at = stop
        while content[at : at + 2] == b"\xff\xff":  # any number of fill bytes may stand here
            at += 1
        payload = at + 4
        if payload > len(content):
            raise NotSeekable("cut short")
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : payload], "big")
        if content[at] != 0xFF:
            raise NotSeekable("damaged: bytes between its segments")
        if marker not in (*FRAMES, *PASSED, SOS):
            raise NotSeekable(REASONS.get(marker, f"marker 0x{marker:02X}"))
        stop = at + 2 + length
        if length < 2 or stop > len(content):
            raise NotSeekable("cut short")
        segments.append(Segment(marker, start, payload, stop))
    return segments


def _frame(payload: bytes) -> tuple[tuple[int, int], list[int], list[tuple[int, int]]]:
    """Size, identifiers of the components, and blocks of each in an MCU (down, across)."""
    if len(payload) < 6 or len(payload) != 6 + 3 * payload[5]:
        raise NotSeekable("its frame header is damaged")
    bits, channels = payload[0], payload[5]
    height, width = (int.from_bytes(payload[at : at + 2], "big") for at in (1, 3))
    if bits != 8:
        raise NotSeekable(f"{bits} bits")
    if channels not in (1, 3):
        raise NotSeekable(f"{channels} components")
    if height == 0 or width == 0:
        raise NotSeekable("its size is not in its header")
    if height * width > MOST_PIXELS:
        raise NotSeekable(f"over {MOST_PIXELS:,} pixels")
    identifiers = list(payload[6::3])
    if channels == 1:
        return (height, width), identifiers, [(1, 1)]  # one component has one block in an MCU
    samples = [(factors & 15, factors >> 4) for factors in payload[7::3]]
    if not set(samples[0]) <= {1, 2} or set(samples[1:]) != {(1, 1)}:
        text = ", ".join(f"{w}x{h}" for h, w in samples)
        raise NotSeekable(f"sampling {text}")
    return (height, width), identifiers, samples


def _scan_tables(payload: bytes, identifiers: list[int]) -> tuple[list[int], list[int]]:
    """Numbers of the DC and of the AC table of each component."""
    channels = len(identifiers)
    if len(payload) != 4 + 2 * channels or payload[0] != channels:
        raise NotSeekable("several scans")
    if list(payload[1:-3:2]) != identifiers or len(set(identifiers)) != channels:
        raise NotSeekable("its scan is not in the order of its frame")
    if payload[-3:] != FULL_SCAN:
        raise NotSeekable("its scan holds a part of the coefficients")
    return [both >> 4 for both in payload[2:-3:2]], [both & 15 for both in payload[2:-3:2]]
