"""Facts about data sets: which folders hold their images and label maps, and how files are named.

Each row is one way in which a data set lies on disk. Rows of one name are alternatives: the first
that fits is read. ``layouts.find_dataset`` turns a row into samples.
"""

from dataclasses import dataclass

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


MASS13K_IMAGES = ("images", "images_pad", "images_copy")
FOLDER_IMAGES = (*MASS13K_IMAGES, "img_dir", "image", "im")
FOLDER_LABELS = ("annotations", "ann_dir", "masks", "labels", "mask", "gt")

FOLDERS = tuple(
    Layout(
        name="folders",
        images=tuple(order.replace("*", images) for images in FOLDER_IMAGES),
        labels=order.replace("*", labels),
        other_splits=True,
    )
    for order in ("*/{split}", "{split}/*", "*")
    for labels in FOLDER_LABELS
)

LAYOUTS = (
    Layout(
        name="mass13k",
        images=tuple(f"{images}/{{split}}" for images in MASS13K_IMAGES),
        labels="annotations/{split}",
        splits=("train", "val", "test"),
        other_splits=True,
    ),
    *FOLDERS,
)

LAYOUT_NAMES = tuple(dict.fromkeys(layout.name for layout in LAYOUTS))
FALLBACK = "folders"  # taken only where no other layout fits
