"""Settings: presets, changes to them, and what is written of them."""

import math
from dataclasses import asdict

import pytest

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.weight_steps import MOST_KERNEL_PX
from massformer import run_config
from massformer.checkpoint import unfilled_model
from massformer.config import (
    Config,
    ModelConfig,
    config_table,
    load_config,
    load_model_config,
    model_from_table,
    model_table,
    settings,
    settings_toml,
)
from massformer.preset_files import preset_names
from massformer.run_config import LossConfig, TrainConfig


@pytest.fixture
def file(tmp_path):
    return tmp_path / "mine.toml"


# Presets


def test_the_usual_presets_are_there():
    assert {"massformer", "massformer-lite", "tiny"} <= set(preset_names())


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_is_read_and_its_network_can_be_built(preset):
    config = load_config(preset)
    model = unfilled_model(config.model)
    assert sum(each.numel() for each in model.parameters()) > 0


def test_the_defaults_are_the_network_of_the_paper():
    assert load_config("massformer").model == ModelConfig()


def test_a_file_is_a_preset_too_and_what_it_leaves_out_has_its_default(file):
    file.write_text("\ufeff[train]\nsteps = 7\n", encoding="utf-8")  # as Windows writes it
    config = load_config(str(file), ["model.width=64"])
    assert (config.train.steps, config.model.width) == (7, 64)
    assert config.model.queries == Config().model.queries


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[model\nwidth = 8", "settings '.*mine.toml': Expected"),
        (b"name = '\xff'", "settings '.*mine.toml': .* can't decode"),
        (b"model = 8", "'model' is a section of settings, found 8"),
        (b"[models]\nwidth = 8", "no setting 'models', known are: model, loss, data, train"),
        (b"[[train]]\nsteps = 8", "'train' is a section of settings, found"),
    ],
)
def test_a_file_that_is_no_settings_is_one_line(file, content, said):
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=said) as error:
        load_config(str(file))
    assert "\n" not in str(error.value)


def test_a_preset_that_is_none_is_told_which_there_are(tmp_path):
    with pytest.raises(DatasetError, match="no preset 'tinny', expected .*massformer-lite.* tiny"):
        load_config("tinny")
    with pytest.raises(DatasetError, match="No such file"):
        load_config(str(tmp_path / "none.toml"))


# Changes


def changed(*overrides):
    return dict(settings(load_config("tiny", overrides)))


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("model.queries=7", 7),
        (" model.queries = 7 ", 7),
        ("model.cst=false", False),
        ("model.backbone=resnet50", "resnet50"),
        ('model.backbone="resnet50"', "resnet50"),
        ("data.root=/photos/2024 = best", "/photos/2024 = best"),
        ("data.root=", ""),
        ("data.val_split=", ""),
        ("train.lr=1", 1.0),
        ("train.lr=1e-4", 1e-4),
        ("data.crop_px=[64, 96]", (64, 96)),
        ("data.short_sides_px=[64]", (64,)),
    ],
)
def test_one_setting_changes_and_no_other(override, value):
    name = override.partition("=")[0].strip()
    before, after = changed(), changed(override)
    assert after[name] == value and type(after[name]) is type(value)
    assert {each for each in after if after[each] != before[each]} <= {name}


