"""``mass13k pseudo merge`` and ``undo``, and what other commands make of a merged data set."""

import json
from pathlib import Path
from typing import get_args

import click
import numpy as np
import pytest
from command_runs import bytes_of, mass13k, mass13k_json
from conftest import STEMS
from PIL import Image as PillowImage

from mass13k_tools.classes import MASS13K, SemanticClass, Taxonomy
from mass13k_tools.cli import main
from mass13k_tools.images import read_label_map
from mass13k_tools.layouts import find_dataset
from mass13k_tools.loader.open_source import open_source
from mass13k_tools.ops.claims import FATES
from mass13k_tools.provenance import read_provenance
from mass13k_tools.pseudo.choosing import Policy
from mass13k_tools.pseudo.masks import ImageMasks, pseudo_mask
from mass13k_tools.pseudo.merged_files import Photos
from mass13k_tools.pseudo.new_classes import with_new_classes
from mass13k_tools.pseudo.stored import write_masks
from mass13k_tools.shards.plan import ShardSettings, plan_shards
from mass13k_tools.taxonomy_file import taxonomy_toml

# pycocotools 2.0.11 decodes into arrays in a way that numpy 2 warns of

A, B, C = STEMS["train"]
SIZE = (64, 96)
CAR, TRUCK = np.s_[6:40, 20:62], np.s_[30:58, 36:90]  # over sky, wires, building, tree, ground


def box_mask(box, **about):
    mask = np.zeros(SIZE, bool)
    mask[box] = True
    return pseudo_mask(mask, **about)


def put_masks(folder, *masks, key=A, split="train", size_hw=SIZE):
    path = folder / split / f"{key}.masks.json"
    write_masks(path, ImageMasks(key, size_hw, masks), overwrite=True)
    return folder


@pytest.fixture
def masks(tmp_path):
    """A car in two photos and a truck that overlaps it in one; the others have no masks."""
    car = box_mask(CAR, class_name="sedan", mask_score=0.9, source="sam, car")
    truck = box_mask(
        TRUCK, class_name="truck", mask_score=0.6, detector_score=0.4, source="sam, truck"
    )
    put_masks(tmp_path / "masks", car, truck)
    return put_masks(tmp_path / "masks", car, key=STEMS["val"][0], split="val")


def merge(root, masks, out, *arguments, code=0):
    arguments = arguments or ("--class", "car", "--map", "sedan=car")
    return mass13k_json(
        "pseudo", "merge", root, masks, "--out", out, "--jobs", 1, *arguments, code=code
    )


def undo(root, out, *names):
    classes = [part for name in names for part in ("--class", name)]
    return mass13k_json("pseudo", "undo", root, "--out", out, "--jobs", 1, *classes)


def labels(root):
    data = find_dataset(root)
    return {each.key: read_label_map(each.label_path, data.taxonomy) for each in data.samples}


def pixels_of(root):
    """Give the pixels of every PNG of label maps by place, whatever their bytes."""
    return {
        path.relative_to(root): np.asarray(PillowImage.open(path)).tolist()
        for path in (root / "annotations").rglob("*.png")
    }


def test_a_new_class_is_taken_out_of_class_0_alone(tiny_dataset, masks, tmp_path):
    before = labels(tiny_dataset)
    found = merge(tiny_dataset, masks, tmp_path / "out")
    after = labels(tmp_path / "out")
    for key, old in before.items():
        car = np.zeros(SIZE, bool)
        if key in (A, STEMS["val"][0]):
            car[CAR] = old[CAR] == 0
        assert car.any() == (key in (A, STEMS["val"][0]))
        np.testing.assert_array_equal(after[key], np.where(car, 7, old))
    assert found["pixels"]["car"]["added"] == sum((each == 7).sum() for each in after.values())
    assert found["pixels"]["car"]["denied_precise"] > 0
    assert found["dropped"] == {"class": 1}


