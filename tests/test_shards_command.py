"""``mass13k shards``: what it lists, gives back and compares."""

import json
import os
import shutil
import uuid
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from command_runs import bytes_of, mass13k
from PIL import Image as PillowImage
from PIL import ImageOps
from shard_folders import kinds, make, make_all, members, shards, shards_json, tar_of

from mass13k_tools.images import png_bytes
from mass13k_tools.layouts import find_dataset
from mass13k_tools.shards.diff import KINDS as DIFFERENCES
from mass13k_tools.shards.findings import KINDS
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.taxonomy_file import read_taxonomy, shipped_taxonomy

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent / "shared" / "data" / "highres7"


@pytest.fixture
def made(tiny_dataset, tmp_path):
    return make_all(tiny_dataset, tmp_path / "shards")


# ls and info


def test_info_counts_shards_samples_and_bytes(made):
    info = shards_json("info", made)
    tars = sorted(made.glob("*.tar"))
    assert len(tars) == 4
    assert (info["shards"], info["samples"], info["seekable"]) == (4, 6, 6)
    assert info["bytes"] == sum(path.stat().st_size for path in tars)
    assert {split: row["samples"] for split, row in info["split"].items()} == {
        "train": 3,
        "val": 2,
        "test": 1,
    }
    assert info["split"]["train"]["shards"] == 2
    index = json.loads((made / "index.json").read_text())
    for split, row in index["splits"].items():
        for name in ("samples", "bytes", "seekable"):
            assert info["split"][split][name] == row[name]
        assert info["split"][split]["mipq"]["mean"] == pytest.approx(row["mipq"]["mean"])
        assert info["split"][split]["mipq"]["std"] == pytest.approx(row["mipq"]["std"])
    text = shards("info", made).output
    assert "train: 3 samples in 2 shards" in text and "4 shards in" in text


def test_info_of_a_tar_without_index(made):
    info = shards_json("info", tar_of(made))
    assert (info["shards"], info["samples"], info["taxonomy"]) == (1, 2, None)
    assert list(info["split"]) == ["all"]
    assert "no index" in shards("info", tar_of(made)).output


def test_ls_lists_samples_and_members(made):
    rows = shards_json("ls", made)["samples"]
    assert [(row["split"], row["key"]) for row in rows] == [
        (sample.split, sample.key) for sample in ShardSet.open(made).samples
    ]
    assert {(row["height"], row["width"], row["seekable"]) for row in rows} == {(64, 96, True)}
    offset, size = rows[0]["members"]["label.png"]
    content = (made / rows[0]["shard"]).read_bytes()[offset : offset + size]
    assert content == members(made / rows[0]["shard"])[f"{rows[0]['key']}.label.png"]
    assert shards("ls", tar_of(made), "--members").output.splitlines() == list(
        members(tar_of(made))
    )
    lines = shards("ls", made, "--split", "val").output.splitlines()
    assert len(lines) == 2 and all(line.startswith("val/") and "64x96" in line for line in lines)


# extract


@pytest.mark.parametrize("jobs", [1, 2])
def test_extract_gives_the_data_set_back(made, tiny_dataset, tmp_path, jobs):
    out = tmp_path / "again"
    table = shards_json("extract", made, out, jobs=jobs)
    assert (table["samples"], table["failures"], table["classes"]) == (6, [], None)
    assert [(each.split, each.key) for each in find_dataset(out).samples] == [
        (each.split, each.key) for each in find_dataset(tiny_dataset).samples
    ]
    assert sorted(bytes_of(out)) == sorted(bytes_of(tiny_dataset))
    assert shards_json("diff", tiny_dataset, out)["equal"]
    assert table["bytes"] == sum(map(len, bytes_of(out).values()))
    assert mass13k("check", out, "--jobs", 1).exit_code == 0


def test_copied_shards_give_the_same_bytes_back(tiny_dataset, tmp_path):
    folder = make(tiny_dataset, tmp_path / "copied", "--copy")
    assert shards("extract", folder, tmp_path / "again").exit_code == 0
    assert bytes_of(tmp_path / "again") == bytes_of(tiny_dataset)


def test_a_second_run_writes_only_what_is_missing(made, tmp_path):
    out = tmp_path / "again"
    assert shards("extract", made, out).exit_code == 0
    before = bytes_of(out)
    gone, *others = sorted(path for path in out.rglob("*") if path.is_file())
    gone.unlink()
    for path in others:
        os.utime(path, (1, 1))
    assert shards("extract", made, out).exit_code == 0
    assert bytes_of(out) == before
    assert all(path.stat().st_mtime == 1 for path in others)


