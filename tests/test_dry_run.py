"""What is wrong is said before the first step; a dry run tries all in small."""

import json
import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from training_runs import ALONE, SMALL, small_config

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from massformer.dry_run import DryRun, Size, dry_run, report
from massformer.loop import train
from massformer.run_data import RunData, check_data, open_data
from massformer.train import train as train_command


def labels(root: Path, split: str = "train") -> list[Path]:
    return sorted((root / "annotations" / split).glob("*.png"))


def repainted(path: Path, value: int, rows: slice = slice(None)) -> None:
    label_map = np.array(Image.open(path))
    label_map[rows] = value
    Image.fromarray(label_map).save(path)


def run_command(root: Path | str, *arguments: str, sets: tuple[str, ...] = ()):
    words = ["tiny", "--device=cpu", *arguments]
    words += [f"--set={each}" for each in (*SMALL, f"data.root={root}", *sets)]
    return CliRunner().invoke(train_command, words)


@pytest.fixture
def steps_are_forbidden(monkeypatch):
    def step(run):
        raise AssertionError("a step was taken")

    monkeypatch.setattr("massformer.engine.Run.advance", step)


def unknown_class(root: Path) -> None:
    repainted(labels(root)[1], 9, slice(3))


def smaller_label_map(root: Path) -> None:
    path = labels(root)[2]
    Image.fromarray(np.array(Image.open(path))[:32]).save(path)


def damaged_image(root: Path) -> None:
    path = sorted((root / "images" / "val").glob("*.jpg"))[0]
    path.write_bytes(path.read_bytes()[:500])


def nothing_labelled(root: Path) -> None:
    for path in labels(root):
        repainted(path, 255)


def no_such_split(root: Path) -> None:
    shutil.rmtree(root / "images" / "val")
    shutil.rmtree(root / "annotations" / "val")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (unknown_class, r"00002_\S+\.png.* 9.*1 of 3 samples of split 'train'"),
        (smaller_label_map, r"00003_\S+\.png' is 32x96 but its image is 64x96.*'mass13k check'"),
        (damaged_image, r"00004_\S+\.jpg.*1 of 2 samples of split 'val'"),
        (nothing_labelled, "no pixel has a class in 3 samples of split 'train'"),
        (no_such_split, "no split 'val' in .*it has: train, test"),
    ],
)
@pytest.mark.parametrize("arguments", [("--dry-run",), ()], ids=["dry", "run"])
def test_data_that_cannot_be_learned_from_are_one_line_before_the_first_step(
    tiny_dataset, tmp_path, steps_are_forbidden, spoil, said, arguments
):
    spoil(tiny_dataset)
    out = tmp_path / "run"
    result = run_command(tiny_dataset, *arguments, f"--out={out}")
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1
    assert re.search(said, result.stderr), result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("data.root=",), "no data set is named; pass --set data.root=FOLDER"),
        (("data.root=/no/such/place",), "/no/such/place"),
        (
            ("model.classes=5",),
            "the network has 5 classes, but .* has 7; pass --set model.classes=7",
        ),
        (("train.backbone_affine=false",), "must learn its norms"),
        (("train.pretrained=/no/such.pth",), "/no/such.pth"),
        (("data.batch_size=4",), "3 samples fill no step of 1 ranks x 4"),
        (
            ("train.validation_gb=1e-6",),
            "train.validation_gb: .* too little for an image of 64x96, expected .* GiB or more",
        ),
    ],
)
def test_settings_that_do_not_fit_the_data_are_one_line_before_the_first_step(
    tiny_dataset, tmp_path, steps_are_forbidden, settings, said
):
    with pytest.raises(DatasetError, match=said) as caught:
        train(small_config(tiny_dataset, *settings), tmp_path / "run", ALONE)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_without_network_it_is_said_where_weights_of_imagenet_belong(
    tiny_dataset, tmp_path, monkeypatch, steps_are_forbidden
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))

    def refused(url, timeout):
        raise OSError("no route to host")

    monkeypatch.setattr("massformer.pretrained.urlopen", refused)
    config = small_config(tiny_dataset, "train.pretrained=imagenet", "model.backbone_width=64")
    with pytest.raises(
        DatasetError, match=r"no route to host.*put it at '.*resnet18-f37072fd.pth'"
    ):
        train(config, tmp_path / "run", ALONE)


