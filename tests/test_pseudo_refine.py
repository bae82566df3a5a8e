"""``mass13k pseudo refine``: coarse masks drawn to the edges of their photo."""

import numpy as np
import pytest
from command_runs import mass13k, mass13k_json
from PIL import Image as PillowImage

from mass13k_tools.ops.guided_filter import guided_filter
from mass13k_tools.pseudo import refining
from mass13k_tools.pseudo.masks import ImageMasks, pseudo_mask
from mass13k_tools.pseudo.stored import read_masks, write_masks

SIZE = (90, 120)


def disc(centre_yx, radius_px):
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    return (y - centre_yx[0]) ** 2 + (x - centre_yx[1]) ** 2 <= radius_px**2


TRUTH = disc((45, 60), 25)
COARSE = disc((47, 63), 27)  # beside the truth by what a coarse segmenter is off


def photo(mask, *, seed=0):
    noise = np.random.default_rng(seed).integers(-6, 7, (*SIZE, 3))
    colours = np.where(mask[..., None], (180, 60, 40), (70, 110, 150))
    return (colours + noise).astype(np.uint8)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.fixture
def plain(tmp_path):
    """A plain folder with two photos and coarse masks of one of them."""
    root = tmp_path / "data"
    for key in ("a", "b"):
        for folder, pixels in (("images", photo(TRUTH)), ("annotations", TRUTH.astype(np.uint8))):
            path = root / folder / "train" / f"{key}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            PillowImage.fromarray(pixels).save(path)
    tiny = np.zeros(SIZE, bool)
    tiny[4, 4] = True  # on a flat ground: no edge of the photo holds it
    about = {"class_name": "car", "mask_score": 0.9, "source": "sam"}
    found = ImageMasks("a", SIZE, (pseudo_mask(COARSE, **about), pseudo_mask(tiny, **about)))
    write_masks(tmp_path / "masks/train/a.masks.json", found)
    return root, tmp_path / "masks"


def whole(mask):
    pixels = np.zeros(SIZE, bool)
    pixels[mask.box.inside] = mask.pixels
    return pixels


def test_a_coarse_mask_moves_to_the_edge_in_the_photo():
    filtered = guided_filter(photo(TRUTH), COARSE, radius_px=8, smoothness=1e-4)
    assert filtered.dtype == np.float32
    assert iou(COARSE, TRUTH) < 0.83
    assert iou(filtered > 0.5, TRUTH) > 0.93


def test_the_filter_solves_the_least_squares_of_every_window():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (9, 11, 3), np.uint8)
    mask = rng.random((9, 11)) < 0.5
    radius, smoothness = 2, 0.01
    pad = ((radius, radius), (radius, radius))
    guide = np.pad(image / 255, (*pad, (0, 0)), "symmetric")
    target = np.pad(mask.astype(float), pad, "symmetric")
    slope, offset = np.zeros((9, 11, 3)), np.zeros((9, 11))
    for y in range(9):
        for x in range(11):
            window = np.s_[y : y + 2 * radius + 1, x : x + 2 * radius + 1]
            colours, values = guide[window].reshape(-1, 3), target[window].ravel()
            centred = colours - colours.mean(0)
            left = centred.T @ centred / len(colours) + smoothness * np.eye(3)
            right = centred.T @ (values - values.mean()) / len(colours)
            slope[y, x] = np.linalg.solve(left, right)
            offset[y, x] = values.mean() - slope[y, x] @ colours.mean(0)
    slope = np.pad(slope, (*pad, (0, 0)), "symmetric")
    offset = np.pad(offset, pad, "symmetric")
    expected = np.zeros((9, 11))
    for y in range(9):
        for x in range(11):
            window = np.s_[y : y + 2 * radius + 1, x : x + 2 * radius + 1]
            colour = image[y, x] / 255
            expected[y, x] = slope[window].reshape(-1, 3).mean(0) @ colour + offset[window].mean()
    found = guided_filter(image, mask, radius_px=radius, smoothness=smoothness)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_nothing_changes_far_from_an_edge():
    filtered = guided_filter(photo(TRUTH), COARSE, radius_px=4, smoothness=1e-4)
    y, x = np.nonzero(COARSE)
    edge_distance = abs(np.hypot(*(np.indices(SIZE) - np.array([47, 63])[:, None, None])) - 27)
    far = edge_distance > 12
    np.testing.assert_allclose(filtered[far], COARSE[far], atol=1e-5)
    assert far.any() and len(y) == len(x)


def test_strips_give_what_one_piece_gives(monkeypatch):
    settings = refining.RefineSettings(6, 1e-4)
    mask = pseudo_mask(COARSE)
    one, *_ = refining.refine_mask(mask, photo(TRUTH), settings)
    monkeypatch.setattr(refining, "STRIP_PX", 700)
    assert refining.refine_mask(mask, photo(TRUTH), settings)[0] == one


def test_refined_masks_lie_beside_the_old_ones_and_the_report_counts(plain, tmp_path):
    root, masks = plain
    out = tmp_path / "refined"
    report = mass13k_json("pseudo", "refine", root, masks, "--out", out, "--radius-px", 8)
    (row,) = report["images"]
    assert row["key"] == "a"
    assert (row["masks"], row["lost"]) == (2, 1)
    found = read_masks(out / "train/a.masks.json")
    (mask,) = found.masks
    assert (mask.class_name, mask.mask_score, mask.source) == ("car", 0.9, "sam, refined")
    assert iou(whole(mask), TRUTH) > 0.93
    gained, lost = whole(mask) & ~COARSE, COARSE & ~whole(mask)
    assert (row["gained_px"], row["lost_px"]) == (gained.sum(), lost.sum() + 1)
    assert len(read_masks(masks / "train/a.masks.json").masks) == 2


def test_masks_of_another_photo_are_refused_and_so_is_their_own_folder(plain, tmp_path):
    root, masks = plain
    small = ImageMasks("b", (9, 9), (pseudo_mask(np.ones((9, 9), bool)),))
    write_masks(masks / "train/b.masks.json", small)
    failed = mass13k("pseudo", "refine", root, masks, "--out", tmp_path / "refined")
    assert failed.exit_code == 1
    assert "9x9" in failed.stderr and "90x120" in failed.stderr
    own = mass13k("pseudo", "refine", root, masks, "--out", masks)
    assert "choose another --out" in own.stderr
    none = mass13k("pseudo", "refine", root, tmp_path / "none", "--out", tmp_path / "x")
    assert "mass13k pseudo import" in none.stderr