def test_other_files_in_the_way_are_replaced_only_when_asked(made, tmp_path):
    out = tmp_path / "again"
    assert shards("extract", made, out).exit_code == 0
    before = bytes_of(out)
    victim = next((out / "annotations" / "val").iterdir())
    victim.write_bytes(b"mine")
    result = shards("extract", made, out)
    assert result.exit_code == 1 and "1 of 6 failed" in result.output
    assert f"val/{victim.stem}" in result.output and "--overwrite" in result.output
    assert victim.read_bytes() == b"mine"
    assert shards("extract", made, out, "--overwrite").exit_code == 0
    assert bytes_of(out) == before


def test_extract_takes_one_split(made, tmp_path):
    assert shards("extract", made, tmp_path / "out", "--split", "val").exit_code == 0
    assert {sample.split for sample in find_dataset(tmp_path / "out").samples} == {"val"}


def test_classes_other_than_mass13ks_come_with_the_data_set(tmp_path):
    root, out = tmp_path / "binary", tmp_path / "again"
    for folder in ("images", "annotations"):
        (root / folder).mkdir(parents=True)
    values = np.zeros((40, 50), np.uint8)
    values[10:] = 255
    PillowImage.new("RGB", (50, 40)).save(root / "images" / "a.png")
    (root / "annotations" / "a.png").write_bytes(png_bytes(values))
    classes = resources.files("mass13k_tools") / "taxonomies" / "binary.toml"
    folder = make(root, tmp_path / "shards", "--classes", classes)
    table = shards_json("extract", folder, out)
    assert read_taxonomy(Path(table["classes"])) == shipped_taxonomy("binary")
    assert "--classes" in shards("extract", folder, out).output
    assert mass13k("check", out, "--classes", table["classes"], "--jobs", 1).exit_code == 0
    assert shards_json("diff", root, out)["equal"]
    assert (out / "images" / "all" / "a.png").read_bytes() == (root / "images/a.png").read_bytes()


@pytest.mark.parametrize("kind", ["memory", "s3"])
def test_shards_far_away_are_verified_extracted_and_compared(
    made, tiny_dataset, tmp_path, kind, request
):
    pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    base = request.getfixturevalue("s3_address") if kind == "s3" else "memory:/"
    address = f"{base}/{uuid.uuid4()}"
    for path in made.rglob("*"):
        if path.is_file():
            Place.of(f"{address}/{path.relative_to(made)}").write(path.read_bytes())
    assert shards_json("info", address)["samples"] == 6
    assert kinds(address, "--deep") == set()
    assert shards("extract", address, tmp_path / "again").exit_code == 0
    assert shards_json("diff", address, tiny_dataset)["equal"]
    assert shards_json("diff", tmp_path / "again", address)["equal"]
    assert shards_json("info", f"{address}/{tar_of(made).name}")["samples"] == 2
    Place.of(f"{address}/{tar_of(made).name}").write(tar_of(made).read_bytes()[:9000])
    assert "damaged-tar" in kinds(address)
    Place.of(f"{address}/{tar_of(made).name}").remove()
    assert kinds(address) == {"missing-shard"}


# diff


def test_a_data_set_its_shards_and_its_copies_are_equal(made, tiny_dataset, tmp_path):
    copied = make(tiny_dataset, tmp_path / "copied", "--copy")
    for a, b in ((tiny_dataset, made), (made, copied), (copied, tiny_dataset), (made, made)):
        table = shards_json("diff", a, b)
        assert table == {"equal": True, "samples": 6, "differences": []}
    assert shards_json("diff", made, tiny_dataset, jobs=2)["equal"]
    assert "6 samples in both: equal" in shards("diff", made, tiny_dataset).output


def test_equal_files_are_not_decoded(tiny_dataset, tmp_path):
    for path in tiny_dataset.rglob("*.*"):
        path.write_bytes(b"no picture")
    shutil.copytree(tiny_dataset, tmp_path / "copy")
    assert shards_json("diff", tiny_dataset, tmp_path / "copy")["equal"]


