"""``mass13k pseudo generate`` with tiny networks of the real classes, and without the hub."""

import json
import shutil

import numpy as np
import pytest
import tiny_finders
from command_runs import bytes_of, files, mass13k, mass13k_json

from mass13k_tools.images import read_image
from mass13k_tools.layouts import find_dataset
from mass13k_tools.pseudo.generating import making as making_module
from mass13k_tools.pseudo.generating.making import Making, make_masks
from mass13k_tools.pseudo.generating.opening import Networks
from mass13k_tools.pseudo.generating.views import Cutting
from mass13k_tools.pseudo.stored import masks_path, read_masks

pytest.importorskip("transformers", reason="the extra 'sam' is not installed")


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    return {
        "detector": tiny_finders.save_grounding_dino(folder / "tiny-dino"),
        "sam": tiny_finders.save_sam(folder / "tiny-sam"),
        "sam2": tiny_finders.save_sam2(folder / "tiny-sam2"),
        "sam3": tiny_finders.save_sam3(folder / "tiny-sam3"),
    }


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def asked(root, out, networks, *others, segmenter="sam2", prompt="car=car . truck"):
    where = ("--detector", networks["detector"], "--segmenter", networks[segmenter])
    small = ("--tile", 48, "--overlap", 16, "--device", "cpu", "--threshold", 0.6)
    return ("pseudo", "generate", root, "--prompt", prompt, "--out", out, *where, *small, *others)


@pytest.mark.parametrize("segmenter", ["sam", "sam2"])
def test_every_photo_gets_its_masks_with_classes_scores_and_source(
    tiny_dataset, tmp_path, networks, segmenter
):
    out = tmp_path / "out"
    prompts = ("--prompt", "bus")
    output = mass13k_json(*asked(tiny_dataset, out, networks, *prompts, segmenter=segmenter))
    samples = find_dataset(tiny_dataset).samples
    assert set(files(out)) == {f"{s.split}/{s.key}.masks.json" for s in samples}
    found = [read_masks(masks_path(out, sample)) for sample in samples]
    assert [each.key for each in found] == [sample.key for sample in samples]
    assert {each.size_hw for each in found} == {(64, 96)}
    masks = [mask for each in found for mask in each.masks]
    assert masks
    assert {mask.class_name for mask in masks} <= {"car", "bus"}
    assert all(0.6 <= mask.detector_score <= 1 and 0 <= mask.mask_score <= 1 for mask in masks)
    source = f"tiny-dino+tiny-{segmenter}"
    assert {mask.source for mask in masks} == {source}
    assert output == {
        "out": str(out),
        "samples": 6,
        "files": 6,
        "known": 0,
        "masks": len(masks),
        "source": source,
        "failures": [],
    }


def test_sam3_needs_no_detector(tiny_dataset, tmp_path, networks):
    out = tmp_path / "out"
    alone = ("--segmenter", networks["sam3"], "--threshold", 0.2, "--split", "test")
    command = ("pseudo", "generate", tiny_dataset, "--prompt", "car", "--out", out, *alone)
    output = mass13k_json(*command, "--device", "cpu")
    (path,) = files(out).values()
    assert output["source"] == "tiny-sam3"
    assert 0 < len(read_masks(path).masks) == output["masks"]
    assert "leave out --detector" in one_line_of(*command, "--detector", networks["detector"])


def test_a_second_run_finds_everything_there_and_loads_no_network(
    tiny_dataset, tmp_path, networks, monkeypatch
):
    out, few = tmp_path / "out", ("--split", "val")
    first = mass13k_json(*asked(tiny_dataset, out, networks, *few))
    times = {name: path.stat().st_mtime_ns for name, path in files(out).items()}
    monkeypatch.setattr(Networks, "load", lambda *_, **__: pytest.fail("nothing is left to find"))
    assert mass13k_json(*asked(tiny_dataset, out, networks, *few)) == first | {"known": 2}
    assert mass13k_json(*asked(tiny_dataset, out, networks, *few, "--overwrite"))["known"] == 2
    assert times == {name: path.stat().st_mtime_ns for name, path in files(out).items()}


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    tiny_dataset, tmp_path, networks, monkeypatch
):
    whole, out, few = tmp_path / "whole", tmp_path / "out", ("--split", "train")
    mass13k_json(*asked(tiny_dataset, whole, networks, *few))
    find, photos = making_module.find_masks, []

    def killed_at_the_third(*arguments, **how):
        photos.append(1)
        if len(photos) == 3:
            raise KeyboardInterrupt
        return find(*arguments, **how)

    with monkeypatch.context() as patch:
        patch.setattr(making_module, "find_masks", killed_at_the_third)
        assert mass13k(*asked(tiny_dataset, out, networks, *few)).exit_code == 1
    assert len(files(out)) == 2
    assert mass13k_json(*asked(tiny_dataset, out, networks, *few))["known"] == 2
    assert bytes_of(out) == bytes_of(whole)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (("--threshold", 0.7), "threshold 0.6, now 0.7"),
        (("--tile", 40), "tile_px 48, now 40"),
        (("--tiles-only",), "whole true, now false"),
        (("--prompt", "bus"), "phrases"),
        (("--dtype", "bfloat16"), 'dtype "float32", now "bfloat16"'),
    ],
)
def test_other_settings_are_said_and_refused_before_anything_is_written(
    tiny_dataset, tmp_path, networks, other, said
):
    out = tmp_path / "out"
    mass13k_json(*asked(tiny_dataset, out, networks, "--split", "val"))
    before = bytes_of(out)
    result = mass13k(*asked(tiny_dataset, out, networks, *other))
    assert result.exit_code == 1
    assert said in result.stderr
    assert "(2 such files); pass --overwrite" in result.stderr
    assert result.stderr.count("\n") == 1
    assert bytes_of(out) == before


