"""``mass13k stats`` from files to tables."""

import csv
import json
import os
import sqlite3
import sys
import time
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
from mass13k_tools.pool import Workers
from mass13k_tools.stats import collect as collecting
from mass13k_tools.stats.cache import open_cache
from mass13k_tools.stats.collect import collect
from mass13k_tools.stats.counts import Metric
from mass13k_tools.stats.published import TABLE_1
from mass13k_tools.stats.summary import Grouping, mean_std, summarise_classes


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    path = tmp_path / "cache" / "counts.sqlite"
    monkeypatch.setenv("MASS13K_CACHE", str(path))
    return path


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


@pytest.mark.parametrize("definition", get_args(Definition))
def test_every_definition_is_named_in_every_output(tiny_dataset, tmp_path, definition):
    out = tmp_path / "out"
    result = stats(tiny_dataset, "--ipq-def", definition, "--out", out)
    assert result.exit_code == 0, result.output
    assert f"'{definition}'" in result.output
    dataset = json.loads((out / "stats.json").read_text())["dataset"]
    assert dataset["mipq"]["definition"] == definition
    with (out / "stats.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    maps = label_maps(tiny_dataset)
    for row in rows:
        assert row["definition"] == definition
        expected = complexity(maps[row["key"]], definition=definition)
        assert float(row["mipq"]) == pytest.approx(expected.mipq)
        assert int(row["pixels_sky"] or 0) == (maps[row["key"]] == 5).sum()


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


def test_a_real_cluster_gives_the_same_statistics(tiny_dataset, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    expected = stats_json(tiny_dataset, "--cache", tmp_path / "one.sqlite")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        output = stats_json(tiny_dataset, "--cluster", address, "--cache", tmp_path / "two.sqlite")
    assert output == expected


def test_a_second_run_reads_only_new_and_changed_files(tiny_dataset):
    assert "measured 6 label maps, 0 known" in stats(tiny_dataset).stderr
    assert "measured 0 label maps, 6 known" in stats(tiny_dataset).stderr
    changed = find_dataset(tiny_dataset).samples[0].label_path
    changed.write_bytes(png_bytes(np.full((64, 96), 5, np.uint8)))
    os.utime(changed, ns=(time.time_ns(), time.time_ns() + 10**9))
    output = stats(tiny_dataset, "--json")
    assert "measured 1 label maps, 5 known" in output.stderr
    assert json.loads(output.stdout)["images"][0]["pixels"] == {"sky": 64 * 96}


def test_another_metric_reads_again_only_for_what_is_missing(tiny_dataset):
    stats(tiny_dataset, "--metric", "all")
    for arguments in (["--metric", "size"], ["--ipq-def", "crofton"], ["--metric", "classes"]):
        assert "measured 0 " in stats(tiny_dataset, *arguments).stderr
    assert "measured 6 " in stats(tiny_dataset, "--ipq-def", "opencv").stderr
    assert "measured 0 " in stats(tiny_dataset, "--ipq-def", "opencv").stderr
    assert "measured 0 " in stats(tiny_dataset, "--metric", "all").stderr


def test_counts_taken_with_other_raw_values_are_not_used(tiny_dataset, tmp_path):
    stats(tiny_dataset)
    classes = tmp_path / "two.toml"
    classes.write_text(
        '[[classes]]\nid = 0\nname = "rest"\n[[classes]]\nid = 1\nname = "sky"\n'
        '[raw]\n"0-4" = 0\n"5" = 1\n"6" = 0\n"255" = 255\n'
    )
    result = stats(tiny_dataset, "--classes", classes, "--json")
    assert "measured 6 " in result.stderr
    sky = sum((label_map == 5).sum() for label_map in label_maps(tiny_dataset).values())
    output = json.loads(result.stdout)
    assert sum(image["pixels"].get("sky", 0) for image in output["images"]) == sky


def test_a_run_that_is_killed_loses_nothing_that_was_done(tiny_dataset, own_cache, monkeypatch):
    dataset = find_dataset(tiny_dataset)
    real = collecting.count_labels

    def killed_at_the_fourth(label_path, **options):
        if label_path == dataset.samples[3].label_path:
            raise KeyboardInterrupt
        return real(label_path, **options)

    options = {"metric": "mipq", "definition": "contour", "min_area": 1, "workers": Workers()}
    monkeypatch.setattr(collecting, "count_labels", killed_at_the_fourth)
    with pytest.raises(KeyboardInterrupt), open_cache(own_cache, MASS13K) as cache:
        collect(dataset, cache=cache, **options)
    monkeypatch.setattr(collecting, "count_labels", real)
    with open_cache(own_cache, MASS13K) as cache:
        assert collect(dataset, cache=cache, **options).measured == 3


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


def test_tables_show_splits_classes_published_rows_and_extremes(tiny_dataset):
    result = stats(
        *(tiny_dataset, "--by", "split", "--by", "class", "--by", "city", "--by", "date"),
        *("--compare", "paper", "--top", 2),
    )
    assert result.exit_code == 0, result.output
    for text in ("train", "val", "test", "person", "tianjin", "20230210", "most complex"):
        assert text in result.output
    for row in TABLE_1:
        assert f"{row.name} (paper)" in result.output
    assert "383 ± 818" in result.output
    assert "population standard deviation" in " ".join(result.output.split())


def test_plots_and_files_are_written_once_and_repeat_their_bytes(tiny_dataset, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert stats(tiny_dataset, "--out", first).exit_code == 0
    assert stats(tiny_dataset, "--out", second).exit_code == 0
    names = {"stats.csv", "stats.json", "size_histogram.png", "mipq_histogram.png"}
    names |= {"class_share.png", "class_ipq.png"}
    assert {path.name for path in first.iterdir()} == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert stats(tiny_dataset, "--out", first).exit_code == 0  # nothing changed
    refused = stats(tiny_dataset, "--ipq-def", "crack", "--out", first)
    assert refused.exit_code == 1
    assert "--overwrite" in refused.output
    assert stats(tiny_dataset, "--ipq-def", "crack", "--out", first, "--overwrite").exit_code == 0


def test_one_split_can_be_measured(tiny_dataset):
    output = stats_json(tiny_dataset, "--split", "val")
    assert {image["split"] for image in output["images"]} == {"val"}
    assert output["dataset"]["images"] == 2


def test_nothing_is_written_into_the_data_set(tiny_dataset, monkeypatch, tmp_path):
    monkeypatch.delenv("MASS13K_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    before = sorted(tiny_dataset.rglob("*"))
    assert stats(tiny_dataset).exit_code == 0
    assert sorted(tiny_dataset.rglob("*")) == before
    assert (tmp_path / "user" / "mass13k" / "stats.sqlite").is_file()


def test_a_user_without_a_cache_folder_is_served_all_the_same(tiny_dataset, monkeypatch, tmp_path):
    monkeypatch.delenv("MASS13K_CACHE")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert stats_json(tiny_dataset)["dataset"]["images"] == 6


def test_a_file_that_is_no_cache_is_refused(tiny_dataset, own_cache):
    own_cache.parent.mkdir()
    own_cache.write_bytes(b"something else" * 100)
    result = stats(tiny_dataset)
    assert result.exit_code == 1
    assert "cannot keep counts" in result.output
    assert own_cache.read_bytes() == b"something else" * 100


def test_an_image_of_ignore_has_no_mipq_and_changes_no_mean(tiny_dataset):
    before = stats_json(tiny_dataset, "--split", "val")
    blank = find_dataset(tiny_dataset).samples[-1]
    blank.label_path.write_bytes(png_bytes(np.full((64, 96), 255, np.uint8)))
    output = stats_json(tiny_dataset, "--split", "val", "--split", "test")
    assert [image["mipq"] for image in output["images"] if image["split"] == "test"] == [None]
    assert output["dataset"]["mipq"] == before["dataset"]["mipq"]
    assert output["dataset"]["mipq_images"] == 2


def test_the_cache_is_an_ordinary_sqlite_file(tiny_dataset, own_cache):
    stats(tiny_dataset)
    connection = sqlite3.connect(own_cache)
    try:
        assert connection.execute("SELECT count(*) FROM counts").fetchone() == (6,)
    finally:
        connection.close()


def test_the_options_offer_what_the_library_knows():
    choices = {
        option.name: set(option.type.choices)
        for option in stats_command.params
        if hasattr(option.type, "choices")
    }
    assert choices["metric"] == set(get_args(Metric))
    assert choices["definition"] == set(get_args(Definition))
    assert choices["by"] == {*get_args(Grouping), "class"}


def test_means_of_nothing_are_not_a_number():
    assert np.isnan(mean_std([])).all()
    assert all(
        row.pixels == 0 and row.pixel_share is None for row in summarise_classes([], MASS13K)
    )


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
