"""Known data sets in small: their files in the released names, and what is found in them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as PillowImage

from mass13k_tools.classes import UNKNOWN


class Tree(NamedTuple):
    """A data set in small: its files in the released names, and what is found in it."""

    layout: str
    files: tuple[tuple[str, int | None], ...]
    """Path and raw label value; None for an image."""
    samples: tuple[tuple[str, str, str | None], ...]
    """Split, key and group, in order."""
    taxonomy: str
    classes: tuple[tuple[int, int], ...]
    """Raw value and the class it stands for."""


TREES = {
    "mass13k, as released": Tree(
        "mass13k",
        (
            ("msem/images_pad/train/06115_b06_20230210_tianjin_id2974.jpg", None),
            ("msem/annotations/train/06115_b06_20230210_tianjin_id2974.png", 6),
            ("msem/images_copy/val/00002_b01_20230211_tianjin_id0002.JPG", None),
            ("msem/images_pad/val/00002_b01_20230211_tianjin_id0002.jpg", None),
            ("msem/annotations/val/00002_b01_20230211_tianjin_id0002.png", 0),
            ("msem/images/test/00003_b01_20230211_tianjin_id0003.jpeg", None),
            ("msem/annotations/test/00003_b01_20230211_tianjin_id0003.PNG", 255),
        ),
        (
            ("train", "06115_b06_20230210_tianjin_id2974", None),
            ("val", "00002_b01_20230211_tianjin_id0002", None),
            ("test", "00003_b01_20230211_tianjin_id0003", None),
        ),
        "mass13k",
        ((0, 0), (6, 6), (7, UNKNOWN), (255, 255)),
    ),
    "coco-stuff, official": Tree(
        "coco-stuff",
        (
            ("images/train2017/000000000009.jpg", None),
            ("annotations/train2017/000000000009.png", 12),
            ("annotations/train2017/000000000009_labelTrainIds.png", 11),
            ("images/val2017/000000000139.jpg", None),
            ("annotations/val2017/000000000139.png", 181),
        ),
        (("train", "000000000009", None), ("val", "000000000139", None)),
        "coco-stuff",
        (
            (0, 0),
            (10, 10),
            (11, UNKNOWN),
            (12, 11),
            (91, 80),
            (181, 170),
            (182, UNKNOWN),
            (255, 255),
        ),
    ),
    "coco-stuff, stuffthingmaps folder": Tree(
        "coco-stuff",
        (
            ("train2017/000000000009.jpg", None),
            ("stuffthingmaps/train2017/000000000009.png", 89),
        ),
        (("train", "000000000009", None),),
        "coco-stuff",
        ((89, 79), (90, UNKNOWN)),
    ),
    "coco-stuff, converted": Tree(
        "coco-stuff",
        (
            ("images/train2017/000000000009.jpg", None),
            ("annotations/train2017/000000000009_labelTrainIds.png", 170),
        ),
        (("train", "000000000009", None),),
        "coco-stuff-trainids",
        ((11, 11), (170, 170), (171, UNKNOWN), (255, 255)),
    ),
    "ade20k": Tree(
        "ade20k",
        (
            ("ADEChallengeData2016/images/training/ADE_train_00000001.jpg", None),
            ("ADEChallengeData2016/annotations/training/ADE_train_00000001.png", 150),
            ("ADEChallengeData2016/images/validation/ADE_val_00000001.jpg", None),
            ("ADEChallengeData2016/annotations/validation/ADE_val_00000001.png", 0),
        ),
        (("train", "ADE_train_00000001", None), ("val", "ADE_val_00000001", None)),
        "ade20k",
        ((0, 255), (1, 0), (150, 149), (151, UNKNOWN), (255, UNKNOWN)),
    ),
    "ade20k, prepared for detectron2": Tree(
        "ade20k",
        (
            ("images/training/ADE_train_00000001.jpg", None),
            ("annotations_detectron2/training/ADE_train_00000001.png", 255),
        ),
        (("train", "ADE_train_00000001", None),),
        "ade20k-trainids",
        ((0, 0), (149, 149), (150, UNKNOWN), (255, 255)),
    ),
    "cityscapes": Tree(
        "cityscapes",
        (
            ("leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png", None),
            ("gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png", 7),
            ("gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png", 7),
            ("gtFine/train/aachen/aachen_000000_000019_gtFine_color.png", 7),
            ("leftImg8bit/train/bochum/bochum_000000_000313_leftImg8bit.png", None),
            ("gtFine/train/bochum/bochum_000000_000313_gtFine_labelIds.png", 33),
            ("leftImg8bit/test/berlin/berlin_000000_000019_leftImg8bit.png", None),
            ("gtFine/test/berlin/berlin_000000_000019_gtFine_labelIds.png", 0),
        ),
        (
            ("train", "aachen_000000_000019", "aachen"),
            ("train", "bochum_000000_000313", "bochum"),
            ("test", "berlin_000000_000019", "berlin"),
        ),
        "cityscapes",
        ((0, 255), (6, 255), (7, 0), (8, 1), (11, 2), (30, 255), (31, 16), (33, 18), (34, UNKNOWN)),
    ),
    "cityscapes, train ids": Tree(
        "cityscapes",
        (
            ("leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png", None),
            ("gtFine/val/ulm/ulm_000000_000019_gtFine_labelTrainIds.png", 18),
        ),
        (("val", "ulm_000000_000019", "ulm"),),
        "cityscapes-trainids",
        ((0, 0), (18, 18), (19, UNKNOWN), (255, 255)),
    ),
    "big, one folder": Tree(
        "big",
        (
            ("2007_im.jpg", None),
            ("2007_gt.png", 255),
            ("2007_seg.png", 255),
        ),
        (("all", "2007", None),),
        "binary",
        ((0, 0), (128, 0), (129, 1), (255, 1)),
    ),
    "big, a folder a split": Tree(
        "big",
        (
            ("val/a_im.jpg", None),
            ("val/a_gt.png", 0),
            ("test/b_im.jpg", None),
            ("test/b_gt.png", 255),
            ("test/b_seg.png", 255),
        ),
        (("val", "a", None), ("test", "b", None)),
        "binary",
        ((0, 0), (255, 1)),
    ),
    "hrsod, official": Tree(
        "hrsod",
        (
            ("HRSOD_release/HRSOD_train/10.jpg", None),
            ("HRSOD_release/HRSOD_train_mask/10.png", 255),
            ("HRSOD_release/HRSOD_test/20.jpg", None),
            ("HRSOD_release/HRSOD_test_mask/20.png", 255),
        ),
        (("train", "10", None), ("test", "20", None)),
        "binary",
        ((128, 0), (129, 1)),
    ),
    "hrsod, repackaged": Tree(
        "hrsod",
        (
            ("TR-HRSOD/im/10.jpg", None),
            ("TR-HRSOD/gt/10.png", 255),
            ("TE-HRSOD/im/20.jpg", None),
            ("TE-HRSOD/gt/20.png", 255),
        ),
        (("train", "10", None), ("test", "20", None)),
        "binary",
        ((0, 0), (255, 1)),
    ),
    "uhrsd": Tree(
        "uhrsd",
        (
            ("UHRSD_TR/image/0001.jpg", None),
            ("UHRSD_TR/mask/0001.png", 255),
            ("UHRSD_TE/image/0002.jpg", None),
            ("UHRSD_TE/mask/0002.png", 255),
        ),
        (("train", "0001", None), ("test", "0002", None)),
        "binary",
        ((0, 0), (255, 1)),
    ),
    "uhrsd, 2K": Tree(
        "uhrsd",
        (
            ("UHRSD_TR_2K/image/0001.jpg", None),
            ("UHRSD_TR_2K/mask/0001.png", 255),
            ("UHRSD_TE_2K/image/0002.jpg", None),
            ("UHRSD_TE_2K/mask/0002.png", 255),
        ),
        (("train", "0001", None), ("test", "0002", None)),
        "binary",
        ((0, 0), (255, 1)),
    ),
    "uhrsd, repackaged": Tree(
        "uhrsd",
        (("TR-UHRSD/im/0001.jpg", None), ("TR-UHRSD/gt/0001.png", 255)),
        (("train", "0001", None),),
        "binary",
        ((0, 0), (255, 1)),
    ),
    "dis5k": Tree(
        "dis5k",
        (
            ("DIS5K/DIS-TR/im/2#Aircraft#7#UAV#1652_o.jpg", None),
            ("DIS5K/DIS-TR/gt/2#Aircraft#7#UAV#1652_o.png", 255),
            ("DIS5K/DIS-VD/im/1#Accessories#1#Bag#1.jpg", None),
            ("DIS5K/DIS-VD/gt/1#Accessories#1#Bag#1.png", 255),
            ("DIS5K/DIS-TE4/im/odd.jpg", None),
            ("DIS5K/DIS-TE4/gt/odd.png", 255),
        ),
        (
            ("train", "2#Aircraft#7#UAV#1652_o", "UAV"),
            ("val", "1#Accessories#1#Bag#1", "Bag"),
            ("test4", "odd", None),
        ),
        "binary",
        ((128, 0), (129, 1)),
    ),
    "folders, kind first": Tree(
        "folders",
        (
            ("img_dir/training/a.png", None),
            ("ann_dir/training/a.png", 3),
            ("img_dir/extra/b.png", None),
            ("ann_dir/extra/b.png", 3),
            ("img_dir/val/c.png", None),
            ("ann_dir/val/c.png", 3),
        ),
        (("train", "a", None), ("val", "c", None), ("extra", "b", None)),
        "mass13k",
        ((3, 3),),
    ),
    "folders, split first": Tree(
        "folders",
        (
            ("train/images/a.jpg", None),
            ("train/annotations/a.png", 3),
            ("valid/images/b.jpg", None),
            ("valid/annotations/b.png", 3),
        ),
        (("train", "a", None), ("val", "b", None)),
        "mass13k",
        ((3, 3),),
    ),
    "folders, no splits": Tree(
        "folders",
        (("images/b.jpg", None), ("masks/b.png", 3), ("images/a.jpg", None), ("masks/a.png", 3)),
        (("all", "a", None), ("all", "b", None)),
        "mass13k",
        ((3, 3),),
    ),
}


def write(path: Path, value: int | None = None) -> Path:
    """Write an image, or a label map that holds one value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (8, 10, 3) if value is None else (8, 10)
    PillowImage.fromarray(np.full(shape, value or 0, np.uint8)).save(path)
    return path


def write_tree(root: Path, tree: Tree) -> Path:
    for name, value in tree.files:
        write(root / name, value)
    return root
