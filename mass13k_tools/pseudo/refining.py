"""Coarse masks drawn to the edges of their photo, one file of masks from another."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mass13k_tools.arrays import Image, Mask, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_image
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.guided_filter import guided_filter
from mass13k_tools.pseudo.masks import Box, PseudoMask, pseudo_mask
from mass13k_tools.pseudo.stored import masks_path, read_masks, write_masks

STRIP_PX = 2**21  # filtered at once; takes about 200 MiB


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """How far masks may move, and what they follow; see ``ops.guided_filter``."""

    radius_px: int
    smoothness: float


@dataclass(frozen=True, slots=True)
class Refined:
    """What became of the masks of a photo."""

    masks: int
    """How many there were."""
    lost: int
    """How many of them have no pixel any more."""
    before_px: int
    """Pixels of all masks, before."""
    gained_px: int
    lost_px: int


def samples_with_masks(samples: Sequence[Sample], folder: Path) -> list[Sample]:
    """Choose the samples that have a file of masks.

    Raises:
        DatasetError: None has one.
    """
    found = [sample for sample in samples if masks_path(folder, sample).exists()]
    if not found:
        raise DatasetError(
            f"'{folder}' has masks of none of {len(samples)} samples, expected files such as "
            f"'{masks_path(folder, samples[0])}'; mass13k pseudo import or generate write them"
        )
    return found


def refine_sample(
    sample: Sample, *, folder: Path, out: Path, settings: RefineSettings, overwrite: bool
) -> Refined:
    """Refine the masks of a sample and write them to another folder.

    Raises:
        DatasetError: Masks or photo are damaged or do not belong together, or other masks are
            there already.
    """
    found = read_masks(masks_path(folder, sample))
    image = read_image(sample.image_path)
    if image.shape[:2] != found.size_hw:
        raise DatasetError(
            f"masks '{masks_path(folder, sample)}' are of a photo of {size_text(found.size_hw)}, "
            f"but '{sample.image_path}' is {size_text(image.shape[:2])}"
        )
    refined = [refine_mask(mask, image, settings) for mask in found.masks]
    kept = tuple(mask for mask, _, _ in refined if mask is not None)
    write_masks(masks_path(out, sample), replace(found, masks=kept), overwrite=overwrite)
    return Refined(
        masks=len(found.masks),
        lost=len(refined) - len(kept),
        before_px=sum(mask.area_px for mask in found.masks),
        gained_px=sum(gained for _, gained, _ in refined),
        lost_px=sum(lost for _, _, lost in refined),
    )


def refine_mask(
    mask: PseudoMask, image: Image, settings: RefineSettings
) -> tuple[PseudoMask | None, int, int]:
    """Refine one mask.

    Args:
        mask: Of this photo.
        image: Shape (H, W, 3), uint8.
        settings: Of the filter.

    Returns:
        The mask, None where nothing is left of it; pixels gained; pixels lost.
    """
    reach = 2 * settings.radius_px  # nothing changes further away
    area = _grown(mask.box, reach, image.shape[:2])
    before = np.zeros((area.height, area.width), np.bool_)
    before[_inside(mask.box, area)] = mask.pixels
    after = np.empty_like(before)
    photo = image[area.inside]
    for rows, halo in _strips(before.shape, reach):
        filtered = guided_filter(photo[halo], before[halo], **asdict(settings))
        after[rows] = filtered[rows.start - halo.start :][: rows.stop - rows.start] > 0.5
    about = {
        "class_name": mask.class_name,
        "mask_score": mask.mask_score,
        "detector_score": mask.detector_score,
        "source": f"{mask.source}, refined".removeprefix(", "),
    }
    refined = pseudo_mask(after, corner_yx=area[:2], **about) if after.any() else None
    return refined, _count(after & ~before), _count(before & ~after)


def refine_json(results: Sequence[tuple[Sample, Refined]]) -> dict[str, Any]:
    """Describe what changed, in total and by image."""
    names = Refined.__dataclass_fields__
    total = {name: sum(getattr(result, name) for _, result in results) for name in names}
    images = [{"split": s.split, "key": s.key, **asdict(result)} for s, result in results]
    return {"total": total, "images": images}


def _grown(box: Box, reach_px: int, size_hw: Sequence[int]) -> Box:
    """Give the box with a margin, as far as the photo reaches."""
    y, x = max(0, box.y - reach_px), max(0, box.x - reach_px)
    bottom = min(size_hw[0], box.y + box.height + reach_px)
    right = min(size_hw[1], box.x + box.width + reach_px)
    return Box(y, x, bottom - y, right - x)


def _inside(box: Box, area: Box) -> tuple[slice, slice]:
    return box._replace(y=box.y - area.y, x=box.x - area.x).inside


def _strips(size_hw: Sequence[int], reach_px: int) -> Iterator[tuple[slice, slice]]:
    """Cut rows into strips, each with the rows around it that its result depends on."""
    height, width = size_hw
    step = max(1, STRIP_PX // width)
    for top in range(0, height, step):
        bottom = min(height, top + step)
        halo = slice(max(0, top - reach_px), min(height, bottom + reach_px))
        yield slice(top, bottom), halo


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))
