"""Counts are kept, found again, and never trusted too far."""

import json
import os
import sqlite3
import time

import numpy as np
import pytest
from test_stats import label_maps, stats, stats_json

from mass13k_tools.classes import MASS13K
from mass13k_tools.images import png_bytes
from mass13k_tools.layouts import find_dataset
from mass13k_tools.pool import Workers
from mass13k_tools.stats import collect as collecting
from mass13k_tools.stats.cache import open_cache
from mass13k_tools.stats.collect import collect


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


def test_the_cache_is_an_ordinary_sqlite_file(tiny_dataset, own_cache):
    stats(tiny_dataset)
    connection = sqlite3.connect(own_cache)
    try:
        assert connection.execute("SELECT count(*) FROM counts").fetchone() == (6,)
    finally:
        connection.close()


@pytest.mark.parametrize("arguments", [[], ["--metric", "size"], ["--metric", "classes"]])
def test_what_the_cache_knows_besides_never_shows(tiny_dataset, tmp_path, arguments):
    cold = stats(tiny_dataset, *arguments, "--cache", tmp_path / "cold.sqlite", "--out", tmp_path)
    stats(tiny_dataset, "--metric", "all", "--split", "val")
    stats(tiny_dataset, "--ipq-def", "opencv", "--split", "test")
    warm = stats(tiny_dataset, *arguments, "--out", tmp_path)  # the same bytes, or it is refused
    assert (warm.exit_code, warm.stdout) == (0, cold.stdout)


def test_a_label_that_changes_while_it_is_measured_is_measured_again(
    tiny_dataset, own_cache, monkeypatch
):
    dataset = find_dataset(tiny_dataset)
    real = collecting.count_labels

    def replaced_after_reading(label_path, **options):
        counts = real(label_path, **options)
        label_path.write_bytes(png_bytes(np.full((64, 96), 5, np.uint8)))
        return counts

    options = {"metric": "mipq", "definition": "contour", "min_area": 1, "workers": Workers()}
    monkeypatch.setattr(collecting, "count_labels", replaced_after_reading)
    with open_cache(own_cache, MASS13K) as cache:
        collect(dataset, cache=cache, **options)
    monkeypatch.setattr(collecting, "count_labels", real)
    with open_cache(own_cache, MASS13K) as cache:
        again = collect(dataset, cache=cache, **options)
    assert again.measured == 6
    assert all(np.flatnonzero(image.pixels).tolist() == [5] for image in again.images)


def test_another_programs_database_is_refused_and_left_alone(tiny_dataset, own_cache):
    own_cache.parent.mkdir()
    connection = sqlite3.connect(own_cache)
    connection.execute("CREATE TABLE counts (a)")
    connection.commit()
    connection.close()
    before = own_cache.read_bytes()
    result = stats(tiny_dataset)
    assert result.exit_code == 1
    assert "cannot keep counts" in result.stderr
    assert own_cache.read_bytes() == before


def test_a_damaged_row_of_the_cache_is_measured_again(tiny_dataset, own_cache):
    stats(tiny_dataset)
    connection = sqlite3.connect(own_cache)
    connection.execute("UPDATE counts SET counts = '{' WHERE rowid = 1")
    connection.execute("UPDATE counts SET counts = '3' WHERE rowid = 2")
    connection.commit()
    connection.close()
    assert "measured 2 label maps, 4 known" in stats(tiny_dataset).stderr
