"""Parts of files, near and far."""

from collections.abc import Sequence

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.places import Place, whole_part

# A request takes about as long as so many bytes: with a smaller gap two parts are read as one
WORTH_A_REQUEST = 2**18


def read_parts(place: Place, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Read some parts of a file, with as few requests as are worth it.

    Args:
        place: The file.
        ranges: First byte and the one behind the last, of each part.

    Raises:
        DatasetError: The file cannot be read, or ends before a part does.
    """
    if place.local is None:
        return _from_afar(place, ranges)
    try:
        with place.local.open("rb", buffering=0) as file:
            parts = []
            for start, stop in ranges:
                file.seek(start)
                parts.append(file.read(stop - start))
    except OSError as error:
        raise DatasetError(f"cannot read '{place.address}': {error.strerror}") from error
    for part, (start, stop) in zip(parts, ranges, strict=True):
        whole_part(part, place.address, start=start, length=stop - start)
    return parts


def merged(ranges: Sequence[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Join ranges that lie within ``gap`` bytes of each other.

    Example:
        >>> merged([(0, 10), (100, 110), (12, 20)], gap=5)
        [(0, 20), (100, 110)]
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def _from_afar(place: Place, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    requests = merged(ranges, WORTH_A_REQUEST)
    contents = [place.read(start, stop - start) for start, stop in requests]
    parts = []
    for start, stop in ranges:
        number = next(
            n for n, (first, last) in enumerate(requests) if first <= start <= stop <= last
        )
        first = requests[number][0]
        parts.append(contents[number][start - first : stop - first])
    return parts