def test_damaged_samples_that_may_be_skipped_do_not_stop_a_run_before_it_begins(tiny_dataset):
    unknown_class(tiny_dataset)
    settings = small_config(tiny_dataset, "data.skip_damaged=true").data
    looked = check_data(open_data(settings), settings, ALONE)
    assert looked["train"].pixels.sum() == 2 * 64 * 96
    assert looked["train"].largest_hw == (64, 96)


def test_a_single_class_is_suspicious(tiny_dataset, caplog):
    for path in labels(tiny_dataset):
        repainted(path, 0)
    settings = small_config(tiny_dataset).data
    with caplog.at_level(logging.WARNING):
        check_data(open_data(settings), settings, ALONE)
    assert "'background' is the only class in 3 samples of split 'train'" in caplog.text


def test_samples_looked_at_are_spread_over_the_split():
    class Counted:
        keys = tuple(f"k{number:03}" for number in range(100))
        taxonomy = MASS13K
        read: list[int] = []  # noqa: RUF012  # of the one instance

        def __len__(self):
            return 100

        def size_hw(self, index):
            return 2, 2

        def label_region(self, index, box):
            self.read.append(index)
            return np.zeros((2, 2), np.uint8)

        def image_region(self, index, box):
            return np.zeros((1, 1, 3), np.uint8)

    source = Counted()
    settings = small_config(Path("nowhere"), "data.val_split=").data
    check_data(RunData(source, None), settings, ALONE)
    assert len(source.read) == 32
    assert source.read[0] == 0
    assert source.read[-1] == 99


def test_a_dry_run_says_what_the_run_would_take_and_writes_nothing(tiny_dataset, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    result = run_command(
        tiny_dataset, "--dry-run", "--json", sets=("train.accumulate=2", "train.validate_every=4")
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["samples"] == {"train": 3, "val": 2}
    assert found["class_shares"]["train"]["sky"] > 0.3
    assert sum(found["class_shares"]["val"].values()) == pytest.approx(1)
    assert found["step_samples"] == 2
    assert found["validations"] == 2
    assert 0 < found["trained"] <= found["parameters"]
    assert found["step_s"] == pytest.approx(found["computing_s"] + found["loading_s"])
    assert found["waiting_share"] == pytest.approx(found["loading_s"] / found["step_s"])
    hours = (6 * found["step_s"] + 2 * 2 * found["validation_image_s"]) / 3600
    assert found["hours"] == pytest.approx(hours)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_dry_run_needs_no_validation_and_takes_workers(tiny_dataset):
    config = small_config(tiny_dataset, "data.val_split=", "data.workers=1", "train.steps=1")
    found = dry_run(config, ALONE)
    assert found.size.samples == {"train": 3}
    assert found.validations == found.validation_h == 0
    assert found.step_s == max(found.computing_s, found.loading_s)
    assert any("nothing was written" in line for line in report(found))


def test_hours_and_waiting_follow_from_what_was_measured(tmp_path):
    size = Size({"train": 9, "val": 5}, {"train": {"sky": 0.75, "water": 0.0}, "val": {}}, 8, 6, 16)
    sets = ("data.workers=2", "train.steps=3600", "train.validate_every=1000")
    config = small_config(tmp_path, *sets)
    found = DryRun(size, 3.0, 4.0, 90.0, 1.5, config, 2)
    assert (found.step_s, found.waiting_share) == (4.0, 0.25)
    assert found.training_h == 4
    assert found.validation_h == pytest.approx(4 * 3 * 90 / 3600)  # 4 times 3 images on each rank
    lines = report(found)
    assert lines[0] == "train: 9 samples; of some of them sky 75.0%; not seen: water"
    assert "16 crops of 64x64 in 4 s, 25% of it waiting for data" in lines[3]
    assert "3,600 steps would take 4.3 h, of which validation 18 min" in lines[-1]


def test_json_is_for_dry_runs_and_a_run_needs_a_folder(tiny_dataset, tmp_path):
    result = run_command(tiny_dataset, "--json", f"--out={tmp_path / 'run'}")
    assert (result.exit_code, "--json is for --dry-run" in result.output) == (2, True)
    result = run_command(tiny_dataset)
    assert (result.exit_code, "--out is missing" in result.output) == (2, True)
