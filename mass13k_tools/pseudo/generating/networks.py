"""What all networks of transformers share here: how they are loaded, fed and run.

Images are prepared by our own few lines, since the processors of several networks want torchvision.
Letters in shape comments: H and W rows and columns of what the network takes.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor

from mass13k_tools.arrays import Image
from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.generating.model_files import EXTRA, ModelFolder

Precision = Literal["float32", "bfloat16", "float16"]
Colour = tuple[float, float, float]


class Runner(NamedTuple):
    """Where networks run, and how exactly."""

    device: torch.device
    dtype: Precision = "float32"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run networks in this block, without gradients."""
        dtype = getattr(torch, self.dtype)
        exact = self.dtype == "float32"
        try:
            with (
                torch.inference_mode(),
                torch.autocast(self.device.type, None if exact else dtype, enabled=not exact),
            ):
                yield
        except torch.OutOfMemoryError as error:
            raise DatasetError(
                f"{self.device} has too little memory for these networks; try --dtype bfloat16, "
                "smaller networks, or --device cpu"
            ) from error


def device_of(name: str | None) -> torch.device:
    """Find a device; None: the GPU where there is one.

    Raises:
        DatasetError: This machine has no such device.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise DatasetError(f"no device '{name}' here ({reason}), expected such as cpu") from error
    return device


def load(class_name: str, folder: ModelFolder, runner: Runner) -> Any:
    """Load a network of transformers, ready to run.

    Args:
        class_name: In transformers; code in the folder is never used.
        folder: With settings and weights.
        runner: Where it will run.

    Raises:
        DatasetError: transformers is missing, or weights are missing, damaged or of other shapes.
    """
    transformers = _transformers()
    kind = getattr(transformers, class_name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of transformers about its own future
        try:
            model, report = kind.from_pretrained(
                folder.path,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                # or settings could name a kernel that is fetched and run
                attn_implementation="sdpa" if kind._supports_sdpa else "eager",
                dtype=torch.float32,
                ignore_mismatched_sizes=False,
                output_loading_info=True,
            )
        except Exception as error:  # whatever damaged settings make of it
            reason = " ".join(str(error).split())[:200]
            raise DatasetError(
                f"cannot load {class_name} from '{folder.path}': {type(error).__name__}: {reason}"
            ) from error
    if missing := sorted(report["missing_keys"]):
        raise DatasetError(
            f"'{folder.path}' lacks {len(missing)} weights of {class_name}, such as "
            f"'{missing[0]}'; is it whole?"
        )
    return model.eval().requires_grad_(False).to(runner.device)


def load_tokenizer(class_name: str, folder: ModelFolder) -> Any:
    """Load what turns text into numbers, by a class of transformers.

    Raises:
        DatasetError: It is missing or damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(_transformers(), class_name).from_pretrained(
                folder.path, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # whatever damaged files make of it
        raise DatasetError(
            f"no tokenizer in '{folder.path}' ({type(error).__name__}), expected tokenizer.json or "
            "the vocabulary"
        ) from error


def colours_of(folder: ModelFolder, mean: Colour, std: Colour) -> tuple[Colour, Colour]:
    """Read mean and deviation of the colours that a network expects.

    Raises:
        DatasetError: The folder says something that is none.
    """
    settings = folder.image_settings()
    found = []
    for name, default in (("image_mean", mean), ("image_std", std)):
        values = settings.get(name, default)
        try:
            colour = np.array(values, dtype=np.float64)
        except (TypeError, ValueError):
            colour = np.zeros(0)
        if colour.shape != (3,) or not np.isfinite(colour).all() or colour.min() <= 0:
            raise DatasetError(
                f"{name} in '{folder.path}' is {values!r}, expected three numbers above 0"
            )
        found.append((float(colour[0]), float(colour[1]), float(colour[2])))
    return found[0], found[1]


def network_input(
    image: Image, *, size_hw: tuple[int, int], colours: tuple[Colour, Colour], runner: Runner
) -> Tensor:
    """Resize an image and bring its colours to what a network expects.

    Args:
        image: Shape (h, w, 3), uint8, RGB.
        size_hw: H and W of the result.
        colours: Mean and standard deviation, of colours in 0..1.
        runner: Where it goes.

    Returns:
        Shape (1, 3, H, W), float32.
    """
    picture = PillowImage.fromarray(image)
    if image.shape[:2] != size_hw:
        picture = picture.resize(size_hw[::-1], PillowImage.Resampling.BILINEAR)
    mean, std = (np.array(colour, dtype=np.float32) for colour in colours)
    values = (np.asarray(picture).astype(np.float32) / np.float32(255) - mean) / std
    return torch.from_numpy(values).permute(2, 0, 1)[None].to(runner.device)


def _transformers() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that it imports
            import transformers
    except ImportError as error:
        raise DatasetError(EXTRA) from error
    reports: Any = transformers.logging
    reports.set_verbosity_error()
    reports.disable_progress_bar()
    return transformers
