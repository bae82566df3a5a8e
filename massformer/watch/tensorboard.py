"""Logs for TensorBoard."""

from pathlib import Path
from typing import Any

from massformer.watch.seam import Line, Validation, Watcher, tags


class TensorBoard(Watcher):
    """Writes event files: losses, scores, and the picture of each validation."""

    def __init__(self, folder: Path, *, done: int) -> None:
        """Begin an event file.

        Args:
            folder: Of the event files.
            done: Steps that are done; what older files say of later ones is not shown any more.

        Raises:
            ImportError: The package ``tensorboard`` is not installed.
        """
        from torch.utils.tensorboard import SummaryWriter

        make: Any = SummaryWriter  # not annotated
        self.writer = make(str(folder), purge_step=done + 1 if done else None)

    def logged(self, line: Line) -> None:
        """Pass on a line of the log."""
        self._scalars(tags("train", line.row), line.step)

    def validated(self, validation: Validation) -> None:
        """Pass on scores and picture."""
        if validation.picture is not None:
            self.writer.add_image("panels", validation.picture, validation.step, dataformats="HWC")
        self._scalars(tags("validation", validation.row()), validation.step)

    def close(self, *, failed: bool) -> None:
        """End the event file."""
        self.writer.close()

    def _scalars(self, values: dict[str, float], step: int) -> None:
        for tag, value in values.items():
            self.writer.add_scalar(tag, value, step)
        self.writer.flush()
