"""``mass13k shard`` from a data set to tars that everyone reads."""

import hashlib
import io
import json
import shutil
import struct
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from command_runs import bytes_of
from PIL import Image as PillowImage
from shard_folders import members_of, shard, shard_json

from mass13k_tools.classes import MASS13K
from mass13k_tools.images import decode_image, read_image, read_label_map
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.blocks import block_counts
from mass13k_tools.ops.complexity import class_areas, complexity
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.shards.index import read_index
from mass13k_tools.shards.manifest import parse_manifest
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.png_bands import band_range, decode_rows
from mass13k_tools.shards.seek_index import unpack_seek_index


def manifests_of(folder):
    return [parse_manifest(path.read_bytes(), path.name) for path in folder.glob("*-0*.json")]


def test_pixels_of_images_and_label_maps_stay_the_same(tiny_dataset, tmp_path):
    shard_json(tiny_dataset, tmp_path / "out", "--size", "20KB")
    members = members_of(tmp_path / "out")
    samples = find_dataset(tiny_dataset).samples
    assert sorted(members) == sorted(sample.key for sample in samples)
    for sample in samples:
        found = members[sample.key]
        assert list(found) == ["jpg", "label.png", "json", "seek"]
        image = decode_image(found["jpg"], Path("x.jpg"))
        np.testing.assert_array_equal(image, read_image(sample.image_path))
        with PillowImage.open(io.BytesIO(found["label.png"])) as picture:
            label_map = read_label_map(sample.label_path, MASS13K)
            np.testing.assert_array_equal(np.asarray(picture), label_map)


def test_raw_values_stay_and_the_index_says_what_they_mean(tiny_dataset, tmp_path):
    for path in tiny_dataset.glob("annotations/*/*.png"):
        values = np.asarray(PillowImage.open(path))
        PillowImage.fromarray(np.where(values == 255, 255, values + 100).astype(np.uint8)).save(
            path
        )
    rows = "".join(f'[[classes]]\nid = {row.id}\nname = "{row.name}"\n' for row in MASS13K.classes)
    raw = "".join(f'"{100 + row.id}" = {row.id}\n' for row in MASS13K.classes)
    (tmp_path / "c.toml").write_text(f'name = "raised"\n{rows}[raw]\n{raw}"255" = 255\n')
    shard_json(tiny_dataset, tmp_path / "out", "--classes", tmp_path / "c.toml")
    taxonomy = read_index(Place.of(tmp_path / "out")).taxonomy
    assert (taxonomy.name, taxonomy.lookup[105], taxonomy.lookup[5]) == ("raised", 5, -1)
    for sample in find_dataset(tiny_dataset).samples:
        found = members_of(tmp_path / "out")[sample.key]
        with PillowImage.open(io.BytesIO(found["label.png"])) as picture:
            values = np.asarray(picture)
        np.testing.assert_array_equal(values, np.asarray(PillowImage.open(sample.label_path)))
        facts = json.loads(found["json"])
        assert facts["classes"]["sky"] == (values == 105).sum()
        assert unpack_seek_index(found["seek"], "x").blocks.class_ids.tolist()[0] == 0