def test_of_changes_to_one_setting_the_last_counts():
    assert changed("model.queries=7", "model.queries=8")["model.queries"] == 8


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.queries", "'model.queries' sets nothing, expected section.name=value"),
        ("", "'' sets nothing"),
        ("models.queries=7", "no setting 'models', known are: model, loss, data, train"),
        ("queries=7", "no setting 'queries', known are: model"),
        ("=7", "no setting '', known are"),
        ("model.query_count=7", "no setting 'model.query_count', known are: .*queries"),
        ("model.queries.more=7", "'queries' is a setting, not a section|model.queries is {"),
        ("model.layers.more=7", "'layers' is a setting, not a section"),
        ("model=7", "'model' is a section of settings, found 7"),
        ("model.queries=many", "model.queries is 'many', expected int"),
        ("model.queries=7.0", "model.queries is 7.0, expected int"),
        ("model.queries=true", "model.queries is True, expected int"),
        ("model.cst=1", "model.cst is 1, expected bool"),
        ("model.cst=False", "model.cst is 'False', expected bool"),
        ("train.lr=true", "train.lr is True, expected a finite number"),
        ("train.lr=fast", "train.lr is 'fast', expected a finite number"),
        ("train.lr=nan", "train.lr is nan, expected a finite number"),
        ("train.lr=inf", "train.lr is inf, expected a finite number"),
        (f"train.lr={10**400}", "train.lr is 10*, expected a finite number"),
        ("train.lr=1979-05-27", "train.lr is datetime.date.*, expected a finite number"),
        ("data.root=7", "data.root is 7, expected str"),
        ("data.crop_px=64", "data.crop_px is 64, expected list of int"),
        ("data.crop_px=[64, 'a']", "data.crop_px is 'a', expected int"),
        ("data.crop_px=[64, 64, 64]", r"data.crop_px is \[64, 64, 64\], expected height and wid"),
        ("model.backbone=vgg", "model.backbone is 'vgg', expected resnet18 or resnet50"),
        ("model.backbone=[18]", r"model.backbone is \[18\], expected resnet18 or resnet50"),
        ("model.queries=0", "model.queries is 0, expected 1 to 65536"),
        ("model.width=12", "model.width is 12, expected a multiple of 8"),
        ("train.ema=1", "train.ema is 1.0, expected 0 up to 1"),
        ("train.lr_batch=0", "train.lr_batch is 0, expected 1 or more"),
        ("train.steps=0", "train.steps is 0, expected 1 or more"),
        ("train.lr=-1", "train.lr is -1.0, expected 0 or more"),
        ("train.seed=-1", "train.seed is -1, expected 0 to 9"),
        ("train.validation_gb=-1", "train.validation_gb is -1.0, expected 0 or more"),
        ("loss.points=0", "loss.points is 0, expected 1 or more"),
        ("loss.oversample=0.5", "loss.oversample is 0.5, expected 1 or more"),
        ("loss.oversample=inf", "loss.oversample is inf, expected a finite number"),
        ("loss.worthwhile=1.5", "loss.worthwhile is 1.5, expected 0 to 1"),
        ("loss.worthwhile=-0.5", "loss.worthwhile is -0.5, expected 0 to 1"),
        ("loss.edge_weight=-1", "loss.edge_weight is -1.0, expected 0 or more"),
        ("loss.no_object_weight=-1", "loss.no_object_weight is -1.0, expected 0 or more"),
        ("loss.weight_kernel_px=4", "loss.weight_kernel_px is 4, expected an odd number from 3"),
        ("loss.weight_kernel_px=1", "loss.weight_kernel_px is 1, expected an odd number from 3"),
        ("loss.weight_kernel_px=257", "expected an odd number from 3 to 255"),
    ],
)
def test_a_change_that_is_none_is_one_line(override, said):
    with pytest.raises(DatasetError, match=said) as error:
        load_config("tiny", [override])
    assert "\n" not in str(error.value)


def test_norms_that_are_frozen_cannot_be_trained():
    with pytest.raises(DatasetError, match="is frozen, so train.backbone_affine would train"):
        load_config("tiny", ["train.backbone_norm=frozen", "train.backbone_affine=true"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_settings_made_in_python_are_finite_too(value):
    for kind, name in ((LossConfig, "mask_weight"), (TrainConfig, "lr")):
        with pytest.raises(DatasetError, match=f"{name} is {value}, expected 0 or more"):
            kind(**{name: value})


def test_windows_of_boundary_weights_are_those_that_can_be_counted():
    assert run_config.MOST_KERNEL_PX == MOST_KERNEL_PX


# Written and read again


@pytest.mark.parametrize("preset", preset_names())
def test_what_is_written_is_read_again(preset, file):
    config = load_config(preset, ['data.root=a "b"\\c\x7f é', "data.crop_px=[64, 96]"])
    file.write_text(settings_toml(config_table(config)), encoding="utf-8")
    assert load_config(str(file)) == config
    assert settings_toml(config_table(load_config(str(file)))) == file.read_text(encoding="utf-8")


def test_every_setting_is_written():
    written = settings_toml(config_table(Config()))
    assert len(list(settings(Config()))) == written.count(" = ")


# Settings of a network alone


def test_a_network_is_written_by_its_own_settings_alone(file):
    config = load_config("tiny", ["data.root=secret"]).model
    file.write_text(settings_toml(model_table(config)))
    assert load_model_config(file) == config
    assert model_from_table(config_table(Config(model=config))) == config
    assert "secret" not in file.read_text() and "[train]" not in file.read_text()


def test_how_a_network_was_trained_need_not_be_understood(file):
    own = settings_toml(model_table(load_config("tiny").model))
    file.write_text(own + "[train]\nspeed = 'high'\n[weather]\nrain = 1\n")
    assert load_model_config(file) == load_config("tiny").model
    with pytest.raises(DatasetError, match="no setting"):
        load_config(str(file))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "no section 'model', found nothing"),
        ({"train": {"steps": 7}}, "no section 'model', found train"),
        ({"model": 7}, "'model' is a section of settings, found 7"),
        ({"model": {"wide": 7}}, "no setting 'model.wide'"),
        ({"model": {"width": "7"}}, "model.width is '7', expected int"),
        ({"model": asdict(ModelConfig()) | {"width": 7}}, "expected a multiple of 8"),
    ],
)
def test_settings_that_are_no_networks_are_refused(table, said):
    with pytest.raises(DatasetError, match=said):
        model_from_table(table)
