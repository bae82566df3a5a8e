"""Images predicted one after the other, while the next one is read and the last one is written."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from mass13k_tools.errors import DatasetError
from mass13k_tools.outputs import refuse_own_files, write_file
from mass13k_tools.pool import run
from massformer.inference.budget import peak_bytes
from massformer.inference.photos import Photo
from massformer.inference.predictor import Predictor
from massformer.inference.products import Made, Request, encoded, raw_values
from massformer.inference.reading import Reader, Task
from massformer.inference.tiling import Grid


class Row(NamedTuple):
    """What became of an image."""

    photo: Photo
    size_hw: tuple[int, int]
    """Of the part that was predicted."""
    grid: Grid
    """Its tiles."""
    seconds: float | None
    """Of the network alone; None where all files were there already."""
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all images."""

    rows: tuple[Row, ...]
    failures: tuple[tuple[str, str], ...]
    """Image and reason."""
    seconds: float
    """From the first image to the last file."""
    peak_bytes: int | None
    """The most memory this process has held; None where the system does not tell."""
    device_peak_bytes: int | None
    """The same of a CUDA device; None without one."""


def predict_photos(photos: Sequence[Photo], predictor: Predictor, request: Request) -> Outcome:
    """Predict images and write what is wanted of each, unless it is there already.

    An image that fails does not stop the others.

    Args:
        photos: The images.
        predictor: The network.
        request: What is wanted.

    Raises:
        DatasetError: A file would be written over one of the images or label maps, the network does
            not know what is wanted, or no label file could hold one of its classes.
    """
    predictor.check(request.wanted(len(predictor.taxonomy.classes)))
    raw_values(predictor.taxonomy)
    own = [path for photo in photos for path in (photo.path, photo.label_path) if path]
    refuse_own_files([request.path(each, kind) for each in photos for kind in request.kinds], own)
    cuda = predictor.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(predictor.device)
    started = time.monotonic()
    rows, failures = _rows(photos, predictor, request)
    return Outcome(
        rows=tuple(rows),
        failures=tuple(sorted(failures)),
        seconds=time.monotonic() - started,
        peak_bytes=peak_bytes(),
        device_peak_bytes=torch.cuda.max_memory_allocated(predictor.device) if cuda else None,
    )


class _Step(NamedTuple):
    """An image that was predicted, and may still be written."""

    row: Row
    written: Future[None] | None


def _rows(
    photos: Sequence[Photo], predictor: Predictor, request: Request
) -> tuple[list[Row], list[tuple[str, str]]]:
    """Predict all images; give what became of those that could be, and why others could not."""
    rows, failures = [], []
    with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
        pipeline = _Pipeline(photos, Reader(predictor, request), reading, writing)
        for done in list(run(pipeline.step, range(len(photos)), title="predict")):
            step, failure = done.result, done.failure
            if step is not None:
                failure = _failure(step.written)
            if step is not None and failure is None:
                rows.append(step.row)
            else:
                failures.append((str(photos[done.item].path), str(failure)))
    return rows, failures


class _Pipeline:
    """Reads one image ahead and writes one behind."""

    def __init__(
        self,
        photos: Sequence[Photo],
        reader: Reader,
        reading: ThreadPoolExecutor,
        writing: ThreadPoolExecutor,
    ) -> None:
        self.photos, self.reader = photos, reader
        self.reading, self.writing = reading, writing
        self.ahead: dict[int, Future[Task]] = {}
        self.behind: Future[None] | None = None

    def step(self, number: int) -> _Step:
        """Predict an image; they come in their order."""
        for each in (number, number + 1):
            if each not in self.ahead and each < len(self.photos):
                self.ahead[each] = self.reading.submit(self.reader.read, self.photos[each])
        task = self.ahead.pop(number).result()
        row = Row(task.photo, task.size_hw, task.grid, None, task.files)
        if task.image is None:
            return _Step(row, None)
        predictor, request = self.reader.predictor, self.reader.request
        started = time.monotonic()
        prediction = predictor.predict(task.image, request.wanted(len(predictor.taxonomy.classes)))
        row = row._replace(seconds=time.monotonic() - started)
        if self.behind is not None:
            wait([self.behind])  # else images would pile up where writing takes longer
        made = Made(task.image, prediction, request, predictor.taxonomy)
        self.behind = self.writing.submit(_write, task, made)
        return _Step(row, self.behind)


def _write(task: Task, made: Made) -> None:
    for kind, target in task.targets.items():
        overwrite = made.request.overwrite or target.standing == "damaged"
        write_file(target.path, encoded(kind, made, target.origin), overwrite=overwrite)


def _failure(written: Future[None] | None) -> str | None:
    error = written.exception() if written is not None else None
    if error is None or isinstance(error, DatasetError):
        return str(error) if error else None
    return f"unexpected {type(error).__name__}: {error}"
