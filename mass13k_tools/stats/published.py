"""Table 1 of the MaSS13K paper (CVPR 2025), as far as it is comparable."""

from typing import NamedTuple


class MeanStd(NamedTuple):
    """Mean and population standard deviation over images; nan where there are none."""

    mean: float
    std: float


class PublishedRow(NamedTuple):
    """One data set as the paper reports it."""

    name: str
    diagonal: MeanStd  # pixels
    mipq: MeanStd  # the paper does not say how a perimeter is measured


TABLE_1 = (
    PublishedRow("COCO-Stuff", MeanStd(762, 70), MeanStd(7, 4)),
    PublishedRow("ADE20K", MeanStd(667, 227), MeanStd(17, 10)),
    PublishedRow("Cityscapes", MeanStd(2290, 0), MeanStd(18, 7)),
    PublishedRow("EntitySeg", MeanStd(2684, 2240), MeanStd(20, 29)),
    PublishedRow("BIG", MeanStd(4655, 1312), MeanStd(21, 63)),
    PublishedRow("HRSOD", MeanStd(4405, 1631), MeanStd(6, 13)),
    PublishedRow("UHRSD", MeanStd(6185, 1332), MeanStd(7, 9)),
    PublishedRow("DIS5K", MeanStd(4041, 1618), MeanStd(116, 452)),
    PublishedRow("MaSS13K", MeanStd(5144, 492), MeanStd(383, 818)),
)
