"""Logs for Weights & Biases, which its own environment variables direct (WANDB_MODE and others)."""

import os
import uuid
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.outputs import write_file
from massformer.config import Config
from massformer.watch.seam import Line, Validation, Watcher, tags
from massformer.watch.shown_settings import shown_settings

STEP = "step"  # our own axis: theirs never goes back, a run that was killed does


class WeightsAndBiases(Watcher):
    """Sends losses, scores and pictures to where ``wandb`` is told to."""

    def __init__(self, folder: Path, config: Config) -> None:
        """Begin a run there, or go on with the one of this folder.

        Args:
            folder: Of the run; its name is the run's, unless WANDB_NAME says otherwise.
            config: Kept there, paths of this machine left out.

        Raises:
            DatasetError: It does not begin, such as without an account.
        """
        self.wandb: Any = import_module("wandb")
        own = folder / "wandb_id.txt"
        if not own.is_file():
            write_file(own, uuid.uuid4().hex[:8].encode())
        try:
            self.run = self.wandb.init(
                project=os.environ.get("WANDB_PROJECT", "massformer"),
                name=os.environ.get("WANDB_NAME", folder.resolve().name),
                dir=os.environ.get("WANDB_DIR", str(folder)),
                id=os.environ.get("WANDB_RUN_ID", own.read_text(encoding="utf-8")),
                resume="allow",
                config=dict(shown_settings(config)),
            )
        except self.wandb.Error as error:
            raise DatasetError(
                f"Weights & Biases does not begin: {error}; WANDB_MODE=offline keeps all here"
            ) from error
        self.run.define_metric("*", step_metric=STEP)

    def logged(self, line: Line) -> None:
        """Pass on a line of the log."""
        self.run.log({STEP: line.step, **tags("train", line.row)})

    def validated(self, validation: Validation) -> None:
        """Pass on scores and picture."""
        content: dict[str, Any] = {STEP: validation.step}
        content |= tags("validation", validation.row())
        if validation.picture is not None:
            content["panels"] = self.wandb.Image(validation.picture)
        self.run.log(content)

    def close(self, *, failed: bool) -> None:
        """End the run there."""
        self.run.finish(exit_code=int(failed))


def check_wandb() -> None:
    """Make sure that runs can be sent.

    Raises:
        DatasetError: The package is not installed.
    """
    if find_spec("wandb") is None:
        raise DatasetError(
            "--wandb needs the package 'wandb', which is not installed; "
            "pip install 'mass13k[wandb]', or leave --wandb out"
        )
