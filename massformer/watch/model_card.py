"""``README.md`` of a run: what was trained, on what, how well it does, how to use it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mass13k_tools.classes import Taxonomy
from mass13k_tools.ops.score_sums import PROTOCOL
from mass13k_tools.outputs import write_file
from mass13k_tools.printing import one_line, toml_value
from massformer.config import OURS, Config, settings
from massformer.run_folder import BEST, RunFolder, best_row, read_rows
from massformer.watch.progress import duration
from massformer.watch.seam import Watcher
from massformer.watch.shown_settings import last_name, shown_settings

Table = Sequence[dict[str, str]]
COLUMNS = {"iou": "IoU", "biou": "BIoU", "bf1": "BF1"}
MEANS = {"miou": "mIoU", "biou": "BIoU", "bf1": "BF1"}


@dataclass(frozen=True)
class Trained:
    """What is known of a run beside what stands in its folder."""

    config: Config
    taxonomy: Taxonomy
    parameters: int
    samples: int
    """Of the split that is learned from."""
    val_samples: int
    """Of the split for validation; 0 without one."""
    batch: int
    """Samples of a step, all ranks together."""


class ModelCard(Watcher):
    """Writes the card when the run is complete."""

    def __init__(self, folder: RunFolder, trained: Trained) -> None:
        self.folder, self.trained = folder, trained

    def ended(self) -> None:
        """Write it."""
        path = self.folder.path
        environment = json.loads((path / "environment.json").read_text(encoding="utf-8"))
        log, validations = (read_rows(path / f"{name}.csv") for name in ("log", "validation"))
        text = model_card(path.resolve().name, self.trained, environment, log, validations)
        write_file(path / "README.md", text.encode(), overwrite=True)


def model_card(
    name: str, trained: Trained, environment: dict[str, Any], log: Table, validations: Table
) -> str:
    """Write the card of a run.

    Args:
        name: Of the run.
        trained: What is known of it.
        environment: See :func:`massformer.run_folder.environment`.
        log: Rows of ``log.csv``.
        validations: Rows of ``validation.csv``.

    Returns:
        Markdown. Of paths it has the last names only.
    """
    sections = [
        f"# {one_line(name)}",
        *_what(trained, log),
        *_scores(trained, validations),
        *_use("last" if best_row(validations, "biou") is None else "best-biou"),
        *_settings(trained.config),
        *_environment(environment),
    ]
    return "\n\n".join(sections) + "\n"


def _what(trained: Trained, log: Table) -> Iterator[str]:
    config = trained.config
    data, train = config.data, config.train
    network = "MaSSFormer" if config.model.network == OURS else one_line(config.model.network)
    classes = ", ".join(map(one_line, trained.taxonomy.names.values()))
    yield (
        f"A network for semantic segmentation: {network} with {config.model.backbone}, "
        f"{trained.parameters:,} parameters, {len(trained.taxonomy.classes)} classes "
        f"(taxonomy {one_line(trained.taxonomy.name)}): {classes}."
    )
    height, width = data.crop_px
    crops = "1 crop" if trained.batch == 1 else f"{trained.batch} crops"
    start = "from scratch"
    if train.start:
        start = f"from the network '{one_line(last_name(train.start))}'"
    elif train.pretrained != "none":
        start = f"its backbone from the weights '{one_line(last_name(train.pretrained))}'"
    seconds = _seconds(log)
    yield (
        f"Trained {start} on {trained.samples:,} images of {one_line(last_name(data.root))}, split "
        f"{data.train_split}: {train.steps:,} steps of {crops} of {height}x{width} "
        f"pixels, {duration(seconds)} without validation. "
        + (
            f"Validated on {trained.val_samples:,} images, split {data.val_split}."
            if trained.val_samples
            else "Not validated while it was trained."
        )
    )
    yield "![Loss, learning rate and scores over the steps](curves.png)"


def _scores(trained: Trained, validations: Table) -> Iterator[str]:
    if not validations:
        return
    yield f"## Scores on split {trained.config.data.val_split}"
    yield (
        f"Per cent, protocol {PROTOCOL}, sums over whole images; BF1 within 1 px. The best steps "
        "were chosen on this very split: scores to be compared with others' belong to a split "
        "that nothing was chosen on."
    )
    chosen = {f"best-{name}": best_row(validations, name) for name in BEST}
    chosen["last"] = validations[-1]
    rows = [
        [f"`{folder}`", row["step"], *(_percent(row[mean]) for mean in MEANS)]
        for folder, row in chosen.items()
        if row is not None
    ]
    yield _table(["network", "step", *MEANS.values()], rows)
    best = chosen["best-biou"]
    if best is not None:
        yield "`best-biou`, class by class:"
        rows = [
            [one_line(name), *(_percent(best.get(f"{score}.{name}")) for score in COLUMNS)]
            for name in trained.taxonomy.names.values()
        ]
        yield _table(["class", *COLUMNS.values()], rows)


def _use(network: str) -> Iterator[str]:
    yield "## How to use it"
    yield (
        "```sh\n"
        f"python -m massformer.predict {network} photos --out predictions\n"
        f"python -m massformer.evaluate {network} DATASET --split test --out scores\n"
        "```"
    )


def _settings(config: Config) -> Iterator[str]:
    usual = dict(settings(Config()))
    yield "## Settings that differ from the defaults"
    rows = [
        [f"`{each}`" for each in (name, toml_value(value), toml_value(usual[name]))]
        for (name, value), (_, whole) in zip(shown_settings(config), settings(config), strict=True)
        if whole != usual[name]
    ]
    yield _table(["setting", "here", "default"], rows)
    yield "All of them are in `config.toml`, which also does as a preset."


def _environment(environment: dict[str, Any]) -> Iterator[str]:
    yield "## Made with"
    versions = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    git = environment["git"]
    commit = git["commit"] or "unknown"
    changed = " with changes that are not in it" if git["changed"] else ""
    yield (
        f"Python {environment['python']}, {versions}; {environment['gpu'] or 'no GPU'}, "
        f"{environment['cores']} cores; git commit {commit}{changed}."
    )


def _seconds(log: Table) -> float:
    """Add up the time of all steps, also of those before a run was killed and went on."""
    seconds, before = 0.0, 0
    for row in log:
        step = int(row["step"])
        seconds += (step - before) * (float(row["waiting_s"]) + float(row["computing_s"]))
        before = step
    return seconds


def _percent(cell: str | None) -> str:
    return f"{float(cell):.2%}".rstrip("%") if cell else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )
