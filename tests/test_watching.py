import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from loader_data import write_dataset
from training_runs import ALONE, small_config, small_run

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_image
from mass13k_tools.loader.open_source import open_source
from mass13k_tools.ops.error_map import ERROR_KINDS
from mass13k_tools.ops.score_sums import pair_sums
from mass13k_tools.ops.scores import Scores
from massformer.inference.predictor import Prediction
from massformer.loop import train
from massformer.run_folder import RunFolder, best_row, read_rows
from massformer.train import train as train_command
from massformer.watch.curves import curves_png
from massformer.watch.panels import panel_sheet
from massformer.watch.seam import Line, Validation
from massformer.watch.tables import class_table, progress_line
from massformer.watch.tensorboard import TensorBoard
from massformer.watch.watchers import watch_run
from massformer.watch.weights_and_biases import WeightsAndBiases

CLASSES = [row.name for row in MASS13K.classes]
LOGGED = {"loss": 2.0, "lr": 1e-3, "waiting_s": 0.25, "computing_s": 1.0, "images_per_s": 8.0}


class FakeWandb(ModuleType):
    """Remembers what it is told, as the real one would send it."""

    class Error(Exception):
        pass

    def __init__(self):
        super().__init__("wandb")
        self.__spec__ = ModuleSpec("wandb", None)
        self.started, self.logs, self.ended = [], [], []

    def init(self, **settings):
        self.started.append(settings)
        return SimpleNamespace(
            define_metric=lambda name, step_metric: None,
            log=self.logs.append,
            finish=lambda exit_code: self.ended.append(exit_code),
        )

    @staticmethod
    def Image(pixels):
        return pixels


pytestmark = pytest.mark.xdist_group("watching")  # one run is watched by all tests


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "street"
    write_dataset(root, 3)
    return write_dataset(root, 2, seed=1, split="val")


@pytest.fixture(scope="module")
def ran(dataset, tmp_path_factory):
    """Train for six steps, everyone watching."""
    with pytest.MonkeyPatch.context() as patch:
        fake = FakeWandb()
        patch.setitem(sys.modules, "wandb", fake)
        patch.setenv("WANDB_PROJECT", "streets")
        folder = tmp_path_factory.mktemp("runs") / "first"
        short = ("train.log_every=2", "train.validate_every=3", "train.panels=2")
        train(small_config(dataset, *short), folder, ALONE, wandb=True)
    return SimpleNamespace(folder=folder, wandb=fake, log=read_rows(folder / "log.csv"))


def scalars(folder):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the extra 'train' is not installed",
    )
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return events


def test_shares_of_the_log_add_up_to_the_whole_loss(ran):
    for row in ran.log:
        assert sum(float(row[f"share.{kind}"]) for kind in ("class", "mask", "dice", "edge")) == (
            pytest.approx(1, abs=1e-5)
        )
        masks = float(row["mask"]) + float(row["0.mask"])
        assert masks / float(row["loss"]) == pytest.approx(float(row["share.mask"]), rel=1e-4)


def test_the_log_tells_how_much_boundary_weights_counted_and_what_steps_cost(ran):
    for row in ran.log:
        assert 1 <= float(row["weight_min"]) <= float(row["weight_max"]) <= 6
        assert float(row["waiting_s"]) > 0
        assert float(row["computing_s"]) > 0
        assert 0.05 < float(row["peak_memory_gib"]) < 24
    assert any(float(row["weight_max"]) > 1 for row in ran.log)


def test_without_boundary_weights_every_point_counts_once(dataset):
    run = small_run(dataset, "loss.reweight=off")
    run.advance()
    assert run.criterion.weights_seen.taken() == (1, 1)


def test_a_validation_keeps_the_scores_of_every_class(ran):
    rows = read_rows(ran.folder / "validation.csv")
    assert [row["step"] for row in rows] == ["3", "6"]
    for row in rows:
        filled = [float(row[f"iou.{name}"]) for name in CLASSES if row[f"iou.{name}"]]
        assert float(row["miou"]) == pytest.approx(np.mean(filled), abs=1e-5)


def test_a_class_that_no_map_has_is_left_blank():
    label_map = np.zeros((8, 8), np.uint8)
    label_map[4:] = 3
    scores = Scores(pair_sums(label_map, label_map, MASS13K.ids))
    validation = Validation(7, scores, MASS13K, None)
    assert validation.row()["iou.tree"] == 1
    assert validation.row()["iou.sky"] is None
    lines = [*class_table(validation)]
    assert lines[0].split()[:3] == ["step", "7,", "%"]
    assert next(line for line in lines if line.startswith("tree")).split()[1:] == ["100.00"] * 3
    assert "sky" in lines
    assert lines[-1].split() == ["mean", "100.00", "100.00", "100.00"]


def test_the_best_row_is_the_last_of_equal_ones():
    rows = [{"step": str(k), "miou": value} for k, value in enumerate(("", "0.5", "0.5", "0.4"))]
    assert best_row(rows, "miou")["step"] == "2"
    assert best_row(rows[:1], "miou") is None


def test_a_line_tells_waiting_from_computing_and_how_long_it_will_take():
    line = progress_line(Line(5, {**LOGGED, "peak_memory_gib": None}, 7200), 10)
    assert line == (
        "step 5/10  loss 2.000  lr 1.00e-03  8.00 images/s  "
        "waiting 0.25 s, computing 1.00 s a step  left 2.0 h"
    )


def test_tensorboard_shows_losses_shares_scores_and_pictures(ran):
    events = scalars(ran.folder / "tensorboard")
    shown = events.Tags()
    assert {"train/loss", "share/mask", "train/weight_max", "iou/sky"} <= {*shown["scalars"]}
    assert [event.step for event in events.Scalars("train/loss")] == [2, 4, 6]
    assert [event.step for event in events.Scalars("validation/miou")] == [3, 6]
    assert shown["images"] == ["panels"]


def test_tensorboard_forgets_steps_that_a_killed_run_does_again(tmp_path):
    for done, steps, loss in ((0, (1, 2, 3, 4), 2.0), (2, (3,), 1.0)):
        watcher = TensorBoard(tmp_path, done=done)
        for step in steps:
            watcher.logged(Line(step, {"loss": loss}, 0))
        watcher.close(failed=False)
        # Files are read in the order of their names, which tell only seconds
        (written,) = tmp_path.glob("*tfevents*.*.*")
        written.rename(tmp_path / f"events.out.tfevents-{done}")
    losses = scalars(tmp_path).Scalars("train/loss")
    assert [(event.step, event.value) for event in losses] == [(1, 2), (2, 2), (3, 1)]


