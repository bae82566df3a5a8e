"""Which masks of a photo are merged, as which class, and which of them come first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.masks import PseudoMask

Policy = Literal[
    "others-only", "priority", "score", "small-first", "large-first", "last", "ignore-conflict"
]
Reason = Literal["class", "mask-score", "detector-score", "area"]


@dataclass(frozen=True, slots=True)
class MergeSettings:
    """What is merged, and how; the same settings and masks give the same files."""

    classes: tuple[str, ...]
    """New classes, in the order of their ids."""
    policy: Policy = "others-only"
    priority: tuple[str, ...] = ()
    """Classes, the first one the strongest; those left out follow in their own order."""
    over: tuple[str, ...] = ()
    """Classes that may be overwritten besides the one for all else; ``ignore`` for 255."""
    names: tuple[tuple[str, str], ...] = ()
    """What masks are called, and which class that means; an empty name: masks without one."""
    ignore_band_px: int = 0
    min_score: float | None = None
    min_detector_score: float | None = None
    min_area_px: int = 1

    def __post_init__(self) -> None:
        if not self.classes or len({*self.classes}) < len(self.classes):
            raise DatasetError(f"classes {list(self.classes)}, expected at least one, each once")
        for score in (self.min_score, self.min_detector_score):
            if score is not None and not 0 <= score <= 1:
                raise DatasetError(f"a least score of {score:g}, expected 0 to 1")
        if self.priority and self.policy != "priority":
            raise DatasetError(f"--priority means nothing with --policy {self.policy}")
        for name in (*self.priority, *(to for _, to in self.names)):
            if name not in self.classes:
                known = ", ".join(self.classes)
                raise DatasetError(f"'{name}' is none of the classes to merge: {known}")

    def described(self) -> dict[str, Any]:
        """Write them for reports, with lists where JSON knows no tuples."""
        table = asdict(self) | {"names": [list(pair) for pair in self.names]}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in table.items()}

    def class_of(self, mask: PseudoMask) -> str | None:
        """Say which class a mask is merged as; None: it is not."""
        name = (mask.class_name or "").casefold()
        own = {known.casefold(): known for known in self.classes}
        return (own | {known.casefold(): to for known, to in self.names}).get(name)


class Wanted(NamedTuple):
    """A mask that is going to be merged."""

    number: int
    """In its file, from 0."""
    mask: PseudoMask
    name: str
    """Of the class that it is merged as."""
    area_px: int


class Dropped(NamedTuple):
    """A mask that is not merged."""

    mask: int
    """Its number in its file, from 0."""
    reason: Reason
    found: str
    """Such as ``0.2 < 0.3``."""


class Choice(NamedTuple):
    """What becomes of the masks of a photo."""

    wanted: tuple[Wanted, ...]
    """The strongest first."""
    dropped: tuple[Dropped, ...]


def choose(masks: Sequence[PseudoMask], settings: MergeSettings) -> Choice:
    """Choose and order the masks of a photo.

    Args:
        masks: In the order of their file.
        settings: Say which, and by which policy.
    """
    wanted, dropped = [], []
    for number, mask in enumerate(masks):
        name, area_px = settings.class_of(mask), mask.area_px
        fault = _fault(mask, name, area_px, settings)
        if name is None or fault is not None:
            dropped.append(Dropped(number, *(fault or ("class", ""))))
        else:
            wanted.append(Wanted(number, mask, name, area_px))
    return Choice(tuple(sorted(wanted, key=_RANKS[settings.policy](settings))), tuple(dropped))


def _fault(
    mask: PseudoMask, name: str | None, area_px: int, settings: MergeSettings
) -> tuple[Reason, str] | None:
    """Say why a mask is dropped; None where it is not."""
    if name is None:
        return "class", mask.class_name or ""
    scores: tuple[tuple[Reason, float | None, float | None], ...] = (
        ("mask-score", mask.mask_score, settings.min_score),
        ("detector-score", mask.detector_score, settings.min_detector_score),
    )
    for reason, score, least in scores:
        if least is not None and (score is None or not score >= least):
            return reason, f"none < {least:g}" if score is None else f"{score:g} < {least:g}"
    if area_px < settings.min_area_px:
        return "area", f"{area_px} < {settings.min_area_px}"
    return None


Rank = Callable[[Wanted], tuple[float, ...]]  # the least one is the strongest


def _by_score(wanted: Wanted) -> tuple[float, ...]:
    """Rank by mask score, then by detector score; what has none comes last."""
    scores = (wanted.mask.mask_score, wanted.mask.detector_score)
    return (*(1.0 if score is None else -score for score in scores), wanted.number)


def _by_priority(settings: MergeSettings) -> Rank:
    order = dict.fromkeys((*settings.priority, *settings.classes))
    places = {name: place for place, name in enumerate(order)}
    return lambda wanted: (places[wanted.name], *_by_score(wanted))


# policy -> what masks are ranked by; ties keep the order of the file
_RANKS: Mapping[Policy, Callable[[MergeSettings], Rank]] = {
    "others-only": lambda _: lambda wanted: (wanted.number,),
    "priority": _by_priority,
    "score": lambda _: _by_score,
    "small-first": lambda _: lambda wanted: (wanted.area_px, wanted.number),
    "large-first": lambda _: lambda wanted: (-wanted.area_px, wanted.number),
    "last": lambda _: lambda wanted: (-wanted.number,),
    "ignore-conflict": lambda _: lambda wanted: (wanted.number,),
}
