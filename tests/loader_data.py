"""Small photos of many sizes in folders and in shards, and the released way to a crop of one."""

from functools import cache

import cv2
import numpy as np
from click.testing import CliRunner
from PIL import Image as PillowImage

from mass13k_tools.cli import main
from mass13k_tools.layouts import find_dataset
from mass13k_tools.loader.folder_source import FolderSource
from mass13k_tools.loader.photometric import draw_distortion
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.loader.shard_source import ShardSource
from mass13k_tools.shards.reader import ShardSet

# Crops of 64x80 from photos of 40 to 220 pixels: some are padded, some enlarged, some reduced
SMALL = Recipe(short_sides_px=(60, 121, 130, 263), most_long_side_px=340, crop_hw=(64, 80))


def write_dataset(root, count, *, seed=0, split="train"):
    """Write photos and label maps of random sizes in MaSS13K's layout; every fifth is a PNG."""
    rng = np.random.default_rng(seed)
    for kind in ("images", "annotations"):
        (root / kind / split).mkdir(parents=True)
    for number in range(count):
        size_hw = tuple(rng.integers(40, 220, 2).tolist())
        label_map = draw_regions(size_hw, rng)
        image = cv2.resize(
            rng.integers(0, 256, (9, 9, 3), dtype=np.uint8), size_hw[::-1], interpolation=2
        )
        picture = PillowImage.fromarray(image // 2 + label_map[:, :, None] * np.uint8(9))
        stem = root / "images" / split / f"p{number:02}"
        if number % 5 == 4:
            picture.save(f"{stem}.png")
        else:
            picture.save(f"{stem}.jpg", quality=90, subsampling=int(rng.integers(3)))
        PillowImage.fromarray(label_map).save(root / "annotations" / split / f"p{number:02}.png")
    return root


def draw_regions(size_hw, rng):
    """Draw a few rectangles of classes and of ignore, and some single pixels."""
    label_map = np.full(size_hw, rng.integers(0, 7), dtype=np.uint8)
    for value in rng.choice([0, 1, 2, 3, 6, 255], rng.integers(0, 7)):
        (top, bottom), (left, right) = (np.sort(rng.integers(0, side + 1, 2)) for side in size_hw)
        label_map[top:bottom, left:right] = value
    rows, columns = (rng.integers(0, side, 20) for side in size_hw)
    label_map[rows, columns] = 4
    return label_map


def folder_source(root, **options):
    """Open the folders."""
    return FolderSource(find_dataset(root), **options)


def shard_source(root, out, *options):
    """Write shards of about three samples each, and open them."""
    arguments = ["shard", str(root), str(out), "--jobs", "1", "--size", "30kB", *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return ShardSource(ShardSet.open(out))


def released_crop(image_path, label_path, recipe, rng):
    """Make a sample in the released order: decode, resize and only then crop, all of it, in BGR."""
    with PillowImage.open(image_path) as picture:
        image = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])
    with PillowImage.open(label_path) as picture:
        label_map = np.array(picture)
    short_px = recipe.short_sides_px[int(rng.integers(len(recipe.short_sides_px)))]
    flip = rng.random() < recipe.flip_chance
    distortion = draw_distortion(recipe.distortion, rng)
    factor = short_px / min(label_map.shape)
    factor = min(factor, recipe.most_long_side_px / (max(label_map.shape) * factor) * factor)
    height, width = (int(side * factor + 0.5) for side in label_map.shape)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    label_map = cv2.resize(label_map, (width, height), interpolation=cv2.INTER_NEAREST)
    crop_h, crop_w = recipe.crop_hw
    for attempt in range(11):
        y = int(rng.integers(max(height - crop_h, 0) + 1))
        x = int(rng.integers(max(width - crop_w, 0) + 1))
        part = np.s_[y : y + crop_h, x : x + crop_w]
        values, counts = np.unique(label_map[part], return_counts=True)
        counts = counts[values != 255]
        if attempt == 10 or (len(counts) > 1 and counts.max() / counts.sum() < 0.75):
            break
    image, label_map = image[part], label_map[part]
    if flip:
        image, label_map = cv2.flip(image, 1), np.ascontiguousarray(label_map[:, ::-1])
    image = released_colours(np.ascontiguousarray(image), distortion)[:, :, ::-1]
    below, right = crop_h - label_map.shape[0], crop_w - label_map.shape[1]
    padding = ((0, below), (0, right))
    return np.pad(image, (*padding, (0, 0))), np.pad(label_map, padding, constant_values=255)


def released_colours(image, distortion):
    """Distort the colours of a BGR image in plain steps, in the released order."""

    def converted(values, *, alpha=1.0, beta=0.0):
        return np.clip(values.astype(np.float32) * alpha + beta, 0, 255).astype(np.uint8)

    if distortion.brightness is not None:
        image = converted(image, beta=distortion.brightness)
    if distortion.contrast is not None and not distortion.contrast_last:
        image = converted(image, alpha=distortion.contrast)
    if distortion.saturation is not None:
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        hsv[:, :, 1] = converted(hsv[:, :, 1], alpha=distortion.saturation)
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
    if distortion.hue is not None:
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        hsv[:, :, 0] = (hsv[:, :, 0].astype(int) + distortion.hue) % 180
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
    if distortion.contrast is not None and distortion.contrast_last:
        image = converted(image, alpha=distortion.contrast)
    return image


@cache
def plain_source(count):
    """Make a source of tiny samples in memory, whose labels say which sample they are of."""
    return _PlainSource(count)


class _PlainSource:
    def __init__(self, count):
        self.keys = tuple(f"k{number:03}" for number in range(count))
        self.taxonomy = None

    def __len__(self):
        return len(self.keys)

    def size_hw(self, index):
        return 8, 8

    def image_region(self, index, box):
        return np.full((*box[2:], 3), index, dtype=np.uint8)

    def label_region(self, index, box):
        return np.full(box[2:], index, dtype=np.uint8)

    def block_counts(self, index):
        return None
