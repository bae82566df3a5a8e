"""Table 2 of the MaSS13K paper: what others reached on the validation and test split.

The scores are those of the paper (Xie et al., CVPR 2025, Table 2) as Curti et al. ("CoordFormer",
Table 1a) print them again. That table leaves out STDC2, OCRNet and CGRSeg, whose scores are
therefore missing here; nobody guesses them. Parameters and multiply-adds are the paper's.

What the paper calls FLOPs are multiply-adds (MACs), as counting the networks again shows, and most
of them are of an input of 4096x3072; those of MPFormer and PEM fit 4096x4096. The paper does not
say at which tolerance its boundary F1 is taken.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """Scores on one split, as fractions of 1."""

    miou: float
    biou: float
    bf1: float


class PublishedMethod(NamedTuple):
    """One row of the table."""

    name: str
    backbone: str
    parameters: float
    """In millions."""
    macs: int
    """In 10^9, of one image."""
    val: Published | None = None
    test: Published | None = None


def _percent(miou: float, biou: float, bf1: float) -> Published:
    return Published(round(miou / 100, 4), round(biou / 100, 4), bf1)


# fmt: off
TABLE_2 = (
    PublishedMethod("STDC2", "", 12.30, 564),
    PublishedMethod("BiSeNetV2", "", 3.35, 591,
                    _percent(71.55, 25.05, .3182), _percent(72.92, 24.48, .3171)),
    PublishedMethod("SegNeXt", "MSCAN-B", 27.57, 1536,
                    _percent(87.71, 39.93, .4615), _percent(88.11, 39.45, .4596)),
    PublishedMethod("PIDNet-L", "", 37.08, 1653,
                    _percent(82.28, 31.30, .3475), _percent(81.77, 30.70, .3479)),
    PublishedMethod("FeedFormer", "LVT", 4.65, 300,
                    _percent(87.17, 42.06, .4838), _percent(86.56, 41.07, .4789)),
    PublishedMethod("SeaFormer-L", "", 13.95, 303,
                    _percent(86.78, 38.61, .4498), _percent(87.36, 38.28, .4489)),
    PublishedMethod("CGRSeg-L", "", 35.64, 1536),
    PublishedMethod("DeepLabv3+", "R50", 41.22, 8008,
                    _percent(86.66, 40.08, .4718), _percent(85.14, 38.65, .4678)),
    PublishedMethod("UPerNet", "R50", 64.04, 11373,
                    _percent(82.03, 35.85, .4181), _percent(81.98, 35.61, .4170)),
    PublishedMethod("OCRNet", "R50", 36.52, 7352),
    PublishedMethod("MaskFormer", "R50", 41.31, 2396,
                    _percent(83.27, 38.61, .4399), _percent(83.22, 37.90, .4393)),
    PublishedMethod("Mask2Former", "R50", 44.01, 3123,
                    _percent(88.28, 47.40, .5458), _percent(88.00, 46.13, .5330)),
    PublishedMethod("MPFormer", "R50", 43.9, 4155,
                    _percent(87.76, 47.81, .5513), _percent(87.18, 47.17, .5486)),
    PublishedMethod("PEM", "R50", 35.5, 1859,
                    _percent(83.41, 40.51, .4675), _percent(83.38, 39.99, .4644)),
    PublishedMethod("MaSSFormer-Lite", "R18", 15.07, 771,
                    _percent(87.11, 45.35, .5137), _percent(86.13, 43.28, .5086)),
    PublishedMethod("MaSSFormer", "R50", 37.42, 2036,
                    _percent(88.97, 48.97, .5639), _percent(88.21, 48.39, .5593)),
)
# fmt: on