def test_facts_and_seek_index_say_what_is_in_the_files(tiny_dataset, tmp_path):
    shard_json(tiny_dataset, tmp_path / "out")
    members = members_of(tmp_path / "out")
    for sample in find_dataset(tiny_dataset).samples:
        found, label_map = members[sample.key], read_label_map(sample.label_path, MASS13K)
        assert found["json"].count(b"\n") == 1
        facts = json.loads(found["json"])
        assert list(facts) == sorted(facts)
        areas = class_areas(label_map)
        assert facts == {
            "key": sample.key,
            "split": sample.split,
            "height": 64,
            "width": 96,
            "classes": {row.name: areas[row.id] for row in MASS13K.classes if areas[row.id]},
            "mipq": complexity(label_map).mipq,
            "mipq_definition": "contour",
            "seekable": True,
            "source": {
                kind: {
                    "name": path.name,
                    "bytes": path.stat().st_size,
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
                for kind, path in (("image", sample.image_path), ("label", sample.label_path))
            },
        }
        index = unpack_seek_index(found["seek"], "x")
        assert index.jpeg.size_hw == (64, 96)
        assert index.jpeg.offsets[-1] == len(found["jpg"])
        start, stop = band_range(index.bands, 10, 20)
        rows = decode_rows(found["label.png"][start:stop], index.bands, 10, 20)
        np.testing.assert_array_equal(rows, label_map[10:20])
        for one, other in zip(index.blocks, block_counts(label_map), strict=True):
            np.testing.assert_array_equal(one, other)


def test_manifest_and_index_count_hash_and_place_everything(tiny_dataset, tmp_path):
    out = tmp_path / "out"
    output = shard_json(tiny_dataset, out, "--size", "10KB", "--name", "mini")
    index = json.loads((out / "index.json").read_bytes())
    assert list(index["splits"]) == ["train", "val", "test"]
    samples = {sample.key: sample for sample in find_dataset(tiny_dataset).samples}
    listed = 0
    for split, entry in index["splits"].items():
        mipq = []
        for row in entry["shards"]:
            content = (out / row["file"]).read_bytes()
            assert row["file"].startswith(f"mini-{split}-")
            assert (row["bytes"], row["sha256"]) == (
                len(content),
                hashlib.sha256(content).hexdigest(),
            )
            manifest = parse_manifest((out / row["file"]).with_suffix(".json").read_bytes(), "x")
            assert (manifest.file, manifest.sha256) == (row["file"], row["sha256"])
            assert len(manifest.samples) == row["samples"] == row["seekable"]
            with tarfile.open(out / row["file"]) as tar:
                assert tar.getnames() == [
                    f"{sample.key}.{suffix}"
                    for sample in manifest.samples
                    for suffix in sample.members
                ]
                for sample in manifest.samples:
                    assert samples[sample.key].split == split
                    mipq.append(sample.mipq)
                    for suffix, (offset, size) in sample.members.items():
                        expected = tar.extractfile(f"{sample.key}.{suffix}").read()
                        assert content[offset : offset + size] == expected
        assert entry["samples"] == len(mipq) == entry["seekable"]
        assert entry["bytes"] == sum(row["bytes"] for row in entry["shards"])
        assert entry["mipq"]["mean"] == pytest.approx(np.mean(mipq))
        assert entry["mipq"]["std"] == pytest.approx(np.std(mipq))
        listed += entry["samples"]
    assert listed == len(samples) == output["samples"] == output["seekable"]
    assert output["shards"] == len(list(out.glob("*.tar")))
    assert read_index(Place.of(out)).taxonomy == MASS13K


def test_bytes_are_the_same_for_any_number_of_jobs_and_anywhere(tiny_dataset, tmp_path):
    asked = ("--size", "10KB", "--dali", "--energon", "--with", "edges")
    shard_json(tiny_dataset, tmp_path / "one", *asked)
    shard_json(tiny_dataset, tmp_path / "two", *asked, "--jobs", "2")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    moved = tmp_path / "elsewhere" / "tiny"
    shutil.copytree(tiny_dataset, moved)
    shard_json(moved, tmp_path / "three", *asked)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "three")


def test_a_cluster_writes_the_same_bytes(tiny_dataset, tmp_path, cluster_address):
    shard_json(tiny_dataset, tmp_path / "one", "--size", "10KB")
    shard_json(tiny_dataset, tmp_path / "many", "--size", "10KB", "--cluster", cluster_address)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "many")


