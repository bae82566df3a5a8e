"""``mass13k stats`` from files to JSON."""

import json
import os
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from click.testing import CliRunner

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.commands.stats import stats as stats_command
from mass13k_tools.images import png_bytes, read_label_map
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.census import census
from mass13k_tools.ops.complexity import Definition, complexity
from mass13k_tools.stats import collect as collecting
from mass13k_tools.stats.counts import Metric
from mass13k_tools.stats.summary import Grouping


def stats(*arguments):
    return CliRunner().invoke(main, ["stats", "--jobs", "1", *map(str, arguments)])


def stats_json(*arguments):
    result = stats(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def label_maps(root):
    dataset = find_dataset(root)
    return {s.key: read_label_map(s.label_path, MASS13K) for s in dataset.samples}


def test_json_holds_what_the_contract_promises(tiny_dataset):
    output = stats_json(tiny_dataset)
    maps = label_maps(tiny_dataset)
    mipq = [complexity(label_map).mipq for label_map in maps.values()]
    assert output["dataset"]["images"] == 6
    assert output["dataset"]["classes"] == 7
    assert output["dataset"]["diagonal"] == {"mean": pytest.approx(np.hypot(64, 96)), "std": 0}
    assert output["dataset"]["mipq"] == {
        "mean": pytest.approx(np.mean(mipq)),
        "std": pytest.approx(np.std(mipq)),
        "definition": "contour",
    }
    for image in output["images"]:
        label_map = maps[image["key"]]
        expected = complexity(label_map)
        assert (image["height"], image["width"]) == label_map.shape
        assert image["mipq"] == pytest.approx(expected.mipq)
        assert image["split"] in ("train", "val", "test")
        present = {MASS13K.names[i]: int((label_map == i).sum()) for i in range(7)}
        assert image["pixels"] == {name: count for name, count in present.items() if count}
        assert image["ipq"] == {
            MASS13K.names[i]: pytest.approx(expected.ipq[i])
            for i in range(7)
            if expected.ipq[i] > 0
        }


def test_the_census_reaches_json_and_adds_up_by_class(tiny_dataset):
    output = stats_json(tiny_dataset, "--metric", "all")
    counts = {key: census(label_map) for key, label_map in label_maps(tiny_dataset).items()}
    for image in output["images"]:
        count = counts[image["key"]]
        for name in ("components", "holes", "thin", "edges"):
            values = getattr(count, name)
            expected = {MASS13K.names[i]: int(values[i]) for i in range(7) if values[i]}
            assert image[name] == expected
        assert image["boundary_density"] == count.edges.sum() / count.pixels.sum()
    for row in output["classes"]:
        class_id = MASS13K.find(row["name"]).id
        assert row["components"] == sum(count.components[class_id] for count in counts.values())
        assert row["pixels"] == sum(count.pixels[class_id] for count in counts.values())
        assert row["images"] == sum(bool(count.pixels[class_id]) for count in counts.values())


def test_size_reads_headers_only(tiny_dataset):
    for path in tiny_dataset.rglob("annotations/*/*.png"):
        path.write_bytes(path.read_bytes()[:60] + b"IEND")  # the header is whole, the pixels not
    output = stats_json(tiny_dataset, "--metric", "size")
    assert output["dataset"]["diagonal"]["mean"] == pytest.approx(np.hypot(64, 96))
    assert output["dataset"]["mipq"]["mean"] is None
    assert all(image["mipq"] is None for image in output["images"])


def test_the_result_is_the_same_for_any_number_of_jobs(tiny_dataset, tmp_path):
    one = stats_json(tiny_dataset, "--metric", "all", "--cache", tmp_path / "one.sqlite")
    two = stats_json(
        tiny_dataset, "--metric", "all", "--jobs", 2, "--cache", tmp_path / "two.sqlite"
    )
    assert one == two


def test_a_real_cluster_gives_the_same_statistics(tiny_dataset, tmp_path, cluster_address):
    expected = stats_json(tiny_dataset, "--cache", tmp_path / "one.sqlite")
    other = tmp_path / "two.sqlite"
    output = stats_json(tiny_dataset, "--cluster", cluster_address, "--cache", other)
    assert output == expected


def test_a_bad_file_is_listed_and_the_others_are_measured(tiny_dataset):
    bad = find_dataset(tiny_dataset).samples[1].label_path
    bad.write_bytes(b"no png")
    result = stats(tiny_dataset, "--json")
    assert result.exit_code == 1
    assert bad.name in result.stderr
    assert "1 of 6 failed" in result.stderr
    output = json.loads(result.stdout)
    assert output["dataset"]["images"] == 5
    assert [failure["file"] for failure in output["failures"]] == [str(bad)]
    assert "measured 0 label maps, 5 known" in stats(tiny_dataset).stderr


def test_min_area_skips_small_classes_and_counts_them(tiny_dataset):
    smallest = min(min(image["pixels"].values()) for image in stats_json(tiny_dataset)["images"])
    output = stats_json(tiny_dataset, "--min-area", smallest + 1)
    assert output["dataset"]["skipped_classes"] >= 1
    assert all("mipq" in image for image in output["images"])


def test_one_split_can_be_measured(tiny_dataset):
    output = stats_json(tiny_dataset, "--split", "val")
    assert {image["split"] for image in output["images"]} == {"val"}
    assert output["dataset"]["images"] == 2


def test_an_image_of_ignore_has_no_mipq_and_changes_no_mean(tiny_dataset):
    before = stats_json(tiny_dataset, "--split", "val")
    blank = find_dataset(tiny_dataset).samples[-1]
    blank.label_path.write_bytes(png_bytes(np.full((64, 96), 255, np.uint8)))
    output = stats_json(tiny_dataset, "--split", "val", "--split", "test")
    assert [image["mipq"] for image in output["images"] if image["split"] == "test"] == [None]
    assert output["dataset"]["mipq"] == before["dataset"]["mipq"]
    assert output["dataset"]["mipq_images"] == 2


def test_the_options_offer_what_the_library_knows():
    choices = {
        option.name: set(option.type.choices)
        for option in stats_command.params
        if hasattr(option.type, "choices")
    }
    assert choices["metric"] == set(get_args(Metric))
    assert choices["definition"] == set(get_args(Definition))
    assert choices["by"] == {*get_args(Grouping), "class"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_file_names_that_are_no_text_are_measured_all_the_same(tiny_dataset, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    strange = os.fsdecode(b"r\xe9union 1#2\xff")
    sample.image_path.rename(sample.image_path.with_name(f"{strange}.jpg"))
    sample.label_path.rename(sample.label_path.with_name(f"{strange}.png"))
    assert strange in {image["key"] for image in stats_json(tiny_dataset)["images"]}
    result = stats(tiny_dataset, "--top", 6, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "0 label maps, 6 known" in result.stderr
    assert os.fsencode(strange) in (tmp_path / "out" / "stats.csv").read_bytes()


def test_a_label_link_that_leads_nowhere_is_one_failure(tiny_dataset):
    bad = find_dataset(tiny_dataset).samples[2].label_path
    bad.unlink()
    bad.symlink_to("nowhere.png")
    result = stats(tiny_dataset, "--json")
    assert result.exit_code == 1
    assert "1 of 6 failed" in result.stderr
    assert json.loads(result.stdout)["dataset"]["images"] == 5


def test_files_that_belong_to_no_sample_are_mentioned(tiny_dataset):
    next((tiny_dataset / "annotations" / "train").iterdir()).unlink()
    result = stats(tiny_dataset)
    assert result.exit_code == 0
    assert "1 files or folders belong to no sample: 'mass13k check'" in result.stderr


def test_a_relative_root_means_the_same_to_every_worker(tiny_dataset, monkeypatch):
    monkeypatch.chdir(tiny_dataset.parent)
    dataset = find_dataset(Path(tiny_dataset.name))
    assert all(sample.label_path.is_absolute() for sample in dataset.samples)


def test_jobs_and_cluster_reach_the_workers(tiny_dataset, monkeypatch):
    seen = []

    def note(function, items, *, workers, title):
        seen.append(workers)
        return iter(())

    monkeypatch.setattr(collecting, "run", note)
    stats(tiny_dataset, "--jobs", 3)
    stats(tiny_dataset, "--cluster", "tcp://127.0.0.1:9")
    assert [workers.jobs for workers in seen] == [3, 1]
    assert [workers.cluster for workers in seen] == [None, "tcp://127.0.0.1:9"]