def test_the_new_data_set_is_opened_without_a_word_about_its_classes(tiny_dataset, masks, tmp_path):
    merge(tiny_dataset, masks, tmp_path / "out")
    data = find_dataset(tmp_path / "out")
    car = data.taxonomy.classes[-1]
    assert car == SemanticClass(7, "car", (), car.colour, "pseudo")
    assert data.taxonomy.classes[:-1] == MASS13K.classes
    source = open_source(tmp_path / "out", split="train")
    assert 7 in source.label_region(0, (0, 0, *SIZE))
    assert source.taxonomy == data.taxonomy
    stats = mass13k_json("stats", tmp_path / "out", "--jobs", 1)
    assert next(row for row in stats["images"] if row["key"] == A)["pixels"]["car"] > 0
    assert mass13k_json("check", tmp_path / "out", "--jobs", 1)["problems"] == []


def test_photos_are_links_to_the_photos_themselves_even_of_links(tiny_dataset, masks, tmp_path):
    merge(tiny_dataset, masks, tmp_path / "one")
    merge(tmp_path / "one", masks, tmp_path / "two", "--class", "truck")
    link = tmp_path / "two" / "images" / "train" / f"{A}.jpg"
    assert link.readlink() == Path(f"../../../tiny/images/train/{A}.jpg")


@pytest.mark.parametrize(("photos", "links"), [("hardlink", 2), ("copy", 1)])
def test_photos_can_be_hard_links_or_copies(tiny_dataset, masks, tmp_path, photos, links):
    arguments = ("--class", "truck", "--photos", photos)
    for _ in range(2):
        merge(tiny_dataset, masks, tmp_path / "out", *arguments)
    path = tmp_path / "out" / "images" / "train" / f"{A}.jpg"
    assert not path.is_symlink() and path.stat().st_nlink == links
    assert path.read_bytes() == (tiny_dataset / "images" / "train" / f"{A}.jpg").read_bytes()


def test_provenance_says_who_wrote_each_pixel_and_what_it_was(tiny_dataset, masks, tmp_path):
    out = tmp_path / "out"
    both = ("--class", "car", "--class", "truck", "--map", "sedan=car", "--over", "sky")
    merge(tiny_dataset, masks, out, *both)
    before, after = labels(tiny_dataset)[A], labels(out)[A]
    sample = next(each for each in find_dataset(out).samples if each.key == A)
    provenance, record = read_provenance(sample)
    np.testing.assert_array_equal(provenance > 0, before != after)
    assert {(one.name, one.source, one.was) for one in record.sources} == {
        ("car", "sam, car", 0),
        ("car", "sam, car", 5),
        ("truck", "sam, truck", 0),
        ("truck", "sam, truck", 5),
    }
    for one in record.sources:
        mine = provenance == one.number
        assert (after[mine] == one.class_id).all() and (before[mine] == one.was).all()
        assert (one.pixels, one.ignored) == (mine.sum(), 0)


def test_counts_of_the_report_add_up_by_image_and_in_total(tiny_dataset, masks, tmp_path):
    arguments = ("--class", "car", "--class", "truck", "--map", "sedan=car", "--ignore-band", "2")
    found = merge(tiny_dataset, masks, tmp_path / "out", *arguments, "--policy", "ignore-conflict")
    rows = [image["pixels"] for image in found["images"] if "pixels" in image]
    assert len(rows) == found["merged_images"] == 2
    for pixels in (*rows, found["pixels"]):
        for counts in pixels.values():
            assert sum(counts[fate] for fate in FATES) == counts["area"]
    for name, total in found["pixels"].items():
        assert total == {count: sum(row[name][count] for row in rows) for count in total}
    assert found["pixels"]["truck"]["conflict"] > 0 and found["pixels"]["car"]["ring"] > 0
    kept = json.loads((tmp_path / "out" / "merge.json").read_bytes())
    assert kept["merges"][0]["pixels"] == found["pixels"]
    after, before = labels(tmp_path / "out"), labels(tiny_dataset)
    ignored = sum(((after[key] == 255) & (before[key] != 255)).sum() for key in after)
    said = sum(one["ignored"] for image in found["images"] for one in image["sources"])
    assert ignored == said > 0