# webdataset leaves closing its tars to chance
@pytest.mark.filterwarnings("ignore:.*unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_plain_webdataset_and_tar_read_every_shard(tiny_dataset, tmp_path):
    import webdataset

    shard_json(tiny_dataset, tmp_path / "out", "--size", "10KB")
    members = members_of(tmp_path / "out")
    keys = []
    for path in sorted((tmp_path / "out").glob("*.tar")):
        for sample in webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False):
            keys.append(sample["__key__"])
            found = {suffix: sample[suffix] for suffix in members[sample["__key__"]]}
            assert found == members[sample["__key__"]]
        for sample in webdataset.WebDataset(str(path), shardshuffle=False).decode("rgb8"):
            assert sample["jpg"].shape == (64, 96, 3)
            assert sample["json"]["key"] == sample["__key__"]
        listed = subprocess.run(["tar", "tf", path], capture_output=True, check=True, text=True)
        with tarfile.open(path) as tar:
            assert listed.stdout.splitlines() == tar.getnames()
    assert sorted(keys) == sorted(members)


def test_copies_are_byte_for_byte_and_nothing_is_made_up(tiny_dataset, tmp_path):
    output = shard_json(tiny_dataset, tmp_path / "out", "--copy")
    members = members_of(tmp_path / "out")
    for sample in find_dataset(tiny_dataset).samples:
        found = members[sample.key]
        assert found["jpg"] == sample.image_path.read_bytes()
        assert found["label.png"] == sample.label_path.read_bytes()
        facts = json.loads(found["json"])
        assert (facts["mipq"], facts["classes"]) == (None, None)
        assert facts["seekable"] == "copied as it is"
        index = unpack_seek_index(found["seek"], "x")
        assert (index.jpeg, index.bands, index.blocks) == (None, None, None)
    assert output["seekable"] == 0
    index = json.loads((tmp_path / "out" / "index.json").read_bytes())
    assert index["splits"]["val"]["mipq"] == {"mean": None, "std": None, "definition": "contour"}


def test_a_copied_image_that_has_restart_markers_is_seekable(tiny_dataset, tmp_path):
    shard_json(tiny_dataset, tmp_path / "first")
    members = members_of(tmp_path / "first")
    for sample in find_dataset(tiny_dataset).samples:
        sample.image_path.write_bytes(members[sample.key]["jpg"])
    assert shard_json(tiny_dataset, tmp_path / "second", "--copy")["seekable"] == 6
    for key, found in members_of(tmp_path / "second").items():
        assert found["jpg"] == members[key]["jpg"]
        one, other = (unpack_seek_index(each["seek"], "x") for each in (found, members[key]))
        np.testing.assert_array_equal(one.jpeg.offsets, other.jpeg.offsets)


@pytest.mark.parametrize("kind", [(), ("--copy",)])
def test_edge_maps_are_added_and_then_labels_are_read_also_for_copies(tiny_dataset, tmp_path, kind):
    shard_json(tiny_dataset, tmp_path / "out", "--with", "edges", *kind)
    members = members_of(tmp_path / "out")
    for sample in find_dataset(tiny_dataset).samples:
        label_map = read_label_map(sample.label_path, MASS13K)
        with PillowImage.open(io.BytesIO(members[sample.key]["edges.png"])) as picture:
            np.testing.assert_array_equal(np.asarray(picture), edge_map(label_map) * 255)
        assert json.loads(members[sample.key]["json"])["mipq"] == complexity(label_map).mipq


def test_images_that_cannot_be_seekable_stay_as_they_are_and_say_why(tiny_dataset, tmp_path):
    progressive, png, turned, *_ = find_dataset(tiny_dataset).samples
    with PillowImage.open(progressive.image_path) as picture:
        pixels = picture.copy()
    pixels.save(progressive.image_path, progressive=True)
    png.image_path.unlink()
    pixels.save(png.image_path.with_suffix(".png"))
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    pixels.transpose(PillowImage.Transpose.ROTATE_90).save(turned.image_path, exif=exif)
    output = shard_json(tiny_dataset, tmp_path / "out")
    assert (output["samples"], output["seekable"]) == (6, 3)
    members = members_of(tmp_path / "out")
    for sample, suffix, reason in (
        (progressive, "jpg", "progressive"),
        (png, "png", "PNG"),
        (turned, "jpg", "EXIF"),
    ):
        path = sample.image_path.with_suffix(f".{suffix}")
        assert members[sample.key][suffix] == path.read_bytes()
        facts = json.loads(members[sample.key]["json"])
        assert reason in facts["seekable"]
        assert (facts["height"], facts["width"]) == (64, 96)


