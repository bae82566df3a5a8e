"""Readers of other programs' masks, each on a result written as that program writes it."""

import base64
import io
import json

import numpy as np
import pytest
from command_runs import mass13k, mass13k_json
from PIL import Image as PillowImage
from pycocotools import mask as coco

from mass13k_tools.commands.pseudo_import import FORMATS
from mass13k_tools.pseudo.formats.readers import READERS
from mass13k_tools.pseudo.stored import read_masks

SIZE = HEIGHT, WIDTH = 40, 60
KEY = "IMG_1.a"  # a dot in a key is no suffix


def ragged():
    """A mask with a hole, a hair of one pixel, and a single pixel."""
    mask = np.zeros(SIZE, bool)
    mask[5:20, 8:30] = True
    mask[9:12, 15:20] = False
    mask[25, 10:50] = True
    mask[35, 55] = True
    return mask


def square():
    mask = np.zeros(SIZE, bool)
    mask[22:38, 20:44] = True
    return mask


def compressed(mask):
    rle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": rle["counts"].decode()}


def plain_runs(mask):
    flat = mask.ravel(order="F").astype(np.int8)
    cuts = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    counts = np.diff([0, *cuts, flat.size]).tolist()
    return {"size": list(mask.shape), "counts": counts}


def png(pixels):
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def record(mask, *, segmentation=None, **more):
    y, x = np.nonzero(mask)
    box = [float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y))]
    crop = [0.0, 0.0, float(WIDTH), float(HEIGHT)]
    return {
        "segmentation": segmentation or compressed(mask),
        "area": int(mask.sum()),
        "bbox": box,
        "predicted_iou": 0.97,
        "stability_score": 0.98,
        "crop_box": crop,
        **more,
    }


@pytest.fixture
def photos(tmp_path):
    """Two photos of a plain folder."""
    for key in (KEY, "b"):
        for folder, pixels in (
            ("images", np.zeros((*SIZE, 3), np.uint8)),
            ("annotations", np.zeros(SIZE, np.uint8)),
        ):
            put(tmp_path / "data" / folder / "train" / f"{key}.png", png(pixels))
    return tmp_path / "data"


@pytest.fixture
def imported(photos, tmp_path):
    """Import a folder of results and give the masks of the first photo."""

    def run(results):
        out = tmp_path / "masks"
        report = mass13k_json("pseudo", "import", photos, results, "--out", out)
        (name,) = report["formats"]
        found = read_masks(out / "train" / f"{KEY}.masks.json")
        assert found.size_hw == SIZE
        return name, found.masks

    return run


@pytest.fixture
def refused(photos, tmp_path):
    """Import what must be refused, and give what is said."""

    def run(results, *arguments):
        out = tmp_path / "masks"
        result = mass13k("pseudo", "import", photos, results, "--out", out, *arguments)
        assert result.exit_code == 1, result.output
        assert not [*out.rglob("*.json")]
        return result.stderr

    return run


def whole(mask):
    pixels = np.zeros(SIZE, bool)
    pixels[mask.box.inside] = mask.pixels
    return pixels


def same(masks, *expected):
    assert len(masks) == len(expected)
    for mask, pixels in zip(masks, expected, strict=True):
        np.testing.assert_array_equal(whole(mask), pixels)


def test_the_command_names_the_formats_that_there_are():
    assert sorted(FORMATS) == sorted(READERS)


@pytest.mark.parametrize("runs", [compressed, plain_runs])
def test_sam_lists_keep_holes_and_single_pixels(imported, tmp_path, runs):
    rows = [record(m, segmentation=runs(m)) for m in (ragged(), square())]
    name, masks = imported(put(tmp_path / "r" / f"{KEY}.json", rows).parent)
    assert name == "sam"
    same(masks, ragged(), square())
    assert [(m.class_name, m.mask_score, m.source) for m in masks] == [(None, 0.97, "sam")] * 2


def test_a_sam_list_of_no_masks_is_a_result(imported, tmp_path):
    assert imported(put(tmp_path / "r" / f"{KEY}.json", [])) == ("sam", ())


def test_masks_of_a_crop_lie_where_the_crop_was(imported, tmp_path):
    part = ragged()[4:30, 6:56]
    row = record(part, crop_box=[6.0, 4.0, 50.0, 26.0])
    _, masks = imported(put(tmp_path / "r" / f"{KEY}.json", [row]))
    expected = np.zeros(SIZE, bool)
    expected[4:30, 6:56] = part
    same(masks, expected)


