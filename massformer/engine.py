"""One step of training, and all that a run needs to go on where it stopped."""

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.loader import CropLoader
from massformer.batch_counts import BatchCounts
from massformer.checkpoint import LoadedModel
from massformer.config import Config
from massformer.data import TrainingBatch, training_batch
from massformer.inference.predictor import DTYPES
from massformer.losses import Criterion
from massformer.optimiser import set_lr
from massformer.peers import Network
from massformer.ranks import Ranks

SMALLEST_SCALE = 2.0**-24  # of losses in fp16: at 1 they are not scaled any more


class NotFiniteError(DatasetError):
    """A loss or a gradient is no number any more."""

    def __init__(self, step: int, keys: list[str], losses: dict[str, float]) -> None:
        self.keys = keys
        worst = [name for name, value in losses.items() if not math.isfinite(value)]
        what = f"loss '{worst[0]}'" if worst else "the gradient"
        super().__init__(
            f"{what} is not finite at step {step}, samples {', '.join(keys[:4])}; "
            "try a lower train.lr, a warm-up, or train.precision=bf16"
        )


@dataclass
class Step:
    """What a step did."""

    losses: dict[str, float]
    """Every term, mean over the batches and ranks."""
    gradient: float
    """Norm of the gradient before it was clipped."""
    lr: float
    """Learning rate of the head."""
    waited_s: float
    """Time spent waiting for data."""
    took_s: float
    """Time of the whole step."""

    @property
    def loss(self) -> float:
        """What was minimised."""
        return sum(self.losses.values())


@dataclass
class Run:
    """A run between two steps."""

    config: Config
    ranks: Ranks
    model: Network
    """The network itself."""
    wrapped: nn.Module
    """The same, compiled or shared among ranks as the settings say."""
    average: AveragedModel | None
    optimiser: AdamW
    scaler: GradScaler
    criterion: Criterion
    generator: torch.Generator
    """Of the points that the criterion draws, all that is random on the device."""
    loader: CropLoader
    indices: Tensor
    """Class index of every id."""
    step: int = 0
    """Steps that are done."""

    def __post_init__(self) -> None:
        self.batches = self._endless()

    def advance(self) -> Step:
        """Do one step.

        Raises:
            NotFiniteError: The loss or the gradient is no number; no parameter was changed by it.
        """
        started, waited = time.perf_counter(), 0.0
        settings = self.config.train
        lr = set_lr(self.optimiser, settings, self.step)
        self.wrapped.train()
        sums: dict[str, Tensor] = {}
        batches = []
        for _ in range(settings.accumulate):
            before = time.perf_counter()
            batch = next(self.batches)
            waited += time.perf_counter() - before
            batches.append(training_batch(batch, self.indices))
        counts = self.criterion.step_counts([each.label_maps for each in batches])
        # Dropout of other networks draws the same numbers whether or not a run was broken off
        torch.manual_seed(_seed(settings.seed, self.step, self.ranks.rank))
        for batch in batches:
            for name, loss in self._backward(batch, counts, last=batch is batches[-1]).items():
                sums[name] = sums.get(name, torch.zeros_like(loss)) + loss / settings.accumulate
        losses = self._mean(sums)
        gradient = self._update(losses, [key for each in batches for key in each.keys])
        self.step += 1
        return Step(losses, gradient, lr, waited, time.perf_counter() - started)

    def state(self) -> dict[str, Any]:
        """Give all that a checkpoint keeps beside the network; the same on every rank."""
        return {
            "step": self.step,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "loader": self.loader.state_dict(),
            "random": self.ranks.gathered(self.generator.get_state()),
        }

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Take up where :meth:`state` was taken; the weights of the network come separately."""
        self.step = state["step"]
        peaks = [group["peak_lr"] for group in self.optimiser.param_groups]
        self.optimiser.load_state_dict(state["optimiser"])
        for group, peak in zip(self.optimiser.param_groups, peaks, strict=True):
            group["peak_lr"] = peak  # of the ranks that there are now
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
        self.loader.load_state_dict(state["loader"])
        self.batches = self._endless()
        if len(state["random"]) == self.ranks.count:  # with other ranks, other numbers are drawn
            self.generator.set_state(state["random"][self.ranks.rank])

    def _endless(self) -> Iterator[Any]:
        while True:
            yield from self.loader

    def _backward(
        self, batch: TrainingBatch, counts: BatchCounts | None, *, last: bool
    ) -> dict[str, Tensor]:
        settings = self.config.train
        images = batch.images
        if settings.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        wrapped = self.wrapped
        parallel = isinstance(wrapped, DistributedDataParallel)
        with wrapped.no_sync() if parallel and not last else nullcontext():  # type: ignore[operator]
            with torch.autocast(
                self.ranks.device.type,
                DTYPES[settings.precision],
                enabled=settings.precision != "float32",
            ):
                predictions = wrapped(images)
            losses = self.criterion(predictions, batch.label_maps, batch.edge_maps, counts)
            total = torch.stack(list(losses.values())).sum() / settings.accumulate
            self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        return {name: loss.detach() for name, loss in losses.items()}

    def _mean(self, sums: dict[str, Tensor]) -> dict[str, float]:
        values = self.ranks.mean(torch.stack(list(sums.values())).float())
        return dict(zip(sums, values.tolist(), strict=True))

    def _update(self, losses: dict[str, float], keys: list[str]) -> float:
        parameters = [each for each in self.model.parameters() if each.grad is not None]
        self.scaler.unscale_(self.optimiser)
        most = self.config.train.clip or math.inf
        gradient = float(nn.utils.clip_grad_norm_(parameters, most))
        if not math.isfinite(sum(losses.values())) or self._overflows(gradient):
            everywhere = [key for part in self.ranks.gathered(keys) for key in part]
            raise NotFiniteError(self.step, everywhere, losses)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return gradient

    def _overflows(self, gradient: float) -> bool:
        """Tell whether a gradient is no number, and no smaller scale of fp16 would help."""
        if math.isfinite(gradient):
            return False
        return not self.scaler.is_enabled() or self.scaler.get_scale() < SMALLEST_SCALE


def kept_network(run: Run, taxonomy: Taxonomy) -> LoadedModel:
    """Give the network that is validated and kept: the average of the weights, if there is one."""
    model = run.model if run.average is None else run.average.module
    return LoadedModel(model, run.config.model, taxonomy)  # type: ignore[arg-type]


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def averaged(model: Network, decay: float) -> AveragedModel | None:
    """Make an average of the weights that follows them; None for a decay of 0."""
    if not decay:
        return None
    follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