@pytest.mark.parametrize(
    ("policy", "winner"),
    [
        *(("others-only", 7), ("last", 8), ("score", 7), ("large-first", 8), ("small-first", 7)),
        *(("priority", 8), ("ignore-conflict", 255)),
    ],
)
def test_policies_decide_about_pixels_that_two_classes_want(
    tiny_dataset, masks, tmp_path, policy, winner
):
    order = ("--priority", "truck") if policy == "priority" else ()
    arguments = ("--class", "car", "--class", "truck", "--map", "sedan=car", "--policy", policy)
    merge(tiny_dataset, masks, tmp_path / "out", *arguments, *order)
    both = np.zeros((2, *SIZE), bool)
    both[0][CAR] = both[1][TRUCK] = True
    contested = both.all(axis=0) & (labels(tiny_dataset)[A] == 0)
    assert contested.any()
    assert set(labels(tmp_path / "out")[A][contested].tolist()) == {winner}


@pytest.mark.parametrize(
    ("over", "taken"), [((), {0}), (("ground", "ignore"), {0, 4, 255}), (("ground",), {0, 4})]
)
def test_precise_classes_and_255_are_overwritten_only_on_request(
    tiny_dataset, tmp_path, over, taken
):
    masks = put_masks(tmp_path / "masks", box_mask(np.s_[10:64, 0:60], class_name="car"))
    before = labels(tiny_dataset)[A]
    options = [part for name in over for part in ("--over", name)]
    merge(tiny_dataset, masks, tmp_path / "out", "--class", "car", *options)
    after = labels(tmp_path / "out")[A]
    assert {*np.unique(before[after == 7])} == taken
    np.testing.assert_array_equal(after != before, after == 7)


def test_a_second_class_gets_the_next_id_and_takes_nothing_from_the_first(
    tiny_dataset, masks, tmp_path
):
    merge(tiny_dataset, masks, tmp_path / "one")
    found = merge(tmp_path / "one", masks, tmp_path / "two", "--class", "truck")
    assert find_dataset(tmp_path / "two").taxonomy.find("truck").id == 8
    one, two = labels(tmp_path / "one")[A], labels(tmp_path / "two")[A]
    np.testing.assert_array_equal(one == 7, two == 7)
    assert (two == 8).any()
    assert found["pixels"]["truck"]["denied_pseudo"] > 0
    kept = json.loads((tmp_path / "two" / "merge.json").read_bytes())
    assert [merge["settings"]["classes"] for merge in kept["merges"]] == [["car"], ["truck"]]


@pytest.mark.parametrize("band", [0, 2])
def test_merging_the_same_again_changes_nothing(tiny_dataset, masks, tmp_path, band):
    arguments = ("--class", "car", "--map", "sedan=car", "--ignore-band", band)
    merge(tiny_dataset, masks, tmp_path / "one", *arguments)
    first = bytes_of(tmp_path / "one")
    again = merge(tiny_dataset, masks, tmp_path / "one", *arguments)
    assert again["known"] == 6 and bytes_of(tmp_path / "one") == first
    merge(tmp_path / "one", masks, tmp_path / "two", *arguments)
    second = bytes_of(tmp_path / "two")
    assert second.keys() == first.keys()
    for name in first:
        if not name.endswith(".json"):  # records say what they were made from, which is "one" now
            assert second[name] == first[name], name
    assert second["merge.json"] == first["merge.json"]


def test_undo_restores_every_label_map_bit_for_bit(tiny_dataset, masks, tmp_path):
    arguments = ("--over", "sky", "--over", "ignore", "--ignore-band", 2)
    merge(tiny_dataset, masks, tmp_path / "one", "--class", "car", "--map", "sedan=car", *arguments)
    merge(tmp_path / "one", masks, tmp_path / "two", "--class", "truck", *arguments)
    before = pixels_of(tiny_dataset)
    assert before != pixels_of(tmp_path / "one") != pixels_of(tmp_path / "two")

    undo(tmp_path / "two", tmp_path / "one-again", "truck")
    assert pixels_of(tmp_path / "one-again") == pixels_of(tmp_path / "one")
    assert find_dataset(tmp_path / "one-again").taxonomy == find_dataset(tmp_path / "one").taxonomy
    one, again = (bytes_of(tmp_path / name) for name in ("one", "one-again"))
    assert {n: b for n, b in one.items() if n.endswith(".png")} == {
        n: b for n, b in again.items() if n.endswith(".png")
    }
    assert one["merge.json"] == again["merge.json"]

    found = undo(tmp_path / "two", tmp_path / "none", "car", "truck")
    assert found["classes"] == [] and found["pixels"] > 0
    assert pixels_of(tmp_path / "none") == before
    assert find_dataset(tmp_path / "none").taxonomy == MASS13K
    assert not (tmp_path / "none" / "provenance").exists()