def test_images_are_compared_as_they_lie_on_their_label_maps(tmp_path):
    picture = PillowImage.effect_mandelbrot((50, 40), (-3, -2.5, 2, 2.5), 50).convert("RGB")
    for name in ("turned", "upright"):
        for kind in ("images", "annotations"):
            (tmp_path / name / kind).mkdir(parents=True)
        labels = png_bytes(np.zeros((50, 40), np.uint8))
        (tmp_path / name / "annotations" / "a.png").write_bytes(labels)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    turned = tmp_path / "turned" / "images" / "a.jpg"
    picture.save(turned, exif=exif)
    upright = ImageOps.exif_transpose(PillowImage.open(turned))
    upright.save(tmp_path / "upright" / "images" / "a.png")
    folder = make(tmp_path / "turned", tmp_path / "shards")
    for a in (tmp_path / "turned", folder):
        assert shards_json("diff", a, tmp_path / "upright")["equal"]
    upright.transpose(PillowImage.Transpose.ROTATE_180).save(tmp_path / "upright/images/a.png")
    assert set(differences(folder, tmp_path / "upright")) == {("image", "all", "a")}


def differences(a, b, *options):
    table = shards_json("diff", a, b, *options, exit_code=1)
    assert not table["equal"]
    return {
        (each["kind"], each["split"], each["key"]): each["found"] for each in table["differences"]
    }


def test_a_pixel_that_differs_is_named(made, tiny_dataset):
    key = "00004_b03_20230402_hangzhou_id0211"
    path = tiny_dataset / "annotations" / "val" / f"{key}.png"
    labels = np.asarray(PillowImage.open(path)).copy()
    before = int(labels[7, 9])
    labels[7, 9] = 3
    labels[60, 90] = labels[60, 90] ^ 1
    path.write_bytes(png_bytes(labels))
    found = f"2 of 6144 pixels, first at row 7, column 9: 3 and {before}"
    assert differences(tiny_dataset, made) == {("label", "val", key): found}
    image_path = tiny_dataset / "images" / "val" / f"{key}.jpg"
    PillowImage.open(image_path).crop((0, 0, 95, 64)).save(image_path, quality=95)
    found = differences(made, tiny_dataset)
    assert found["image", "val", key] == "64x96 and 64x95 pixels"
    image_path.write_bytes(b"no image")
    assert ("unreadable", "val", key) in differences(made, tiny_dataset)
    lines = shards("diff", made, tiny_dataset).output
    assert f"label val/{key}: 2 of 6144" in lines and "2 differences" in lines


def test_samples_of_one_side_only_are_named(made, tiny_dataset):
    key = "00004_b03_20230402_hangzhou_id0211"
    (tiny_dataset / "images" / "val" / f"{key}.jpg").unlink()
    assert set(differences(made, tiny_dataset)) == {("only-in-a", "val", key)}
    assert set(differences(tiny_dataset, made)) == {("only-in-b", "val", key)}
    assert shards_json("diff", made, tiny_dataset, "--split", "train")["samples"] == 3


def test_label_values_that_mean_other_classes_are_a_difference(made, tiny_dataset, tmp_path):
    names = "\n".join(f'[[classes]]\nid = {n}\nname = "class {n}"' for n in range(7))
    (tmp_path / "other.toml").write_text(f'name = "other"\n{names}\n')
    other = make(tiny_dataset, tmp_path / "other", "--classes", tmp_path / "other.toml")
    assert set(differences(made, other)) == {("taxonomy", "", "")}


def test_split_lists_of_a_folder_are_applied(tiny_dataset, tmp_path):
    root = tmp_path / "flat"
    for kind in ("images", "annotations"):
        (root / kind).mkdir(parents=True)
        for path in (tiny_dataset / kind).rglob("*.*"):
            shutil.copy(path, root / kind / path.name)
    result = mass13k("split", "draw", root, "--out", tmp_path / "lists")
    assert result.exit_code == 0, result.output
    lists = ("--lists", tmp_path / "lists")
    folder = make(root, tmp_path / "shards", *lists)
    assert shards_json("diff", root, folder, *lists)["equal"]
    assert len(differences(root, folder)) == 12  # without lists all are in the split 'all'


# errors and words


@pytest.mark.parametrize("command", ["ls", "info", "extract", "diff"])
def test_nothing_to_read_is_one_line(tmp_path, command):
    others = (tmp_path / "out",) if command in ("extract", "diff") else ()
    result = shards(command, tmp_path / "nowhere", *others)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and result.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_page_on_shards_lists_every_problem_and_difference():
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("shards*.md"))
    for kind, meaning in (KINDS | DIFFERENCES).items():
        assert f"| `{kind}` | {meaning} |" in pages


@pytest.mark.skipif(not REAL.is_dir(), reason="no real photos at ../shared/data/highres7")
def test_real_photos_come_back_pixel_by_pixel(tmp_path):
    folder = make(REAL, tmp_path / "shards")
    assert kinds(folder, "--deep") == set()
    assert shards("extract", folder, tmp_path / "again").exit_code == 0
    assert shards_json("diff", REAL, tmp_path / "again")["equal"]