def test_overwrite_makes_masks_of_other_settings_anew(tiny_dataset, tmp_path, networks):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    mass13k_json(*asked(tiny_dataset, out, networks, "--split", "test"))
    other = ("--split", "test", "--threshold", 0.9)
    mass13k_json(*asked(tiny_dataset, fresh, networks, *other))
    assert bytes_of(out) != bytes_of(fresh)
    assert mass13k_json(*asked(tiny_dataset, out, networks, *other, "--overwrite"))["known"] == 0
    assert bytes_of(out) == bytes_of(fresh)


def test_other_weights_under_the_same_name_are_noticed(tiny_dataset, tmp_path, networks):
    mine = {**networks, "sam": shutil.copytree(networks["sam"], tmp_path / "net" / "tiny-sam")}
    out, one = tmp_path / "out", ("--split", "test")
    mass13k_json(*asked(tiny_dataset, out, mine, *one, segmenter="sam"))
    assert mass13k_json(*asked(tiny_dataset, out, networks, *one, segmenter="sam"))["known"] == 1
    weights = mine["sam"] / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-3] ^= 1
    weights.write_bytes(content)
    result = mass13k(*asked(tiny_dataset, out, mine, *one, segmenter="sam"))
    assert result.exit_code == 1
    assert "other settings: segmenter" in result.stderr


def test_what_is_generated_can_be_merged(tiny_dataset, tmp_path, networks):
    out, few = tmp_path / "out", ("--split", "test")
    masks = mass13k_json(*asked(tiny_dataset, out, networks, *few))["masks"]
    merge = ("pseudo", "merge", tiny_dataset, out, "--class", "car", "--jobs", 1, *few)
    output = mass13k_json(*merge, "--out", tmp_path / "merged")
    assert masks
    assert output["merged_images"] == 1


class EverythingIsACar:
    """Finds the whole image, and counts how often it was asked."""

    def __init__(self):
        self.asked = 0

    def find(self, image):
        from mass13k_tools.pseudo.generating.finding import Found

        self.asked += 1
        yield Found(np.ones(image.shape[:2], bool), "car", 0.9, 0.8)


@pytest.fixture
def making(tiny_dataset, tmp_path):
    taxonomy = find_dataset(tiny_dataset).taxonomy
    cutting = Cutting(tile_px=48, overlap_px=16)
    return Making(
        tmp_path / "out", EverythingIsACar(), cutting, "fake", {"a": [1, "é\n"]}, taxonomy
    )


def test_a_changed_photo_is_noticed(tiny_dataset, making):
    sample = find_dataset(tiny_dataset).samples[0]
    assert not make_masks(sample, making=making).known
    assert make_masks(sample, making=making).known
    asked_before = making.finder.asked
    shutil.copy(find_dataset(tiny_dataset).samples[1].image_path, sample.image_path)
    with pytest.raises(ValueError, match="other settings: photo .* pass --overwrite"):
        make_masks(sample, making=making)
    assert making.finder.asked == asked_before


def test_damaged_masks_of_ours_are_made_anew(tiny_dataset, making):
    sample = find_dataset(tiny_dataset).samples[0]
    make_masks(sample, making=making)
    path = masks_path(making.out, sample)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert not make_masks(sample, making=making).known
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"made_by": ' + b"[" * 60000 + b",\n", b'{"made_by": 3,\n}', b"\xff\n"],
)
def test_files_of_others_are_never_replaced_by_accident(tiny_dataset, making, content):
    sample = find_dataset(tiny_dataset).samples[0]
    path = masks_path(making.out, sample)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not written by 'mass13k pseudo generate'"):
        make_masks(sample, making=making)
    assert path.read_bytes() == content


def test_the_network_sees_the_whole_photo_and_its_tiles(tiny_dataset, making, monkeypatch):
    sample = find_dataset(tiny_dataset).samples[0]
    photo, shown = read_image(sample.image_path), []
    find = making.finder.find
    monkeypatch.setattr(making.finder, "find", lambda image: shown.append(image) or find(image))
    assert make_masks(sample, making=making).masks == 1
    places = [(0, 0), (0, 24), (0, 48), (16, 0), (16, 24), (16, 48)]
    np.testing.assert_array_equal(shown[0], photo)
    for tile, (y, x) in zip(shown[1:], places, strict=True):
        np.testing.assert_array_equal(tile, photo[y : y + 48, x : x + 48])


