"""The command writes what it promises, goes on where it stopped, and says what went wrong."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click import Option
from click.testing import CliRunner
from command_runs import bytes_of, files, mass13k_json
from lively_networks import lively_network, photo
from PIL import Image as PillowImage

from mass13k_tools.classes import MASS13K
from mass13k_tools.images import read_image, read_label_map
from mass13k_tools.ops.render import overlay
from massformer.checkpoint import LoadedModel, load_model, save_model
from massformer.config import load_config
from massformer.effects import bokeh, cutout
from massformer.inference import pipeline
from massformer.inference.predictor import Predictor, Wanted
from massformer.model import build_model
from massformer.predict import predict

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "network"
    save_model(folder, lively_network())
    return folder


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, size in enumerate([(64, 96), (70, 101), (20, 30)]):
        PillowImage.fromarray(photo(*size, seed=number)).save(folder / f"p{number}.png")
    return folder


def run(*arguments, code=0):
    result = CliRunner().invoke(predict, [*map(str, arguments), "--device", "cpu"])
    assert result.exit_code == code, result.output
    return result


def run_json(*arguments, code=0):
    return json.loads(run(*arguments, "--json", code=code).stdout)


def pixels(path):
    with PillowImage.open(path) as picture:
        return np.asarray(picture)


def no_network(*_):
    raise AssertionError("the network was asked")


# What is written


def test_label_maps_are_those_of_the_predictor(network, photos, tmp_path):
    run(network, photos, "--out", tmp_path / "out")
    assert sorted(files(tmp_path / "out")) == ["p0.png", "p1.png", "p2.png"]
    predictor = Predictor(load_model(network))
    for name, path in files(tmp_path / "out").items():
        expected = predictor.predict(read_image(photos / name)).label_map
        assert np.array_equal(read_label_map(path, MASS13K), expected)
        assert pixels(path).shape == expected.shape


def test_a_data_set_is_predicted_by_split_and_can_be_scored(network, tiny_dataset, tmp_path):
    out = tmp_path / "out"
    run(network, tiny_dataset, "--out", out, "--overlay")
    keys = {f"{path.parent.name}/{path.stem}" for path in tiny_dataset.glob("images/*/*")}
    assert {name for name in files(out) if not name.startswith("extras")} == {
        f"{key}.png" for key in keys
    }
    assert len(list(out.glob("extras/overlay/*/*.png"))) == 6
    scores = mass13k_json("evaluate", out, tiny_dataset)
    assert scores["images"] == 6


def test_one_split_of_a_data_set(network, tiny_dataset, tmp_path):
    run(network, tiny_dataset, "--split", "test", "--out", tmp_path / "out")
    assert list(files(tmp_path / "out")) == ["test/00006_b04_20230511_chengdu_id0300.png"]


def test_extras_are_made_of_the_same_prediction(network, photos, tmp_path):
    out = tmp_path / "out"
    effects = ("--effect", "bokeh", "--effect", "cutout", "--effect-class", "Vegetation")
    run(
        *(network, photos / "p1.png", "--out", out, "--probability", "--edges", "--overlay"),
        *(*effects, "--blur-px", 5),
    )
    image = read_image(photos / "p1.png")
    wanted = Wanted(tuple(range(7)), edges=True)
    made = Predictor(load_model(network)).predict(image, wanted)
    assert sorted(files(out)) == [
        *(f"extras/{kind}/p1.png" for kind in ("bokeh", "cutout", "edges", "overlay")),
        *("extras/probability/p1.npz", "p1.png"),
    ]
    extras = out / "extras"
    with np.load(extras / "probability" / "p1.npz") as arrays:
        assert np.array_equal(arrays["probability"], made.probabilities)
        assert arrays["ids"].tolist() == list(range(7))
        assert arrays["names"].tolist() == [row.name for row in MASS13K.classes]
    assert np.array_equal(pixels(extras / "edges" / "p1.png"), made.edges)
    painted = overlay(image, made.label_map, MASS13K.colours)
    assert np.array_equal(pixels(extras / "overlay" / "p1.png"), painted)
    trees = made.probabilities[3]
    assert np.array_equal(pixels(extras / "bokeh" / "p1.png"), bokeh(image, trees, radius_px=5))
    assert np.array_equal(pixels(extras / "cutout" / "p1.png"), cutout(image, trees))


def test_an_effect_alone_is_made_of_its_class(network, photos, tmp_path):
    run(network, photos / "p0.png", "--out", tmp_path / "out", "--effect", "cutout")
    image = read_image(photos / "p0.png")
    person = Predictor(load_model(network)).predict(image, Wanted((1,))).probabilities[0]
    found = pixels(tmp_path / "out" / "extras" / "cutout" / "p0.png")
    assert np.array_equal(found, cutout(image, person))


def test_label_maps_hold_the_raw_values_of_the_taxonomy(photos, tmp_path):
    raw = tuple(number - 10 if 10 <= number <= 16 else -1 for number in range(256))
    taxonomy = replace(MASS13K, lookup=raw)
    save_model(tmp_path / "network", lively_network(taxonomy=taxonomy))
    run(tmp_path / "network", photos / "p0.png", "--out", tmp_path / "out")
    expected = Predictor(lively_network()).predict(read_image(photos / "p0.png")).label_map
    assert np.array_equal(pixels(tmp_path / "out" / "p0.png"), expected + 10)
    found = read_label_map(tmp_path / "out" / "p0.png", taxonomy)
    assert np.array_equal(found, expected)


def test_a_class_without_raw_value_is_refused_before_anything_is_predicted(photos, tmp_path):
    raw = tuple(number if number < 6 else -1 for number in range(256))
    taxonomy = replace(MASS13K, lookup=raw)
    save_model(tmp_path / "network", lively_network(taxonomy=taxonomy))
    result = run(tmp_path / "network", photos, "--out", tmp_path / "out", code=1)
    assert "no raw value of taxonomy 'mass13k' stands for 'water'" in result.stderr


def test_a_part_is_predicted_as_if_it_were_the_image(network, photos, tmp_path):
    out = tmp_path / "out"
    run(network, photos / "p1.png", "--out", out, "--roi", "3,10,65,70", "--overlay")
    part = read_image(photos / "p1.png")[3:68, 10:80]
    expected = Predictor(load_model(network)).predict(np.ascontiguousarray(part)).label_map
    assert np.array_equal(pixels(out / "p1.png"), expected)
    assert pixels(out / "extras" / "overlay" / "p1.png").shape == (65, 70, 3)


def test_a_turned_photo_is_turned_only_where_its_label_map_is(network, tiny_dataset, tmp_path):
    image = next((tiny_dataset / "images" / "test").iterdir())
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.fromarray(np.rot90(pixels(image))).save(image, exif=exif, quality=95)
    run(network, tiny_dataset, "--split", "test", "--out", tmp_path / "turned")
    run(network, image, "--out", tmp_path / "stored")
    (turned,), (stored,) = (files(tmp_path / name).values() for name in ("turned", "stored"))
    assert pixels(turned).shape == (64, 96)
    assert pixels(stored).shape == (96, 64)


def test_settings_reach_the_network(network, photos, tmp_path):
    path = photos / "large.png"
    PillowImage.fromarray(photo(140, 150)).save(path)
    plain, tiled = (
        run_json(network, path, "--out", tmp_path / name, *more)
        for name, more in (("plain", ()), ("tiled", ("--tile", 128, "--tta", "flip,1.5")))
    )
    assert [each["images"][0]["tiles"] for each in (plain, tiled)] == [1, 4]
    assert bytes_of(tmp_path / "plain") != bytes_of(tmp_path / "tiled")
    small = run_json(network, path, "--out", tmp_path / "small", "--memory-gb", 64)
    assert small["images"][0]["tiles"] == 1
    run(network, path, "--out", tmp_path / "half", "--dtype", "bf16")


def test_time_and_memory_are_told(network, photos, tmp_path):
    made = run_json(network, photos, "--out", tmp_path / "out")
    assert made["peak_bytes"] > 2**26
    assert made["device_peak_bytes"] is None
    assert made["seconds_per_image"] > 0
    assert [(row["key"], row["height"], row["width"]) for row in made["images"]] == [
        ("p0", 64, 96),
        ("p1", 70, 101),
        ("p2", 20, 30),
    ]
    told = run(network, photos, "--out", tmp_path / "again").stdout
    assert f"3 images, 3 files in '{tmp_path / 'again'}'" in told
    assert "s per image, peak memory " in told


@pytest.mark.slow
def test_a_photo_of_4096x3072_takes_8_gib_at_most_in_one_piece(tmp_path):
    config = load_config("massformer").model
    save_model(tmp_path / "network", LoadedModel(build_model(config), config, MASS13K))
    PillowImage.fromarray(photo(3072, 4096)).save(tmp_path / "a.png")
    command = (sys.executable, "-m", "massformer.predict", "network", "a.png", "--out", "out")
    made = subprocess.run(
        [*command, "--json", "--device", "cpu", "--probability", "--edges", "--effect", "bokeh"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    outcome = json.loads(made.stdout)
    assert outcome["images"][0]["tiles"] == 1
    assert outcome["peak_bytes"] <= 8 * 2**30


# What is there already


def test_a_second_run_asks_the_network_nothing(network, photos, tmp_path, monkeypatch):
    everything = (network, photos, "--out", tmp_path / "out", "--probability", "--edges")
    run(*everything)
    before = bytes_of(tmp_path / "out")
    monkeypatch.setattr(Predictor, "predict", no_network)
    again = run_json(*everything)
    assert bytes_of(tmp_path / "out") == before
    assert [row["seconds"] for row in again["images"]] == [None] * 3
    assert again["seconds_per_image"] is None
    assert "3 of them were there already" in run(*everything).stdout


def test_a_run_that_was_stopped_goes_on(network, photos, tmp_path, monkeypatch):
    usual, seen = Predictor.predict, []

    def stopped(self, image, wanted):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(image.shape[:2])
        return usual(self, image, wanted)

    monkeypatch.setattr(Predictor, "predict", stopped)
    run(network, photos, "--out", tmp_path / "out", code=1)
    assert sorted(files(tmp_path / "out")) == ["p0.png", "p1.png"]
    seen.clear()
    run(network, photos, "--out", tmp_path / "out")
    assert seen == [(20, 30)]
    monkeypatch.setattr(Predictor, "predict", usual)
    run(network, photos, "--out", tmp_path / "whole")
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_what_is_missing_or_cut_short_is_made_again(network, photos, tmp_path):
    out = tmp_path / "out"
    run(network, photos, "--out", out, "--overlay", "--probability")
    before = bytes_of(out)
    (out / "p0.png").unlink()
    for damaged in (out / "p1.png", out / "extras" / "probability" / "p1.npz"):
        damaged.write_bytes(damaged.read_bytes()[:-20])
    run(network, photos, "--out", out, "--overlay", "--probability")
    assert bytes_of(out) == before


@pytest.mark.parametrize("more", [("--tta", "flip"), ("--roi", "0,0,20,20"), ("--dtype", "bf16")])
def test_files_of_other_settings_are_in_the_way(network, photos, tmp_path, more, monkeypatch):
    path, out = photos / "p0.png", tmp_path / "out"
    run(network, path, "--out", out)
    before = bytes_of(out)
    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "predict", no_network)  # it is said before time is spent
        result = run(network, path, "--out", out, *more, code=1)
    assert "1 of 1 failed" in result.stderr
    assert "is there already with other content; pass --overwrite" in result.stderr
    assert bytes_of(out) == before
    run(network, path, "--out", out, *more, "--overwrite")
    assert bytes_of(out) != before


def test_files_of_another_network_image_or_class_are_in_the_way(network, photos, tmp_path):
    path, out = photos / "p0.png", tmp_path / "out"
    effect = ("--effect", "cutout")
    run(network, path, "--out", out, *effect)
    other = lively_network()
    with torch.no_grad():
        other.model.mask_decoder.class_embed.bias[0] += 1
    save_model(tmp_path / "other", other)
    assert "--overwrite" in run(tmp_path / "other", path, "--out", out, code=1).stderr
    water = ("--effect-class", "water")
    assert "--overwrite" in run(network, path, "--out", out, *effect, *water, code=1).stderr
    run(network, path, "--out", out, *water)  # which a label map does not depend on
    PillowImage.fromarray(photo(64, 96, seed=9)).save(path)
    assert "--overwrite" in run(network, path, "--out", out, code=1).stderr


# What goes wrong


def test_bad_images_are_listed_and_do_not_stop_the_others(network, photos, tmp_path):
    (photos / "broken.jpg").write_bytes((photos / "p0.png").read_bytes()[:500])
    (photos / "old.heic").write_bytes(b"\0" * 100)
    made = run_json(network, photos, "--out", tmp_path / "out", code=1)
    assert len(made["images"]) == 3
    assert [failed["image"] for failed in made["failed"]] == [
        str(photos / "broken.jpg"),
        str(photos / "old.heic"),
    ]
    assert "holds no JPEG or PNG" in made["failed"][1]["reason"]
    result = run(network, photos, "--out", tmp_path / "out", code=1)
    assert "2 of 5 failed:\n" in result.stderr
    assert sorted(files(tmp_path / "out")) == ["p0.png", "p1.png", "p2.png"]


def test_a_part_outside_an_image_fails_for_that_image(network, photos, tmp_path):
    result = run(network, photos, "--out", tmp_path / "out", "--roi", "0,0,50,60", code=1)
    assert "1 of 3 failed" in result.stderr
    assert "p2.png: the part y 0, x 0, 50x60 is not inside the image, which is 20x30" in (
        result.stderr
    )
    assert sorted(files(tmp_path / "out")) == ["p0.png", "p1.png"]


def test_weights_beyond_all_numbers_are_an_error_that_names_the_image(photos, tmp_path):
    loaded = lively_network()
    with torch.no_grad():
        loaded.model.mask_decoder.query_feat.weight.fill_(3e38)
    save_model(tmp_path / "network", loaded)
    result = run(tmp_path / "network", photos / "p0.png", "--out", tmp_path / "out", code=1)
    assert "p0.png: the network's scores are not finite" in result.stderr
    assert not files(tmp_path / "out")


def test_what_cannot_be_written_is_listed(network, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "extras").write_text("a file where a folder should be")
    result = run(network, photos, "--out", tmp_path / "out", "--edges", code=1)
    assert "3 of 3 failed" in result.stderr
    assert "cannot write" in result.stderr


def test_a_fault_of_ours_while_writing_is_listed_too(network, photos, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(pipeline, "encoded", broken)
    result = run(network, photos / "p0.png", "--out", tmp_path / "out", code=1)
    assert "p0.png: unexpected ZeroDivisionError: a fault" in result.stderr


def test_images_are_never_written_over(network, photos, tmp_path):
    before = bytes_of(photos)
    result = run(network, photos, "--out", photos, "--overwrite", code=1)
    assert "is a file of the data set itself; choose another folder" in result.stderr
    assert bytes_of(photos) == before


def test_requests_that_make_no_sense_are_refused(network, photos, tmp_path):
    out = ("--out", tmp_path / "out")
    both = run(network, photos, *out, "--tile", 256, "--memory-gb", 4, code=2)
    assert "--tile and --memory-gb both say how large tiles are" in both.stderr
    assert "is not y,x,h,w" in run(network, photos, *out, "--roi", "1,2,3", code=2).stderr
    assert "is no view" in run(network, photos, *out, "--tta", "mirror", code=2).stderr
    person = run(network, photos, *out, "--effect", "bokeh", "--effect-class", "car", code=1)
    assert "no class 'car' in taxonomy 'mass13k'" in person.stderr
    little = run(network, photos, *out, "--memory-gb", 0.1, code=1)
    assert "102.4 MiB are too little for an image of 64x96, expected " in little.stderr
    assert not (tmp_path / "out").exists()


def test_edges_of_a_network_without_edge_head_are_refused_at_once(photos, tmp_path):
    save_model(tmp_path / "network", lively_network("model.egf=false"))
    arguments = (tmp_path / "network", photos, "--out", tmp_path / "out")
    assert "no edge head" in run(*arguments, "--edges", code=1).stderr
    run(*arguments)


def test_the_page_on_prediction_names_every_option_and_its_code_runs(
    network, photos, tmp_path, monkeypatch, capsys
):
    page = (ROOT / "docs" / "predict.md").read_text()
    for parameter in predict.params:
        if isinstance(parameter, Option):
            assert f"{parameter.opts[0]}" in page, parameter.opts
    monkeypatch.chdir(tmp_path)
    (tmp_path / "massformer-r50").symlink_to(network)
    (photos / "p1.png").rename(tmp_path / "me.jpg")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(code, "predict.md", "exec"), {})
    assert capsys.readouterr().out == "(70, 101) (1, 70, 101)\n"


def test_every_option_has_help():
    text = CliRunner().invoke(predict, ["--help"]).output
    assert "python -m massformer.predict" in text
    assert all(parameter.help for parameter in predict.params if isinstance(parameter, Option))
