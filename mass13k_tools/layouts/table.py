"""Facts about data sets: which folders hold their images and label maps, and how files are named.

Each row is one way in which a data set lies on disk. Rows of one name are alternatives: the first
that fits is read. ``layouts.find_dataset`` turns a row into samples.
"""

from dataclasses import dataclass, replace

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")  # in order of preference, upper or lower case
LABEL_ENDINGS = (".png",)  # a lossy format cannot hold class ids
UNREAD_ENDINGS = (
    *(".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2", ".jfif"),
    *(".heic", ".heif", ".avif", ".dng"),
)

SPLIT_ORDER = ("train", "val", "test")  # others follow by name
# Word in a folder or file name -> split; other words stand for themselves.
SPLIT_NAMES = {
    "": "all",
    "training": "train",
    "validation": "val",
    "valid": "val",
    "testing": "test",
    "TR": "train",
    "VD": "val",
    "TE": "test",
    "TE1": "test1",
    "TE2": "test2",
    "TE3": "test3",
    "TE4": "test4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way in which a data set lies on disk."""

    name: str
    """What ``--layout`` calls it."""
    images: tuple[str, ...]
    """Image folders, the preferred first; ``{split}`` is a split word, ``{group}`` any name."""
    labels: str
    """Label folder, with the same placeholders."""
    splits: tuple[str, ...] = ()
    """The split words it is recognised by; none: any folder name is a split word."""
    other_splits: bool = False
    """Once it is recognised, folders beside the known splits are splits as well."""
    image_end: str = ""
    """End of an image's stem that is not part of the key."""
    label_end: str = ""
    """End of a label map's stem that is not part of the key."""
    other_ends: tuple[str, ...] = ()
    """Ends of stems in the label folder that are no label maps of this row."""
    taxonomy: str = "mass13k"
    """Its classes and raw values."""
    train_ids: bool = False
    """Label files hold class ids already, not the taxonomy's raw values."""
    key_group: str = ""
    """Pattern whose first group, found at the start of a key, is the sample's group."""
    pair_list: str = ""
    """File that names the pairs of a split, one ``image label`` a line."""


MASS13K_IMAGES = ("images", "images_pad", "images_copy")
FOLDER_IMAGES = (*MASS13K_IMAGES, "img_dir", "image", "im")
FOLDER_LABELS = ("annotations", "ann_dir", "masks", "labels", "mask", "gt")

# Any image folder beside any label folder: kind/split, split/kind, or without splits
FOLDERS = tuple(
    Layout(
        name="folders",
        images=tuple(order.replace("*", images) for images in FOLDER_IMAGES),
        labels=order.replace("*", labels),
        splits=splits,
        other_splits=True,
    )
    for order, splits in (
        ("*/{split}", ()),
        ("{split}/*", (*SPLIT_ORDER, "training", "validation", "valid", "testing")),
        ("*", ()),
    )
    for labels in FOLDER_LABELS
)

COCO_IMAGES = ("images/{split}2017", "{split}2017")
COCO_ENDS = ("_labelTrainIds", "_instanceTrainIds")
CITYSCAPES = Layout(
    name="cityscapes",
    images=("leftImg8bit/{split}/{group}",),
    labels="gtFine/{split}/{group}",
    splits=("train", "val", "test"),  # the labels of test are placeholders, all of them ignored
    image_end="_leftImg8bit",
    label_end="_gtFine_labelIds",
    taxonomy="cityscapes",
)
ENTITYSEG_PARTS = ("entity_01_11580", "entity_02_11598", "entity_03_10049")


def _binary(name: str, images: str, labels: str, *splits: str, key_group: str = "") -> Layout:
    return Layout(
        name=name,
        images=(images,),
        labels=labels,
        splits=splits,
        taxonomy="binary",
        key_group=key_group,
    )


LAYOUTS = (
    Layout(
        name="mass13k",
        images=tuple(f"{images}/{{split}}" for images in MASS13K_IMAGES),
        labels="annotations/{split}",
        splits=("train", "val", "test"),
        other_splits=True,
    ),
    *(
        Layout(
            name="coco-stuff",
            images=COCO_IMAGES,
            labels=f"{labels}/{{split}}2017",
            splits=("train", "val", "test"),
            label_end=label_end,
            other_ends=other_ends,
            taxonomy="coco-stuff",
            train_ids=bool(label_end),
        )
        for labels in ("annotations", "stuffthingmaps")
        for label_end, other_ends in (("", COCO_ENDS), ("_labelTrainIds", ()))
    ),
    *(
        Layout(
            name="ade20k",
            images=("images/{split}",),
            labels=f"{labels}/{{split}}",
            splits=("training", "validation"),
            taxonomy="ade20k",
            train_ids=train_ids,
        )
        # the second folder is what detectron2's preparation writes
        for labels, train_ids in (("annotations", False), ("annotations_detectron2", True))
    ),
    CITYSCAPES,
    replace(CITYSCAPES, label_end="_gtFine_labelTrainIds", train_ids=True),
    Layout(
        name="entityseg",
        images=tuple(
            f"{folder}/{part}" for folder in ("images", "images_lr") for part in ENTITYSEG_PARTS
        ),
        labels="annotations/semantic_segmentation/semantic_maps_{split}",
        splits=("train", "val"),
        taxonomy="entityseg",
        pair_list="annotations/semantic_segmentation/{split}.txt",
    ),
    *(
        Layout(
            name="big",
            images=(folder,),
            labels=folder,
            splits=("val", "test"),
            image_end="_im",
            label_end="_gt",
            taxonomy="binary",
        )
        for folder in ("{split}", "")
    ),
    _binary("hrsod", "HRSOD_{split}", "HRSOD_{split}_mask", "train", "test"),
    _binary("hrsod", "{split}-HRSOD/im", "{split}-HRSOD/gt", "TR", "TE"),
    _binary("uhrsd", "UHRSD_{split}/image", "UHRSD_{split}/mask", "TR", "TE"),
    _binary("uhrsd", "UHRSD_{split}_2K/image", "UHRSD_{split}_2K/mask", "TR", "TE"),
    _binary("uhrsd", "{split}-UHRSD/im", "{split}-UHRSD/gt", "TR", "TE"),
    _binary(
        *("dis5k", "DIS-{split}/im", "DIS-{split}/gt"),
        *("TR", "VD", "TE1", "TE2", "TE3", "TE4"),
        key_group=r"(?:[^#]*#){3}([^#]+)#",  # 2#Aircraft#7#UAV#1652_o belongs to UAV
    ),
    *FOLDERS,
)

LAYOUT_NAMES = tuple(dict.fromkeys(layout.name for layout in LAYOUTS))
FALLBACK = "folders"  # taken only where no other layout fits
GROUPS_ARE_CATEGORIES = ("dis5k",)  # their groups say what is shown, not what was shot together