def test_a_run_without_tensorboard_says_so_once_and_goes_on(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run, folder = small_run(dataset), RunFolder(tmp_path)
    folder.begin("")
    with watch_run(run, folder, open_source(dataset, split="train"), None) as watch:
        watch.logged(Line(1, {**LOGGED, "peak_memory_gib": None}, 0))
    assert capsys.readouterr().err.count("'tensorboard' is not installed") == 1
    assert read_rows(tmp_path / "log.csv")[0]["loss"] == "2"


def test_wandb_gets_logs_and_pictures_of_a_run_but_no_path_of_this_machine(ran, dataset):
    (started,) = ran.wandb.started
    assert started["project"] == "streets"
    assert started["name"] == "first"
    assert started["config"]["data.root"] == "street"
    assert str(dataset.parent) not in str(started["config"])
    assert [content["step"] for content in ran.wandb.logs] == [2, 3, 4, 6, 6]
    assert sum("train/loss" in content for content in ran.wandb.logs) == 3
    assert [content["panels"].ndim for content in ran.wandb.logs if "panels" in content] == [3, 3]
    assert ran.wandb.ended == [0]


def test_a_run_that_goes_on_is_the_same_at_wandb_and_says_when_it_failed(
    dataset, tmp_path, monkeypatch
):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for failed in (True, False):
        WeightsAndBiases(tmp_path, small_config(dataset)).close(failed=failed)
    first, second = fake.started
    assert first["id"] == second["id"]
    assert second["resume"] == "allow"
    assert fake.ended == [1, 0]


def test_wandb_that_does_not_begin_is_one_line(dataset, tmp_path, monkeypatch):
    fake = FakeWandb()

    def refuse(**settings):
        raise fake.Error("no API key")

    monkeypatch.setattr(fake, "init", refuse)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    with pytest.raises(DatasetError, match="no API key; WANDB_MODE=offline"):
        WeightsAndBiases(tmp_path, small_config(dataset))


def test_wandb_that_is_not_installed_is_one_line_before_anything_begins(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    out = tmp_path / "run"
    words = ["tiny", "--wandb", f"--out={out}", "--device=cpu"]
    result = CliRunner().invoke(train_command, words)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "'wandb', which is not installed" in result.stderr
    assert not out.exists()


def test_every_validation_leaves_a_picture_and_the_run_its_curves(ran):
    panels = sorted((ran.folder / "panels").iterdir())
    assert [path.name for path in panels] == ["step-000003.png", "step-000006.png"]
    assert read_image(panels[0]).shape[1] > 6 * 400
    assert read_image(ran.folder / "curves.png").shape[0] > 500


class Oracle:
    """Predicts the truth of a source, and an edge everywhere."""

    def __init__(self, source, *, edges=True):
        self.source, self.config = source, SimpleNamespace(sees_edges=edges)

    def predict(self, image, wanted):
        for index in range(len(self.source)):
            box = (0, 0, *self.source.size_hw(index))
            if np.array_equal(self.source.image_region(index, box), image):
                truth = self.source.label_region(index, box)
                known = np.where(truth == 255, 0, truth)
                edges = np.full(truth.shape, 255, np.uint8) if wanted.edges else None
                return Prediction(known, np.empty((0, *truth.shape), np.uint8), edges)
        raise AssertionError("an image that is not of the source")


def test_panels_of_a_perfect_network_show_its_classes_and_no_error(dataset):
    source = open_source(dataset, split="val")
    sheet = panel_sheet(Oracle(source), source, images=9, title="step 1")
    shown = {tuple(colour) for colour in sheet[:, :-400].reshape(-1, 3)}
    label_map = source.label_region(0, (0, 0, *source.size_hw(0)))
    assert {MASS13K.classes[k].colour for k in np.unique(label_map) if k != 255} <= shown
    assert not shown & {kind.colour for kind in ERROR_KINDS}


def test_panels_are_as_many_as_are_wanted_and_have_no_edges_without_an_edge_head(dataset):
    source = open_source(dataset, split="train")
    sheets = [
        panel_sheet(Oracle(source, edges=edges), source, images=images, title="")
        for images, edges in ((1, True), (3, True), (1, False))
    ]
    assert sheets[0].shape[0] < sheets[1].shape[0]
    assert sheets[2].shape[1] < sheets[0].shape[1]
    assert panel_sheet(Oracle(source), source, images=0, title="") is None


def test_curves_bear_cells_that_are_empty_and_runs_without_validation(tmp_path):
    log = [
        {"step": "1", "loss": "3", "lr": "1e-3", "share.mask": "0.5"},
        {"step": "2", "loss": "2", "lr": "5e-4", "share.mask": ""},
    ]
    scores = [{"step": "2", "miou": "0.5", "biou": "", "bf1": ""}]
    pictures = {}
    for name, rows in (("without", []), ("with", scores), ("undefined", [{"step": "2"}])):
        (tmp_path / name).write_bytes(curves_png(log, rows))
        pixels = read_image(tmp_path / name)
        pictures[name] = (pixels == (0, 0x72, 0xB2)).all(axis=2).any()
    assert pictures == {"without": False, "with": True, "undefined": False}


def test_the_model_card_says_what_was_trained_and_names_no_folder(ran, dataset):
    card = (ran.folder / "README.md").read_text()
    assert card.startswith("# first\n")
    assert "on 3 images of street, split train: 6 steps of 1 crop of 64x64" in card
    assert "Validated on 2 images, split val" in card
    assert "| `model.width` | `16` | `128` |" in card
    assert "`loss.dice_weight`" not in card
    assert str(dataset.parent) not in card
    assert str(ran.folder.parent) not in card
    last = read_rows(ran.folder / "validation.csv")[-1]
    assert f"| `last` | 6 | {100 * float(last['miou']):.2f} |" in card
    assert all(f"\n| {name} | " in card for name in CLASSES)
