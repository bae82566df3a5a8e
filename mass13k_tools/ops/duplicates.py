"""Finds images that look the same: thumbnails, perceptual hashes, and the pairs that are near."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mass13k_tools.arrays import Image, check_image

THUMBNAIL = 64  # pixels a side, what a perceptual hash of 16x16 bits is made from
HASH_BITS = 256
# Set with 280 street photos taken 1 s apart and copies of them. Copies (JPEG quality 30, half size,
# brightness x1.3, gamma 0.7) differ in at most 30 bits and 0.46 of the contrast. The most similar
# photos, from a car that waits while people cross the road, differ in 6 bits but 0.62.
NEAR_BITS = 32
NEAR_PEAK = 0.5
FLAT = 2.0  # grey levels of standard deviation; below, there is nothing to recognise an image by
BLOCK = 2**20  # pairs of hashes compared at once, 8 MiB

Hashes = NDArray[np.uint64]  # (N, HASH_BITS // 64)
Thumbnail = NDArray[np.uint8]  # (THUMBNAIL, THUMBNAIL) grey


class NearPairs(NamedTuple):
    """Pairs of rows whose hashes are near; three arrays of one length."""

    earlier: NDArray[np.int64]
    later: NDArray[np.int64]
    bits: NDArray[np.int64]
    """How many bits differ."""


def thumbnail(image: Image) -> Thumbnail:
    """Shrink an image to a small grey square, each pixel the mean of an area.

    Args:
        image: Shape (H, W, 3), uint8, RGB.

    Returns:
        Shape (64, 64), uint8.
    """
    grey = cv2.cvtColor(check_image(image), cv2.COLOR_RGB2GRAY)
    size = (THUMBNAIL, THUMBNAIL)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def perceptual_hash(small: Thumbnail) -> NDArray[np.uint64]:
    """Hash the coarse structure of a thumbnail; images that look alike differ in few bits.

    Args:
        small: As :func:`thumbnail` returns it.

    Returns:
        Shape (4,), uint64.
    """
    bits = imagehash.phash(PillowImage.fromarray(small), hash_size=16).hash
    return np.packbits(np.asarray(bits).ravel()).view(np.uint64)


def near_pairs(hashes: Hashes, *, max_bits: int = NEAR_BITS) -> Iterator[NearPairs]:
    """Find all pairs of hashes that differ in few bits.

    Args:
        hashes: One per row, shape (N, words), uint64.
        max_bits: How many bits may differ.

    Yields:
        The pairs of some rows with all earlier ones, block by block so that memory stays small.
        Rows come in order, every pair once.

    Example:
        >>> hashes = np.array([[0b0000], [0b1111], [0b0001]], dtype=np.uint64)
        >>> [pairs] = near_pairs(hashes, max_bits=1)
        >>> pairs.earlier, pairs.later, pairs.bits
        (array([0]), array([2]), array([1]))
    """
    rows = max(1, BLOCK // max(1, len(hashes)))
    for top in range(0, len(hashes), rows):
        block = hashes[top : top + rows]
        before = hashes[: top + len(block)]
        bits = np.zeros((len(block), len(before)), dtype=np.uint16)
        for word in range(hashes.shape[1]):
            bits += np.bitwise_count(block[:, None, word] ^ before[None, :, word])
        row, earlier = np.nonzero(np.tril(bits <= max_bits, k=top - 1))
        yield NearPairs(earlier, row + top, bits[row, earlier].astype(np.int64))


def peak_difference(first: Thumbnail, second: Thumbnail) -> float:
    """Measure the largest difference that no change of tone explains.

    A copy that is brighter, has more contrast or another gamma is a smooth function of the original
    at every pixel. Something that moved is not, in one place, however small the mean difference.

    Args:
        first: As :func:`thumbnail` returns it.
        second: The one to compare.

    Returns:
        Largest difference of means over 2x2 pixels, in standard deviations of the image that is
        explained; infinite where one of the two is flat.
    """
    if min(first.std(), second.std()) < FLAT:
        return float("inf")
    # Clipping loses tones, so only one of the two may be a function of the other
    return min(_unexplained(first, second), _unexplained(second, first))


def _unexplained(source: Thumbnail, target: Thumbnail) -> float:
    tones = np.vander(source.ravel() / 255.0, 4)  # a cubic tone curve
    values = target.ravel().astype(np.float64)
    curve, *_ = np.linalg.lstsq(tones, values, rcond=None)
    rest = (values - tones @ curve).reshape(target.shape)
    # Means over 2x2 pixels: JPEG and resizing err to both sides, what moved does not
    means = (rest[1:, 1:] + rest[1:, :-1] + rest[:-1, 1:] + rest[:-1, :-1]) / 4
    return float(np.abs(means).max() / values.std())