def test_a_photo_that_cannot_be_read_fails_alone(tiny_dataset, tmp_path, networks):
    photo = find_dataset(tiny_dataset).samples[2].image_path
    photo.write_bytes(photo.read_bytes()[:500])
    result = mass13k(*asked(tiny_dataset, tmp_path / "out", networks, "--split", "train"))
    assert result.exit_code == 1
    assert "1 of 3 failed" in result.stderr
    assert len(files(tmp_path / "out")) == 2


def one_line_of(*arguments):
    result = mass13k(*arguments)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1, result.output
    return result.stderr


@pytest.mark.parametrize("which", ["detector", "sam2"])
def test_without_weights_one_line_says_what_to_fetch(tiny_dataset, tmp_path, networks, which):
    missing = {**networks, which: "facebook/sam2.1-hiera-large"}
    line = one_line_of(*asked(tiny_dataset, tmp_path / "out", missing))
    assert "hf download facebook/sam2.1-hiera-large --include" in line
    assert "then pass the folder sam2.1-hiera-large" in line
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there_is_no_name_of_the_hub(tiny_dataset, tmp_path, networks):
    for name in (tmp_path / "none", "./none", "https://huggingface.co/facebook/sam", "none", ""):
        line = one_line_of(*asked(tiny_dataset, tmp_path / "out", {**networks, "sam2": name}))
        assert f"no folder '{name}'" in line


def test_pickled_weights_are_never_read(tiny_dataset, tmp_path, networks):
    folder = shutil.copytree(networks["sam2"], tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    line = one_line_of(*asked(tiny_dataset, tmp_path / "out", {**networks, "sam2": folder}))
    assert "no *.safetensors in" in line
    assert "never read" in line


def test_code_beside_the_weights_is_never_run(tiny_dataset, tmp_path, networks):
    folder = shutil.copytree(networks["sam2"], tmp_path / "coded")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}
    config["_attn_implementation"] = config["attn_implementation"] = "someone/kernel"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    mass13k_json(
        *asked(tiny_dataset, tmp_path / "out", {**networks, "sam2": folder}, "--split", "test")
    )
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", b"{", "config.json' is damaged"),
        ("config.json", b"[]", "config.json' is damaged"),
        ("config.json", b"{}", "type 'None', expected one of sam, sam2"),
        ("config.json", b'{"model_type": "bert"}', "type 'bert', expected one of sam, sam2"),
        ("config.json", b'{"model_type": "sam2"}', "cannot load Sam2Model"),
        ("model.safetensors", b"\x80\x04.", "cannot load Sam2Model"),
        ("preprocessor_config.json", b'{"image_mean": [1, 2]}', "image_mean in"),
        ("preprocessor_config.json", b'{"image_std": [1, 0, 1]}', "image_std in"),
        ("preprocessor_config.json", b'{"image_std": "bright"}', "image_std in"),
    ],
)
def test_damaged_files_of_a_network_are_one_line(
    tiny_dataset, tmp_path, networks, name, content, said
):
    folder = shutil.copytree(networks["sam2"], tmp_path / "damaged")
    (folder / name).write_bytes(content)
    line = one_line_of(*asked(tiny_dataset, tmp_path / "out", {**networks, "sam2": folder}))
    assert said in line


def test_weights_that_are_missing_are_never_made_up(tiny_dataset, tmp_path, networks):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(networks["sam"], tmp_path / "partial")
    weights = load_file(folder / "model.safetensors")
    del weights["mask_decoder.iou_token.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    asked_so = asked(tiny_dataset, tmp_path / "out", {**networks, "sam": folder}, segmenter="sam")
    assert "lacks 1 weights of SamModel, such as 'mask_decoder.iou_token" in one_line_of(*asked_so)


def test_a_segmenter_is_no_detector(tiny_dataset, tmp_path, networks):
    swapped = {**networks, "detector": networks["sam"]}
    line = one_line_of(*asked(tiny_dataset, tmp_path / "out", swapped))
    assert "type 'sam', expected one of grounding-dino, mm-grounding-dino as --detector" in line


def test_a_device_that_is_not_there_is_one_line(tiny_dataset, tmp_path, networks):
    for name in ("cuda:99", "abacus"):
        line = one_line_of(*asked(tiny_dataset, tmp_path / "out", networks, "--device", name))
        assert f"no device '{name}' here" in line


def test_more_words_than_the_network_reads_are_refused(tiny_dataset, tmp_path, networks):
    prompt = "car=" + " . ".join("abcdefghijklmnop")
    line = one_line_of(*asked(tiny_dataset, tmp_path / "out", networks, prompt=prompt))
    assert "prompts have 34 words and parts of words, expected at most 32" in line


def test_the_data_set_itself_is_never_written_into(tiny_dataset, tmp_path, networks):
    linked = tmp_path / "out"
    sample = find_dataset(tiny_dataset).samples[0]
    path = masks_path(linked, sample)
    path.parent.mkdir(parents=True)
    path.symlink_to(sample.label_path)
    line = one_line_of(*asked(tiny_dataset, linked, networks, "--overwrite"))
    assert "a file of the data set itself" in line