def test_sa1b_says_which_photo_it_is_of(imported, tmp_path):
    image = {"image_id": 7, "width": WIDTH, "height": HEIGHT, "file_name": f"{KEY}.jpg"}
    content = {"image": image, "annotations": [record(ragged(), id=1)]}
    name, masks = imported(put(tmp_path / "r/sa_7.json", content))
    assert name == "sa-1b"
    same(masks, ragged())


def test_a_folder_of_pngs_has_a_table_of_scores(imported, tmp_path):
    folder = tmp_path / "r" / KEY
    for number, mask in enumerate((ragged(), square())):
        put(folder / f"{number}.png", png(mask.astype(np.uint8) * 255))
    put(folder / "metadata.csv", b"id,area,predicted_iou\n0,1,0.9\n1,2,1.02\n")
    name, masks = imported(folder.parent)
    assert name == "sam-png"
    same(masks, ragged(), square())
    assert [mask.mask_score for mask in masks] == [0.9, 1.0]


@pytest.mark.parametrize("suffix", ["png", "npy"])
@pytest.mark.parametrize("caption", [False, True])
def test_grounded_sam_needs_its_map_of_values(imported, tmp_path, suffix, caption):
    rows = [
        {"value": 0, "label": "background"},
        {"value": 1, "label": "car", "logit": 0.38, "box": [8.0, 5.0, 50.0, 36.0]},
        {"value": 2, "label": "truck", "logit": "0.41", "box": [20.0, 22.0, 44.0, 38.0]},
    ]
    values = np.where(square(), 2, ragged()).astype(np.uint8)  # later masks lie above
    folder = tmp_path / "r" / KEY
    if caption:
        put(folder / "label.json", {"caption": "a car", "mask": rows})
    else:
        put(folder / "mask.json", rows)
    if suffix == "png":
        put(folder / "mask.png", png(values))
    else:
        np.save(folder / "mask.npy", values.astype(np.float32))
    name, masks = imported(folder.parent)
    assert name == "grounded-sam"
    same(masks, ragged() & ~square(), square())
    assert [(m.class_name, m.detector_score) for m in masks] == [("car", 0.38), ("truck", 0.41)]


def test_a_drawing_of_the_masks_is_refused_with_the_reason(refused, tmp_path):
    folder = tmp_path / "r" / KEY
    put(folder / "mask.jpg", b"any")
    assert "mask.npy" in refused(folder.parent)
    put(folder / "mask.json", [{"value": 0, "label": "background"}, {"value": 1, "label": "car"}])
    said = refused(folder.parent)
    assert "drawing" in said and "mask.npy" in said


@pytest.mark.parametrize("value", [[0.8], 0.8])
def test_grounded_sam_2_has_scores_as_lists_or_numbers(imported, tmp_path, value):
    row = {"class_name": "car", "bbox": [1, 2, 3, 4], "segmentation": compressed(ragged())}
    content = {
        "image_path": f"some/where/{KEY}.png",
        "annotations": [row | {"score": value}],
        "box_format": "xywh",
        "img_width": WIDTH,
        "img_height": HEIGHT,
    }
    name, masks = imported(put(tmp_path / "r/results.json", content))
    assert name == "grounded-sam-2"
    same(masks, ragged())
    assert (masks[0].class_name, masks[0].mask_score) == ("car", 0.8)


def test_frames_of_a_video_have_their_map_beside_them(imported, tmp_path):
    labels = {"3": {"instance_id": 3, "class_name": "car", "logit": 0.0}}
    content = {"mask_name": f"mask_{KEY}.npy", "labels": labels}
    put(tmp_path / "r/json_data" / f"mask_{KEY}.json", content)
    (tmp_path / "r/mask_data").mkdir()
    np.save(tmp_path / "r/mask_data" / f"mask_{KEY}.npy", ragged().astype(np.uint16) * 3)
    name, masks = imported(tmp_path / "r")
    assert name == "grounded-sam-2-video"
    same(masks, ragged())


def test_pipelines_of_transformers_share_a_list_of_scores(imported, tmp_path):
    content = {"masks": [ragged().tolist()], "scores": [0.7], "rle_mask": [plain_runs(ragged())]}
    name, masks = imported(put(tmp_path / "r" / f"{KEY}.json", content))
    assert name == "transformers"
    same(masks, ragged())
    del content["rle_mask"]
    content |= {"boxes": [[0, 0, 1, 1]], "text_labels": ["car"]}
    _, masks = imported_again(imported, put(tmp_path / "s" / f"{KEY}.json", content))
    same(masks, ragged())
    assert (masks[0].class_name, masks[0].mask_score) == ("car", 0.7)


def imported_again(imported, results):
    for old in results.parent.parent.glob("masks/*/*.json"):
        old.unlink()
    return imported(results)


