"""Near pairs against a double loop, and what counts as a copy."""

import cv2
import numpy as np
import pytest

from mass13k_tools.ops import duplicates
from mass13k_tools.ops.duplicates import (
    NEAR_BITS,
    NEAR_PEAK,
    near_pairs,
    peak_difference,
    perceptual_hash,
    thumbnail,
)


def random_hashes(count, *, seed):
    """Some hashes and others that differ from them in 0 to 60 bits."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, 256), dtype=np.uint8)
    for row in range(count // 2, count):
        bits[row] = bits[rng.integers(0, count // 2)]
        bits[row, rng.permutation(256)[: rng.integers(0, 60)]] ^= 1
    return np.packbits(bits, axis=1).view(np.uint64)


def pairs_by_loop(hashes, max_bits):
    numbers = [int.from_bytes(row.tobytes()) for row in hashes]
    return {
        (earlier, later, (numbers[earlier] ^ numbers[later]).bit_count())
        for later in range(len(numbers))
        for earlier in range(later)
        if (numbers[earlier] ^ numbers[later]).bit_count() <= max_bits
    }


@pytest.mark.parametrize("block", [1, 100, 2**20])
@pytest.mark.parametrize("max_bits", [0, 7, 32, 120])
def test_near_pairs_equal_those_of_a_double_loop(monkeypatch, block, max_bits):
    monkeypatch.setattr(duplicates, "BLOCK", block)
    hashes = random_hashes(60, seed=max_bits)
    found = [
        pair
        for pairs in near_pairs(hashes, max_bits=max_bits)
        for pair in zip(*(column.tolist() for column in pairs), strict=True)
    ]
    assert len(found) == len(set(found))
    assert set(found) == pairs_by_loop(hashes, max_bits)


def test_no_hashes_have_no_pairs():
    assert list(near_pairs(np.empty((0, 4), dtype=np.uint64))) == []


def test_a_block_bounds_how_many_pairs_are_compared_at_once(monkeypatch):
    monkeypatch.setattr(duplicates, "BLOCK", 200)
    hashes = np.zeros((40, 4), dtype=np.uint64)  # all equal: the most pairs there can be
    sizes = [len(pairs.later) for pairs in near_pairs(hashes)]
    assert sum(sizes) == 40 * 39 // 2
    assert max(sizes) <= 200


def photo(seed, *, size_hw=(480, 640)):
    """Something like a photo: soft light, sharp objects before it, colours that are near grey."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(40, 200, (6, 8)).astype(np.float32)
    grey = cv2.resize(small, size_hw[::-1], interpolation=cv2.INTER_CUBIC)
    for _ in range(25):
        top, left = rng.integers(0, size_hw[0]), rng.integers(0, size_hw[1])
        grey[top : top + rng.integers(9, 90), left : left + rng.integers(9, 90)] = rng.uniform(
            0, 255
        )
    return np.clip(grey[:, :, None] + [12, 0, -12], 0, 255).astype(np.uint8)


def jpeg(image, quality):
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


def resized(image, factor):
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


COPIES = {
    "JPEG of quality 30": lambda image: jpeg(image, 30),
    "half the size": lambda image: resized(image, 0.5),
    "nine tenths of the size": lambda image: resized(image, 0.9),
    "brighter": lambda image: np.clip(image * 1.2, 0, 255).astype(np.uint8),
    "darker": lambda image: (image * 0.6).astype(np.uint8),
    "another gamma": lambda image: (255 * (image / 255) ** 0.7).astype(np.uint8),
}


def differing_bits(first, second):
    hashes = perceptual_hash(thumbnail(first)), perceptual_hash(thumbnail(second))
    return int(np.bitwise_count(hashes[0] ^ hashes[1]).sum())


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("seed", range(5))
def test_copies_are_near_by_both_measures(copy, seed):
    image = photo(seed)
    other = COPIES[copy](image)
    assert differing_bits(image, other) <= NEAR_BITS
    assert peak_difference(thumbnail(image), thumbnail(other)) <= NEAR_PEAK


@pytest.mark.parametrize("seed", range(5))
def test_other_photos_are_far_by_both_measures(seed):
    image, other = photo(seed), photo(seed + 100)
    assert differing_bits(image, other) > NEAR_BITS
    assert peak_difference(thumbnail(image), thumbnail(other)) > NEAR_PEAK


def test_one_moved_object_makes_another_photo_though_the_hash_is_near():
    street = photo(3)
    first, second = street.copy(), street.copy()
    first[200:260, 100:120] = 255  # somebody crosses the road
    second[200:260, 140:160] = 255
    assert differing_bits(first, second) <= NEAR_BITS
    assert peak_difference(thumbnail(first), thumbnail(second)) > NEAR_PEAK


def test_the_difference_does_not_depend_on_the_order():
    first, second = thumbnail(photo(1)), thumbnail(photo(2))
    assert peak_difference(first, second) == peak_difference(second, first)


def test_a_flat_image_is_like_no_other():
    flat = np.full((64, 64), 9, dtype=np.uint8)
    assert peak_difference(flat, flat) == float("inf")
    assert peak_difference(flat, thumbnail(photo(1))) == float("inf")


def test_a_thumbnail_is_the_mean_of_areas():
    image = photo(5, size_hw=(128, 192))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    means = grey.reshape(64, 2, 64, 3).mean(axis=(1, 3))
    assert np.abs(thumbnail(image) - means).max() <= 1
