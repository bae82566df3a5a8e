"""What lies under each address. The server sends these answers, the export writes them to files.

========================================  =====================================================
address                                   answer
========================================  =====================================================
``api/dataset.json``                      name, classes, palettes, splits, predictions, scores
``api/samples.json``                      a row for each photo: split, key, date, city, scores
``api/measured.json?after=N``             rows of ``measuring.Measured`` from the Nth photo on
``api/sample/SPLIT/KEY.json``             see ``facts``
``thumb/SPLIT/KEY/LAYER.jpg``             a small picture: ``image``, ``overlay``, ``predictionN``
``tile/SPLIT/KEY/LAYER/LEVEL/R_C``        a tile: ``.jpg`` of the image, ``.png`` of all else
``crop/SPLIT/KEY/LAYER.png?x,y,w,h``      a part to keep
========================================  =====================================================

Parts of an address are percent-encoded one by one. Photos are found by looking split and key up
among those that the data set lists: no part of an address becomes part of a path.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from mass13k_tools.captures import capture_of
from mass13k_tools.errors import DatasetError
from mass13k_tools.viewer.facts import photo_facts
from mass13k_tools.viewer.layers import PREDICTION, Layers
from mass13k_tools.viewer.measuring import Measured, Measuring
from mass13k_tools.viewer.palettes import colour_blind_palette
from mass13k_tools.viewer.score_table import ScoreTable

JSON, JPEG, PNG = "application/json", "image/jpeg", "image/png"
Query = Mapping[str, str]


class UnknownAddressError(DatasetError):
    """Nothing lies under an address."""


class Answer(NamedTuple):
    """What is sent."""

    content: bytes
    media_type: str


class Answers:
    """Everything that a browser may ask for. Threads may share it."""

    def __init__(self, layers: Layers, measuring: Measuring, scores: ScoreTable) -> None:
        """Take what is shown.

        Args:
            layers: Of the photos.
            measuring: Knows the photos' numbers, more of them by and by.
            scores: Of the photos, from a table of the user's.
        """
        self.layers = layers
        self.measuring = measuring
        self.scores = scores
        samples = layers.photos.samples
        self._numbers = {(each.split, each.key): number for number, each in enumerate(samples)}
        self._routes: dict[tuple[str, int], Callable[[Sequence[str], Query], Answer]] = {
            ("api/dataset.json", 2): lambda parts, query: _json(self.dataset()),
            ("api/samples.json", 2): lambda parts, query: _json(self.samples()),
            ("api/measured.json", 2): lambda parts, query: _json(
                self.measured(_whole(query, "after"))
            ),
            ("api/sample", 4): self._sample,
            ("thumb", 4): self._thumbnail,
            ("tile", 6): self._tile,
            ("crop", 4): self._crop,
        }

    def answer(self, path: str, query: Query) -> Answer:
        """Answer an address.

        Args:
            path: Percent-encoded, without the first slash.
            query: Names and values after the question mark, decoded.

        Raises:
            UnknownAddressError: Nothing lies there.
            DatasetError: A file cannot be read.
        """
        parts = [unquote(part, errors="surrogateescape") for part in path.split("/")]
        for (start, length), route in self._routes.items():
            words = start.split("/")
            if len(parts) == length and parts[: len(words)] == words:
                return route(parts, query)
        raise UnknownAddressError(f"nothing lies at '{path[:200]}'")

    def dataset(self) -> dict[str, Any]:
        """Tell what all pages need."""
        photos = self.layers.photos
        return {
            "name": photos.name,
            "classes": [
                {"id": row.id, "name": row.name, "colour": row.colour, "quality": row.quality}
                for row in photos.taxonomy.classes
            ],
            "colour_blind": colour_blind_palette(photos.taxonomy),
            "splits": list(dict.fromkeys(sample.split for sample in photos.samples)),
            "predictions": [each.folder.name for each in self.layers.predictions],
            "scores": list(self.scores.names),
            "total": len(photos.samples),
        }

    def samples(self) -> dict[str, Any]:
        """Tell what is known of all photos without opening any."""
        rows = []
        for sample in self.layers.photos.samples:
            capture = capture_of(sample.key)
            city = capture.city or sample.group
            has = [(sample.split, sample.key) in each.paths for each in self.layers.predictions]
            scores = self.scores.of(sample.split, sample.key)
            rows.append([sample.split, sample.key, capture.date, city, has, scores])
        return {"columns": ["split", "key", "date", "city", "predicted", "scores"], "rows": rows}

    def measured(self, after: int) -> dict[str, Any]:
        """Tell what is known of the photos from a number on."""
        rows = self.measuring.rows[after:]
        complete = self.measuring.complete
        return {"columns": Measured._fields, "rows": rows, "complete": complete}

    def _sample(self, parts: Sequence[str], query: Query) -> Answer:
        number = self._number(parts[2], _stem(parts[3], "json"))
        cache = self.layers.cache
        facts = cache.get(
            (number, "facts"), lambda: _json(photo_facts(self.layers, number)).content
        )
        return Answer(facts, JSON)

    def _thumbnail(self, parts: Sequence[str], query: Query) -> Answer:
        number, layer = self._number(*parts[1:3]), _stem(parts[3], "jpg")
        known = layer in ("image", "overlay") or layer.startswith(PREDICTION)
        if not known or (layer != "overlay" and layer not in self.layers.names(number)):
            raise UnknownAddressError(f"no small picture '{layer}'")
        return Answer(self.layers.thumbnail(number, layer), JPEG)

    def _tile(self, parts: Sequence[str], query: Query) -> Answer:
        _, split, key, layer, level, name = parts
        number = self._number(split, key)
        self._check_layer(number, layer)
        ending, media_type = ("jpg", JPEG) if layer == "image" else ("png", PNG)
        row, _, column = _stem(name, ending).partition("_")
        numbers = [_digits(text) for text in (level, row, column)]
        content = self.layers.tile(
            number, layer, level=numbers[0], row=numbers[1], column=numbers[2]
        )
        return Answer(content, media_type)

    def _crop(self, parts: Sequence[str], query: Query) -> Answer:
        number, layer = self._number(*parts[1:3]), _stem(parts[3], "png")
        self._check_layer(number, layer)
        y, x, height, width = (_whole(query, name) for name in ("y", "x", "h", "w"))
        return Answer(self.layers.crop(number, layer, (y, x, height, width)), PNG)

    def _number(self, split: str, key: str) -> int:
        number = self._numbers.get((split, key))
        if number is None:
            raise UnknownAddressError(f"no photo '{key[:100]}' in '{split[:100]}'")
        return number

    def _check_layer(self, number: int, layer: str) -> None:
        if layer not in self.layers.names(number):
            raise UnknownAddressError(f"no layer '{layer[:100]}' of this photo")


def _json(content: dict[str, Any]) -> Answer:
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return Answer(text.encode(), JSON)


def _stem(name: str, ending: str) -> str:
    stem, dot, found = name.rpartition(".")
    if not dot or found != ending:
        raise UnknownAddressError(f"'{name[:100]}' does not end in .{ending}")
    return stem


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise UnknownAddressError(f"'{text[:100]}' is no number")
    return int(text)


def _whole(query: Query, name: str) -> int:
    return _digits(query.get(name, "0"))