def test_rows_of_transformers_have_a_label_each(imported, tmp_path):
    rows = [{"score": None, "label": "car", "mask": compressed(ragged())}]
    name, masks = imported(put(tmp_path / "r" / f"{KEY}.json", rows))
    assert name == "transformers-rows"
    same(masks, ragged())
    assert (masks[0].class_name, masks[0].mask_score) == ("car", None)


def shapes(*rows, size_hw=SIZE):
    return {
        "version": "6.3.1",
        "shapes": [{"label": "car", "group_id": None, "flags": {}} | row for row in rows],
        "imagePath": f"{KEY}.png",
        "imageData": None,
        "imageHeight": size_hw[0],
        "imageWidth": size_hw[1],
    }


def test_labelme_has_masks_polygons_and_rectangles(imported, tmp_path):
    crop = base64.b64encode(png(ragged()[5:36, 8:56])).decode()
    content = shapes(
        {"shape_type": "mask", "points": [[8, 5], [55, 35]], "mask": crop},
        {"shape_type": "polygon", "points": [[20, 22], [43, 22], [43, 37], [20, 37]]},
        {"shape_type": "rectangle", "points": [[43, 37], [20, 22]]},
        {"shape_type": "polygon", "points": [[3, 2], [9, 2], [9, 2]], "score": 0.5},
    )
    name, masks = imported(put(tmp_path / "r/anything.json", content))
    assert name == "labelme"
    hair = np.zeros(SIZE, bool)
    hair[2, 3:10] = True
    same(masks, ragged(), square(), square(), hair)
    assert masks[3].detector_score == 0.5


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"shape_type": "line", "points": [[1, 1], [2, 2]]}, "expected mask, polygon"),
        ({"shape_type": "polygon", "points": [[1, 1], [2, 2]]}, "three or more"),
        ({"shape_type": "polygon", "points": [[1, 1], [2, 2], [1e9, 3]]}, "far outside"),
        ({"shape_type": "polygon", "points": [[1, 1], [2, 2], [float("nan"), 3]]}, "far outside"),
        ({"shape_type": "polygon", "points": "abc"}, "no pairs of numbers"),
        ({"shape_type": "rectangle"}, "damaged"),
        ({"shape_type": "mask", "points": [[1, 1]], "mask": "?"}, "base64"),
        ({"shape_type": "mask", "points": [[50, 30]], "mask": "PNG"}, "out of the photo"),
        ({"shape_type": "polygon", "points": [[1, 1]], "label": ""}, "expected text"),
    ],
)
def test_shapes_that_are_none_are_refused(refused, tmp_path, row, said):
    if row.get("mask") == "PNG":
        row = row | {"mask": base64.b64encode(png(np.ones((20, 20), bool))).decode()}
    assert said in refused(put(tmp_path / "r/a.json", shapes(row)))


