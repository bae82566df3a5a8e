"""Tables, CSV and plots show what was measured."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from test_stats import label_maps, stats, stats_json

from mass13k_tools.classes import MASS13K
from mass13k_tools.images import jpeg_bytes, png_bytes
from mass13k_tools.layouts import Sample, find_dataset
from mass13k_tools.ops.complexity import Definition, complexity
from mass13k_tools.pool import Workers
from mass13k_tools.stats import figures
from mass13k_tools.stats.cache import open_cache
from mass13k_tools.stats.collect import collect
from mass13k_tools.stats.image import ImageStatistics
from mass13k_tools.stats.published import TABLE_1
from mass13k_tools.stats.summary import mean_std, summarise_by, summarise_classes


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


def test_means_of_nothing_are_not_a_number():
    assert np.isnan(mean_std([])).all()
    assert all(
        row.pixels == 0 and row.pixel_share is None for row in summarise_classes([], MASS13K)
    )


def one_sample(root, label_map, *, key="a", split="all"):
    folders = (
        ("images", "annotations") if split == "all" else (f"images/{split}", f"annotations/{split}")
    )
    for folder, ending, pixels in zip(
        folders, ("jpg", "png"), (np.zeros((*label_map.shape, 3), np.uint8), label_map), strict=True
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        encode = png_bytes if ending == "png" else jpeg_bytes
        (root / folder / f"{key}.{ending}").write_bytes(encode(pixels))
    return root


@pytest.mark.parametrize("definition", ["skimage", "opencv"])
def test_a_single_pixel_has_an_ipq_of_zero_and_can_be_plotted(tmp_path, definition):
    root = one_sample(tmp_path / "one", np.array([[3]], np.uint8))
    arguments = (root, "--ipq-def", definition, "--out", tmp_path / "out")
    output = stats_json(*arguments)
    assert output["images"][0]["ipq"] == {"tree": 0.0}
    assert output["images"][0]["mipq"] == 0.0


def test_names_are_printed_as_they_are(tmp_path):
    root = one_sample(tmp_path / "set[red]", np.full((9, 9), 5, np.uint8), key="a[b]:smile:c")
    one_sample(root, np.full((9, 9), 3, np.uint8), key="b[x]")
    classes = tmp_path / "classes.toml"
    rows = ((0, "rest"), (3, "[/x]"), (5, r"$\\foo$"))
    classes.write_text("".join(f'[[classes]]\nid = {i}\nname = "{name}"\n' for i, name in rows))
    result = stats(root, "--classes", classes, "--by", "class", "--top", 2, "--out", tmp_path / "o")
    assert result.exit_code == 0, result.output
    for name in ("set[red]", "a[b]:smile:c", "b[x]", "[/x]", r"$\foo$"):
        assert name in result.output


def test_classes_whose_names_differ_only_in_case_are_not_mixed_up(tmp_path):
    label_map = np.zeros((40, 40), np.uint8)
    label_map[10:30, 10:30] = 1
    root = one_sample(tmp_path / "case", label_map)
    classes = tmp_path / "classes.toml"
    classes.write_text('[[classes]]\nid = 0\nname = "A"\n[[classes]]\nid = 1\nname = "a"\n')
    output = stats_json(root, "--classes", classes)
    assert output["images"][0]["pixels"] == {"A": 1200, "a": 400}


def cells_of(output, name):
    (line,) = (line for line in output.splitlines() if line.startswith(f"│ {name} "))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_the_tables_show_the_numbers_of_the_json(tiny_dataset):
    result = stats(tiny_dataset, "--metric", "all", "--by", "split")
    output = stats_json(tiny_dataset, "--metric", "all")
    for name, row in [("tiny", output["dataset"])] + [
        (row["name"], row) for row in output["by"]["split"]
    ]:
        name = tiny_dataset.name if name == "tiny" else name
        expected = [
            name,
            str(row["images"]),
            f"{row['diagonal']['mean']:,.0f} ± {row['diagonal']['std']:,.0f}",
            "7",
            f"{row['mipq']['mean']:,.1f} ± {row['mipq']['std']:,.1f}",
        ]
        assert cells_of(result.stdout, name) == expected
    for row in output["classes"]:
        if row["images"]:
            assert cells_of(result.stdout, row["name"]) == [
                *(row["name"], str(row["images"]), f"{100 * row['pixel_share']:.2f}"),
                f"{row['ipq']['mean']:,.1f} ± {row['ipq']['std']:,.1f}",
                *(f"{row['components']:,}", f"{row['holes']:,}"),
                *(f"{100 * row['thin_share']:.2f}", f"{100 * row['edge_share']:.2f}"),
            ]


def test_class_rows_of_the_json_follow_from_the_images(tiny_dataset):
    output = stats_json(tiny_dataset, "--metric", "all")
    total = sum(sum(image["pixels"].values()) for image in output["images"])
    for row in output["classes"]:
        name = row["name"]
        ipq = [image["ipq"][name] for image in output["images"] if name in image["ipq"]]
        if not ipq:
            continue
        assert row["ipq"] == {
            "mean": pytest.approx(np.mean(ipq)),
            "std": pytest.approx(np.std(ipq)),
        }
        assert row["pixel_share"] == pytest.approx(row["pixels"] / total)
        for what in ("thin", "edge"):
            field = "edges" if what == "edge" else what
            count = sum(image[field].get(name, 0) for image in output["images"])
            assert row[f"{what}_share"] == pytest.approx(count / row["pixels"])
    for image in output["images"]:
        thin = sum(image["thin"].values()) / sum(image["pixels"].values())
        assert image["thin_share"] == pytest.approx(thin)


def test_cities_of_a_layout_are_used_where_names_tell_none():
    groups = [
        replace(find, sample=replace(find.sample, key=key, group=group))
        for key, group in (("x_1", "aachen"), ("x_2", "aachen"), ("1_b1_20230210_Ulm", "bonn"))
        for find in [ImageStatistics(Sample("", "train", Path(), Path()), (3, 4))]
    ]
    assert [(row.name, row.images) for row in summarise_by("city", groups)] == [
        ("aachen", 2),
        ("ulm", 1),
    ]


def test_plots_show_the_values(tiny_dataset, own_cache, monkeypatch):
    drawn = {}

    def keep(figure):
        (axes,) = figure.axes
        drawn[axes.get_title()] = axes
        return b""

    monkeypatch.setattr(figures, "_png", keep)
    dataset = find_dataset(tiny_dataset)
    with open_cache(own_cache, MASS13K) as cache:
        statistics = collect(
            dataset,
            metric="mipq",
            definition="contour",
            min_area=1,
            workers=Workers(),
            cache=cache,
        )
    figures.figures(statistics)
    for title in ("Image size", "Mask complexity"):
        assert sum(bar.get_height() for bar in drawn[title].patches) == 6
    low, high = drawn["Mask complexity"].get_xlim()
    assert low <= statistics.mipq.min() <= statistics.mipq.max() <= high
    assert "mean 115" in drawn["Image size"].get_legend().get_texts()[0].get_text()
    rows = {row.name: row for row in summarise_classes(statistics.images, MASS13K)}
    bars = drawn["Share of pixels"]
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert sorted(names) == sorted(MASS13K.names.values())
    for name, bar in zip(names, bars.patches, strict=True):
        assert bar.get_width() == pytest.approx(100 * rows[name].pixel_share)
    boxes = [label.get_text() for label in drawn["Complexity by class"].get_yticklabels()]
    assert set(boxes) == {name for name, row in rows.items() if row.images}