def test_dali_gets_what_its_own_tool_would_write(tiny_dataset, tmp_path):
    shard_json(tiny_dataset, tmp_path / "out", "--dali")
    tars = list((tmp_path / "out").glob("*.tar"))
    assert len(tars) == 3
    for path in tars:
        with tarfile.open(path) as tar:
            rows: dict[str, list[str]] = {}
            for member in tar:
                key, _, suffix = member.name.partition(".")
                row = f"{suffix} {member.offset_data} {member.size} {member.name}"
                rows.setdefault(key, []).append(row)
        lines = path.with_suffix(".idx").read_text().splitlines()
        assert lines == [f"v1.2 {len(rows)}", *map(" ".join, rows.values())]


def test_dali_refuses_keys_with_spaces_before_any_work(tiny_dataset, tmp_path):
    for folder, end in (("images", "jpg"), ("annotations", "png")):
        path = next((tiny_dataset / folder / "test").iterdir())
        path.rename(path.with_name(f"a b.{end}"))
    result = shard(tiny_dataset, tmp_path / "out", "--dali")
    assert (result.exit_code, "'a b' has a space" in result.stderr) == (1, True)
    assert not (tmp_path / "out").exists()
    shard_json(tiny_dataset, tmp_path / "out")


def test_energon_gets_its_folder_and_where_samples_begin(tiny_dataset, tmp_path):
    yaml = pytest.importorskip("yaml")
    out = tmp_path / "out"
    shard_json(tiny_dataset, out, "--energon", "--size", "10KB", "--with", "edges")
    info = json.loads((out / ".nv-meta" / ".info.json").read_text())
    split = yaml.safe_load((out / ".nv-meta" / "split.yaml").read_text())
    dataset = yaml.safe_load((out / ".nv-meta" / "dataset.yaml").read_text())
    assert dataset == {"__module__": "megatron.energon", "__class__": "CrudeWebdataset"}
    assert split["exclude"] == []
    assert [name for names in split["split_parts"].values() for name in names] == list(
        info["shard_counts"]
    )
    assert list(split["split_parts"]) == ["train", "val", "test"]
    for name, count in info["shard_counts"].items():
        offsets = struct.unpack(f"<{count + 1}Q", (out / f"{name}.idx").read_bytes())
        with tarfile.open(out / name) as tar:
            firsts = [member.offset for member in tar if member.name.endswith(".jpg")]
            assert offsets == (*firsts, tar.offset)


def test_two_files_of_one_key_are_refused_and_files_without_partner_are_said(
    tiny_dataset, tmp_path
):
    photo = next((tiny_dataset / "images" / "val").iterdir())
    spare = photo.with_suffix(".jpeg")
    shutil.copy(photo, spare)
    result = shard(tiny_dataset, tmp_path / "out")
    assert result.exit_code == 1
    assert str(spare) in result.output
    assert not (tmp_path / "out").exists()
    spare.rename(photo.with_name("alone.jpg"))
    result = shard(tiny_dataset, tmp_path / "out")
    assert result.exit_code == 0
    assert "1 files or folders belong to no sample" in result.stderr
    strict = shard(tiny_dataset, tmp_path / "out", "--strict")
    assert strict.exit_code == 1
    assert "alone.jpg" in strict.output


def test_an_empty_address_is_refused(tiny_dataset):
    result = shard(tiny_dataset, "")
    assert result.exit_code == 1
    assert "address of the shards is empty" in result.output