def coco_file(annotations, **image):
    images = [
        {"id": 1, "file_name": f"train/{KEY}.png", "height": HEIGHT, "width": WIDTH} | image,
        {"id": 2, "file_name": "b.png", "height": HEIGHT, "width": WIDTH},
    ]
    categories = [{"id": 5, "name": "car"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def test_coco_instances_have_run_lengths_and_polygons(imported, tmp_path, photos):
    polygon = [20, 22, 44, 22, 44, 38, 20, 38]
    rows = [
        {"image_id": 1, "category_id": 5, "segmentation": compressed(ragged()), "score": 0.6},
        {"image_id": 1, "category_id": 5, "segmentation": [polygon]},
        {"image_id": 1, "category_id": 5, "segmentation": plain_runs(ragged()), "iscrowd": 1},
    ]
    name, masks = imported(put(tmp_path / "r/instances.json", coco_file(rows)))
    assert name == "coco"
    same(masks, ragged(), square(), ragged())
    assert [mask.class_name for mask in masks] == ["car"] * 3
    assert masks[0].mask_score == 0.6
    assert read_masks(tmp_path / "masks/train/b.masks.json").masks == ()


def test_coco_panoptic_maps_colours_to_segments(imported, tmp_path):
    number = 300 + 2 * 65536
    colours = np.zeros((*SIZE, 3), np.uint8)
    colours[ragged()] = (number % 256, number // 256 % 256, number // 65536)
    put(tmp_path / "r/panoptic_train" / f"{KEY}.png", png(colours))
    segment = {"id": number, "category_id": 5, "area": 1, "bbox": [0, 0, 1, 1], "iscrowd": 0}
    row = {"image_id": 1, "file_name": f"{KEY}.png", "segments_info": [segment]}
    put(tmp_path / "r/panoptic_train.json", coco_file([row]))
    name, masks = imported(tmp_path / "r")
    assert name == "coco-panoptic"
    same(masks, ragged())


def test_pictures_lie_in_folders_called_as_their_classes(imported, tmp_path):
    put(tmp_path / "r/car" / f"{KEY}.png", png(ragged().astype(np.uint8) * 255))
    put(tmp_path / "r/truck" / f"{KEY}.png", png(square().astype(np.uint8)))
    name, masks = imported(tmp_path / "r")
    assert name == "png"
    same(masks, ragged(), square())
    assert [mask.class_name for mask in masks] == ["car", "truck"]


def test_masks_of_another_photo_or_size_are_refused_by_name_and_size(refused, tmp_path):
    other = put(tmp_path / "r/c.json", [record(ragged())])
    assert "'c'" in refused(other)
    half = put(tmp_path / "s" / f"{KEY}.json", [record(ragged()[::2, ::2])])
    said = refused(half)
    assert "20x30" in said and "40x60" in said
    assert "1800" in refused(
        put(tmp_path / "t/x.json", shapes(size_hw=(1200, 1800)) | {"imagePath": "b.png"})
    )


def test_grey_masks_and_pickled_arrays_are_refused(refused, tmp_path):
    grey = np.linspace(0, 255, HEIGHT * WIDTH).reshape(SIZE).astype(np.uint8)
    assert "no grey edges" in refused(put(tmp_path / "r/car" / f"{KEY}.png", png(grey)))
    folder = tmp_path / "s" / KEY
    put(folder / "mask.json", [{"value": 1, "label": "car"}])
    np.save(folder / "mask.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "no array" in refused(folder.parent)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[" * 100_000,
        {"no": "format"},
        [{"segmentation": 3, "predicted_iou": 1}],
        [{"segmentation": {"size": [40, 60], "counts": "zz"}, "predicted_iou": 1}],
        [{"segmentation": {"size": [40, 60], "counts": [9999]}, "predicted_iou": 1}],
        [record(square(), predicted_iou=float("nan"))],
        [record(square(), crop_box=7)],
        [record(square(), crop_box=[50.0, 0.0, 60.0, 40.0]), 7],
        {"image_path": "b.png", "annotations": 3},
        {"image_path": "../../etc/passwd", "annotations": []},
        {"shapes": [], "imagePath": None},
        {"images": [3], "annotations": [], "categories": []},
        {"images": [], "annotations": [{"image_id": 1}], "categories": []},
        {"scores": [1], "masks": []},
        {"scores": [1], "masks": [[[1, 0], [1]]]},
    ],
)
def test_whatever_is_damaged_is_refused_in_a_line(refused, tmp_path, content):
    said = refused(put(tmp_path / "r" / f"{KEY}.json", content))
    assert "Traceback" not in said
    lines = [line for line in said.strip().splitlines() if not line.startswith("import ")]
    assert len(lines) == 2  # after the progress: how many failed, and which


def test_one_damaged_result_keeps_back_only_its_own_photo(photos, tmp_path):
    put(tmp_path / "r" / f"{KEY}.json", [record(square())])
    put(tmp_path / "r/b.json", [{"segmentation": {}, "predicted_iou": 1}])
    result = mass13k("pseudo", "import", photos, tmp_path / "r", "--out", tmp_path / "masks")
    assert result.exit_code == 1
    assert "1 of 2 failed" in result.stderr
    assert [path.name for path in (tmp_path / "masks").rglob("*.json")] == [f"{KEY}.masks.json"]


def test_an_import_is_repeated_without_a_change_and_replaces_nothing_unasked(photos, tmp_path):
    results = put(tmp_path / "r" / f"{KEY}.json", [record(square())])
    run = ("pseudo", "import", photos, results, "--out", tmp_path / "masks")
    assert mass13k(*run).exit_code == mass13k(*run).exit_code == 0
    put(results, [record(ragged())])
    again = mass13k(*run)
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    assert mass13k(*run, "--overwrite").exit_code == 0


def test_a_format_that_was_named_is_the_only_one(refused, tmp_path):
    results = put(tmp_path / "r" / f"{KEY}.json", [record(square())])
    assert "expected coco" in refused(results, "--format", "coco")


def test_masks_are_not_written_among_the_photos(photos, tmp_path):
    put(tmp_path / "r" / f"{KEY}.json", [record(square())])
    for out in (photos, photos / "images", photos / "annotations" / "train"):
        result = mass13k("pseudo", "import", photos, tmp_path / "r", "--out", out)
        assert result.exit_code == 1 and "holds the data set itself" in result.stderr
    assert not list(photos.rglob("*.masks.json"))
