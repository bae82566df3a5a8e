"""The table of everything that ``mass13k check`` finds, and one finding."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import split_rank

Severity = Literal["error", "warning"]

# kind -> how bad it is, what it means; errors first, as in the printed list
KINDS: dict[str, tuple[Severity, str]] = {
    "not-checked": ("error", "the check itself failed"),
    "missing-image": ("error", "a label map without image"),
    "missing-label": ("error", "an image without label map"),
    "duplicate-key": ("error", "two files of one folder have the same key"),
    "unexpected-file": ("error", "a file that is no part of the data set's layout"),
    "unlisted": ("error", "samples that no split list names"),
    "unreadable-image": ("error", "an image that cannot be decoded"),
    "unreadable-label": ("error", "a label map that cannot be decoded to 8-bit values"),
    "size-mismatch": ("error", "image and label map differ in size"),
    "exif-orientation": ("error", "an image that some programs turn and others do not"),
    "unknown-id": ("error", "a label map with values outside the taxonomy"),
    "rgb-mask": ("error", "a label map stored as colours"),
    "palette-mask": ("error", "a label map that some programs read as colours"),
    "other-mode-label": ("error", "a label map stored in an unusual way"),
    "lossy-label": ("error", "a label map in a format that changes values"),
    "missing-provenance": ("error", "a label map without provenance map, where others have one"),
    "wrong-provenance": ("error", "a provenance map that does not fit its record or label map"),
    "key-in-two-splits": ("error", "one key in two splits"),
    "duplicate-image": ("error", "the same image file twice"),
    "near-duplicate": ("error", "an image that looks like another; a warning within a split"),
    "image-mode": ("warning", "an image that is not 8-bit RGB"),
    "wrong-ending": ("warning", "an image in another format than its name says"),
    "empty-label": ("warning", "a label map in which every pixel is ignored"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with one file."""

    kind: str
    """Row of ``KINDS``."""
    key: str
    path: Path
    found: str
    expected: str
    hint: str
    split: str = ""
    """Empty where it is not known."""
    mild: bool = False
    """A warning here, though its kind is an error elsewhere."""

    @property
    def severity(self) -> Severity:
        """Whether this makes a data set unsound."""
        return "warning" if self.mild else KINDS[self.kind][0]

    @property
    def order(self) -> tuple[tuple[int, str], str, str, str]:
        """Its place in every list: by split, key, kind and file."""
        return split_rank(self.split), self.key, self.kind, str(self.path)


def file_name(path: Path, root: Path) -> str:
    """Name a file the way reports do: relative to the root when it is inside."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def reason(error: DatasetError, path: Path) -> str:
    """Turn a reader's message into what was found, without the path that stands beside it."""
    return str(error).replace(f"'{path}'", "the file")