def test_a_class_can_be_undone_though_another_came_later_or_with_it(tiny_dataset, masks, tmp_path):
    both = ("--class", "car", "--class", "truck", "--map", "sedan=car")
    merge(tiny_dataset, masks, tmp_path / "both", *both)
    undo(tmp_path / "both", tmp_path / "truck", "car")
    before, merged, left = (labels(tmp_path / n)[A] for n in ("tiny", "both", "truck"))
    np.testing.assert_array_equal(left, np.where(merged == 7, before, merged))
    assert mass13k_json("check", tmp_path / "truck", "--jobs", 1)["problems"] == []
    again = merge(tmp_path / "truck", masks, tmp_path / "again", *both)
    assert again["pixels"]["car"]["added"] > 0  # what was undone may come again
    assert (labels(tmp_path / "again")[A] == 9).sum() == (merged == 7).sum()


def test_a_killed_run_goes_on_and_a_damaged_file_is_written_anew(tiny_dataset, masks, tmp_path):
    out = tmp_path / "out"
    merge(tiny_dataset, masks, out)
    whole = bytes_of(out)
    (out / "merge.json").unlink()
    (out / "provenance" / "train" / f"{A}.json").unlink()  # killed before the record
    (out / "images" / "train" / f"{B}.jpg").unlink()
    label = out / "annotations" / "train" / f"{C}.png"
    label.write_bytes(label.read_bytes()[:-30])
    (label.parent / ".a1b2_3c4.part").write_bytes(b"half")
    assert merge(tiny_dataset, masks, out)["known"] == 4
    assert bytes_of(out) == whole


def test_other_masks_or_settings_need_overwrite(tiny_dataset, masks, tmp_path):
    out = tmp_path / "out"
    merge(tiny_dataset, masks, out)
    before = bytes_of(out)
    arguments = ("--class", "car", "--map", "sedan=car", "--min-area", 5000)
    found = merge(tiny_dataset, masks, out, *arguments, code=1)
    assert len(found["failures"]) == 6 and "--overwrite" in found["failures"][0]["reason"]
    assert bytes_of(out) == before
    merge(tiny_dataset, masks, out, *arguments, "--overwrite")
    assert pixels_of(out) == pixels_of(tiny_dataset)


def test_a_dry_run_says_the_same_and_writes_nothing(tiny_dataset, masks, tmp_path):
    out = tmp_path / "out"
    arguments = ("--class", "car", "--map", "sedan=car", "--ignore-band", 1)
    dry = merge(tiny_dataset, masks, out, *arguments, "--dry-run")
    assert not out.exists()
    wet = merge(tiny_dataset, masks, out, *arguments)
    assert {**wet, "dry_run": True} == dry
    result = mass13k("pseudo", "undo", out, "--class", "car", "--out", tmp_path / "u", "--dry-run")
    assert result.exit_code == 0 and not (tmp_path / "u").exists()


def test_it_is_the_same_for_two_processes(tiny_dataset, masks, tmp_path):
    one = merge(tiny_dataset, masks, tmp_path / "one")
    two = merge(
        tiny_dataset,
        masks,
        tmp_path / "two",
        *("--class", "car", "--map", "sedan=car"),
        "--jobs",
        2,
    )
    assert one | {"out": ""} == two | {"out": ""}
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_masks_of_another_photo_fail_alone(tiny_dataset, masks, tmp_path):
    put_masks(masks, key=B, size_hw=(96, 64))
    wrong = put_masks(tmp_path / "other", key=A) / "train" / f"{A}.masks.json"
    wrong.rename(masks / "train" / f"{C}.masks.json")
    found = merge(tiny_dataset, masks, tmp_path / "out", code=1)
    reasons = {row["sample"]: row["reason"] for row in found["failures"]}
    assert reasons.keys() == {f"train/{B}", f"train/{C}"}
    assert "96x64" in reasons[f"train/{B}"] and A in reasons[f"train/{C}"]
    assert not (tmp_path / "out" / "merge.json").exists()
    assert (labels(tmp_path / "out")[A] == 7).any()


