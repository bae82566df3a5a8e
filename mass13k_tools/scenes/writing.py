"""Scenes as files, in MaSS13K's layout; a killed run goes on where it stopped."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import jpeg_bytes, png_bytes
from mass13k_tools.outputs import write_file, write_files
from mass13k_tools.scenes.compose import check_request, scene
from mass13k_tools.scenes.listing import scene_name

RECORD = "sample.json"  # says which scenes a folder holds
GENERATOR = 1  # raise it when the same seed gives other pixels


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
    if found is None:
        if not request.overwrite and request.out.is_dir() and any(request.out.iterdir()):
            raise DatasetError(
                f"'{request.out}' is not empty and has no {RECORD}; "
                "choose another folder or pass --overwrite"
            )
    elif any(found.get(name) != value for name, value in wanted.items()):
        if not request.overwrite:
            raise DatasetError(
                f"'{request.out}' holds scenes of seed {found.get('seed')} at {found.get('size')}, "
                f"asked are seed {request.seed} at {wanted['size']}; "
                "choose another folder or pass --overwrite"
            )
        _remove_scenes(request.out, found)
    else:
        images = max(images, found.get("images", 0))
    content = json.dumps(wanted | {"images": images}, indent=1) + "\n"
    write_file(record, content.encode(), overwrite=True)


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
    if not record.is_file():
        return None
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"'{record}' is damaged ({error}); choose another folder") from error
    return found if isinstance(found, dict) else {}


def _remove_scenes(out: Path, found: dict[str, Any]) -> None:
    """Remove the scenes of another seed or size, so that two sample sets do not mix."""
    seed, images = found.get("seed"), found.get("images")
    if isinstance(seed, int) and isinstance(images, int):
        old = SampleRequest(out=out, images=images, seed=seed, size_hw=(0, 0))
        for index in range(images):
            for path in old.paths(index):
                path.unlink(missing_ok=True)
