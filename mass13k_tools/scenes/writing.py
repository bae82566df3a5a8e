"""Scenes as files, in MaSS13K's layout; a killed run goes on where it stopped."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import jpeg_bytes, png_bytes
from mass13k_tools.inputs import read_bytes
from mass13k_tools.outputs import write_file, write_files
from mass13k_tools.scenes.compose import check_request, scene
from mass13k_tools.scenes.listing import SCENE_KEY, scene_name

RECORD = "sample.json"  # says which scenes a folder holds
GENERATOR = 1  # raise it when the same seed gives other pixels
MOST_IMAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Which scenes are wanted, and where."""

    out: Path
    images: int
    seed: int
    size_hw: tuple[int, int]
    overwrite: bool = False

    def paths(self, index: int) -> tuple[Path, Path]:
        """Image and label file of scene ``index``."""
        name = scene_name(index, seed=self.seed)
        return (
            self.out / "images" / name.split / f"{name.key}.jpg",
            self.out / "annotations" / name.split / f"{name.key}.png",
        )


def start_sample(request: SampleRequest) -> None:
    """Check a request and write down what the folder is going to hold.

    Raises:
        DatasetError: The request is out of range, or the folder holds something else and
            ``overwrite`` is off. Then nothing is written.
    """
    check_request(request.images - 1, seed=request.seed, size_hw=request.size_hw)
    record = request.out / RECORD
    wanted = {"generator": GENERATOR, "seed": request.seed, "size": size_text(request.size_hw)}
    found = _read_record(record)
    images = request.images
    if found is not None and all(found.get(name) == value for name, value in wanted.items()):
        images = max(images, found["images"])
    elif not request.overwrite:
        _refuse_other_content(request.out, found, wanted)
    else:
        _refuse_other_record(record)
        _remove_scenes(request.out)
    content = json.dumps(wanted | {"images": images}, indent=1) + "\n"
    write_file(record, content.encode(), overwrite=True)


def _refuse_other_content(out: Path, found: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
    """Raise where a folder holds anything but the scenes that are wanted."""
    hint = "choose another folder or pass --overwrite"
    if found is not None:
        holds, asked = (
            ", ".join(f"{name} {row.get(name)}" for name in wanted) for row in (found, wanted)
        )
        raise DatasetError(f"'{out}' holds scenes of {holds}; asked are {asked}; {hint}")
    if out.is_dir() and any(out.iterdir()):
        raise DatasetError(f"'{out}' is not empty and has no sound {RECORD}; {hint}")


def _refuse_other_record(record: Path) -> None:
    """Raise where a file of another program has our record's name; a damaged record is ours."""
    if record.exists() and b'"generator"' not in read_bytes(record):
        raise DatasetError(f"'{record}' is none of our records; choose another folder")


def write_scene(index: int, *, request: SampleRequest) -> int:
    """Paint scene ``index`` and write its image and label map, unless both are there.

    Returns:
        Bytes of the two files.
    """
    paths = request.paths(index)
    if request.overwrite or not all(path.is_file() for path in paths):  # files appear whole
        painted = scene(index, seed=request.seed, size_hw=request.size_hw)
        contents = {paths[0]: jpeg_bytes(painted.image), paths[1]: png_bytes(painted.label_map)}
        write_files(contents, overwrite=request.overwrite)
    return sum(path.stat().st_size for path in paths)


def _read_record(record: Path) -> dict[str, Any] | None:
    """Read what a folder holds; None where there is no record, or none that makes sense."""
    if not record.is_file():
        return None
    try:
        found = json.loads(record.read_bytes())
    except (ValueError, RecursionError):
        return None
    sound = isinstance(found, dict) and type(found.get("images")) is int
    return found if sound and 0 < found["images"] <= MOST_IMAGES else None


def _remove_scenes(out: Path) -> None:
    """Remove every scene of ours, whatever its seed or size, so that sample sets do not mix."""
    ours = []
    for folder, ending in ((out / "images", ".jpg"), (out / "annotations", ".png")):
        # The first also looks into linked folders, the second into folders of any depth
        for path in {*folder.glob("*/[!.]*"), *folder.rglob("[!.]*")}:
            scene_place = path.parent.parent == folder and path.suffix == ending
            if scene_place and SCENE_KEY.fullmatch(path.stem):
                ours.append(path)
            elif not path.is_dir():
                raise DatasetError(
                    f"'{path}' is none of our scenes and would mix with them; choose another folder"
                )
    for path in ours:
        path.unlink()