def test_masks_of_no_photo_are_named(tiny_dataset, masks, tmp_path):
    put_masks(masks, key="nobody")
    found = merge(tiny_dataset, masks, tmp_path / "out")
    assert found["unused"] == [str(masks / "train" / "nobody.masks.json")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--class", "sky"), "already"),
        (("--class", "others"), "already"),
        (("--class", "car", "--id", "3"), "'tree'"),
        (("--class", "car", "--id", "255"), "0..254"),
        (("--class", "car", "--id", "7", "--id", "8"), "once for each"),
        (("--class", "ignore"), "cannot be the name"),
        (("--class", "car", "--over", "lorry"), "no class 'lorry'"),
        (("--class", "car", "--map", "sedan=bus"), "none of the classes"),
        (("--class", "car", "--priority", "car"), "--policy"),
        (("--class", "car", "--min-score", "nan"), "0 to 1"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(tiny_dataset, masks, tmp_path, arguments, said):
    out = tmp_path / "out"
    result = mass13k("pseudo", "merge", tiny_dataset, masks, "--out", out, *arguments)
    assert result.exit_code == 1 and said in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not out.exists()


def test_the_data_set_itself_is_never_written_into(tiny_dataset, masks):
    before = bytes_of(tiny_dataset)
    for out in (tiny_dataset, tiny_dataset / "..", tiny_dataset / "annotations" / ".."):
        result = mass13k("pseudo", "merge", tiny_dataset, masks, "--class", "car", "--out", out)
        assert result.exit_code == 1 and "holds the data set itself" in result.stderr
    assert bytes_of(tiny_dataset) == before


def test_a_folder_without_masks_leads_to_import(tiny_dataset, tmp_path):
    arguments = ("--class", "car", "--out", tmp_path / "out")
    result = mass13k("pseudo", "merge", tiny_dataset, tmp_path, *arguments)
    assert result.exit_code == 1 and "pseudo import" in result.stderr


def test_what_no_provenance_explains_cannot_be_undone(tiny_dataset, masks, tmp_path):
    merge(tiny_dataset, masks, tmp_path / "out")
    label = tmp_path / "out" / "annotations" / "train" / f"{B}.png"
    values = np.asarray(PillowImage.open(label)).copy()
    values[0, 0] = 7
    PillowImage.fromarray(values).save(label)
    result = mass13k("pseudo", "undo", tmp_path / "out", "--class", "car", "--out", tmp_path / "u")
    assert result.exit_code == 1 and B in result.stderr and "nobody knows" in result.stderr
    result = mass13k("pseudo", "undo", tmp_path / "out", "--class", "sky", "--out", tmp_path / "u")
    assert result.exit_code == 1 and "no merged class" in result.stderr


def test_label_files_with_other_raw_values_become_class_ids(tiny_dataset, masks, tmp_path):
    lookup = [-1] * 256
    lookup[10:17] = range(7)
    lookup[255] = 255
    classes = tmp_path / "raw.toml"
    classes.write_text(taxonomy_toml(Taxonomy("raw", MASS13K.classes, tuple(lookup))))
    before = labels(tiny_dataset)
    for path in (tiny_dataset / "annotations").rglob("*.png"):
        values = np.asarray(PillowImage.open(path))
        PillowImage.fromarray(np.where(values == 255, 255, values + 10).astype(np.uint8)).save(path)
    merge(tiny_dataset, masks, tmp_path / "out", "--class", "truck", "--classes", classes)
    after = labels(tmp_path / "out")
    for key, label_map in after.items():
        np.testing.assert_array_equal(label_map[label_map != 7], before[key][label_map != 7])


def test_show_draws_who_wrote_what(tiny_dataset, masks, tmp_path):
    merge(tiny_dataset, masks, tmp_path / "out")
    look = ("--layers", "provenance", "--pairs", "--side", 0)
    [name] = mass13k_json("show", tmp_path / "out", A, *look, "--out", tmp_path / "p")["pictures"]
    picture = np.asarray(PillowImage.open(name)).astype(int)
    car = labels(tmp_path / "out")[A] == 7
    np.testing.assert_array_equal(np.ptp(picture, axis=2) > 0, car)  # colours there, grey elsewhere
    mass13k_json(
        "show", tmp_path / "out", A, "--layers", "image,provenance", "--out", tmp_path / "p"
    )
    result = mass13k("show", tiny_dataset, A, *look, "--out", tmp_path / "p")
    assert result.exit_code == 1 and "no provenance map" in result.stderr


@pytest.mark.parametrize("how", [(), ("--copy",)])
def test_provenance_goes_through_shards_and_back(tiny_dataset, masks, tmp_path, how):
    merged, shards, back = (tmp_path / name for name in ("out", "shards", "back"))
    merge(tiny_dataset, masks, merged)
    assert mass13k("shard", merged, shards, "--jobs", 1, *how).exit_code == 0
    assert mass13k_json("shards", "verify", shards, "--deep", "--jobs", 1)["ok"]
    assert mass13k("shards", "extract", shards, back, "--jobs", 1).exit_code == 0
    one, two = bytes_of(merged), bytes_of(back)
    kept = [name for name in one if name.startswith("provenance")]
    assert len(kept) == 12 and {n: one[n] for n in kept} == {n: two.get(n) for n in kept}
    assert find_dataset(back).taxonomy == find_dataset(merged).taxonomy
    undo(back, tmp_path / "restored", "car")
    assert pixels_of(tmp_path / "restored") == pixels_of(tiny_dataset)


def test_a_provenance_map_of_another_label_map_does_not_go_into_shards(
    tiny_dataset, masks, tmp_path
):
    merge(tiny_dataset, masks, tmp_path / "out")
    folder = tmp_path / "out" / "provenance" / "train"
    for ending in ("png", "json"):
        (folder / f"{B}.{ending}").write_bytes((folder / f"{A}.{ending}").read_bytes())
    result = mass13k("shard", tmp_path / "out", tmp_path / "shards", "--jobs", 1)
    assert result.exit_code == 1 and B in result.stderr and "provenance" in result.stderr
    copied = tmp_path / "copied"
    assert mass13k("shard", tmp_path / "out", copied, "--copy", "--jobs", 1).exit_code == 0
    found = mass13k_json("shards", "verify", copied, "--deep", "--jobs", 1, code=1)
    assert {(row["kind"], row["key"]) for row in found["problems"]} == {("wrong-provenance", B)}


@pytest.mark.parametrize("ending", ["png", "json"])
def test_a_changed_provenance_map_or_record_makes_another_shard(
    tiny_dataset, masks, tmp_path, ending
):
    merge(tiny_dataset, masks, tmp_path / "out")

    def digests():
        data = find_dataset(tmp_path / "out")
        plans = plan_shards(
            data.samples, data.taxonomy, name="x", size_bytes=10**9, settings=ShardSettings()
        )
        return {plan.split: plan.digest for plan in plans}

    before = digests()
    path = tmp_path / "out" / "provenance" / "val" / f"{STEMS['val'][0]}.{ending}"
    path.write_bytes(path.read_bytes() + b" ")
    assert {split for split, digest in digests().items() if digest != before[split]} == {"val"}


def test_ids_are_the_next_ones_and_colours_new():
    after = with_new_classes(MASS13K, ["car", "bus"], ids=[], colours=[])
    assert [row.id for row in after.classes[-2:]] == [7, 8]
    colours = np.array([*(row.colour for row in after.classes), after.colours[255]])
    apart = np.abs(colours[:, None] - colours).sum(axis=2)[~np.eye(10, dtype=bool)]
    assert apart.min() > 50  # from each other, and from the grey of what is ignored
    same = with_new_classes(after, ["bus", "car"])
    assert same.classes == after.classes
    chosen = with_new_classes(MASS13K, ["car"], ids=[20], colours=[(1, 2, 3)]).classes[-1]
    assert (chosen.id, chosen.colour, chosen.quality) == (20, (1, 2, 3), "pseudo")


@pytest.mark.parametrize(("option", "names"), [("policy", Policy), ("photos", Photos)])
def test_choices_of_the_command_are_those_of_the_code(option, names):
    group = main.get_command(click.Context(main), "pseudo")
    command = group.get_command(click.Context(group), "merge")
    [parameter] = [each for each in command.params if each.name == option]
    assert tuple(parameter.type.choices) == get_args(names)
