"""``mass13k show`` on real files."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.images import read_image, read_label_map
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops import render
from mass13k_tools.ops.complexity import complexity
from mass13k_tools.ops.render import GAP_PX
from mass13k_tools.panels import Look, contact_sheet, panel


def show(*arguments):
    return CliRunner().invoke(main, ["show", *map(str, arguments)])


@pytest.fixture
def sample(tiny_dataset):
    return find_dataset(tiny_dataset).samples[0]


def test_a_crop_shows_every_label_pixel_as_a_sharp_square(tiny_dataset, sample, tmp_path):
    result = show(
        *(tiny_dataset, sample.key, "--crop", "10,20,16,24", "--layers", "label"),
        *("--side", 240, "--out", tmp_path / "panels"),
    )
    assert result.exit_code == 0, result.output
    drawn = read_image(tmp_path / "panels" / f"{sample.key}.png")
    labels = read_label_map(sample.label_path, MASS13K)[10:26, 20:44]
    expected = MASS13K.colours[labels].repeat(10, axis=0).repeat(10, axis=1)
    np.testing.assert_array_equal(drawn[GAP_PX:, GAP_PX:][:160, :240], expected)


def test_all_layers_stand_side_by_side(tiny_dataset, sample, tmp_path):
    layers = "image,overlay,label,outline"
    result = show(tiny_dataset, sample.key, "--layers", layers, "--side", 0, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    drawn = read_image(tmp_path / f"{sample.key}.png")
    assert drawn.shape[1] > 4 * 96
    image = read_image(sample.image_path)
    np.testing.assert_array_equal(drawn[GAP_PX:, GAP_PX:][:64, :96], image)


def test_the_legend_has_share_and_ipq_of_every_class_present(sample, monkeypatch):
    seen = {}

    def note(title, rows, *, text_px):
        seen.update(title=title, rows=rows)
        return np.zeros((text_px, 5, 3), np.uint8)

    monkeypatch.setattr(render, "legend", note)
    panel(sample, MASS13K, Look(("label",), None, 100))
    label_map = read_label_map(sample.label_path, MASS13K)
    measured = complexity(label_map)
    assert seen["title"][0] == sample.key
    assert seen["title"][-1] == f"mIPQ {measured.mipq:,.1f} (contour)"
    areas = {row.id: (label_map == row.id).mean() for row in MASS13K.classes}
    present = sorted((row for row in MASS13K.classes if areas[row.id]), key=lambda r: -areas[r.id])
    expected = [
        (row.colour, f"{row.name}  {areas[row.id]:.1%}  IPQ {measured.ipq[row.id]:,.1f}")
        for row in present
    ]
    ignored = (label_map == 255).mean()
    if ignored:
        expected.append(((128, 128, 128), f"ignore  {ignored:.1%}"))
    assert [tuple(row) for row in seen["rows"]] == expected


def test_cells_of_a_grid_bear_key_split_and_mipq(sample, monkeypatch):
    captions = []
    real = render.legend
    monkeypatch.setattr(
        render, "legend", lambda title, rows: captions.append(title) or real(title, rows)
    )
    drawn = contact_sheet([sample], MASS13K, Look(("image",), None, 96))
    mipq = complexity(read_label_map(sample.label_path, MASS13K)).mipq
    assert captions == [[sample.key, f"{sample.split}, mIPQ {mipq:,.1f}"]]
    first = drawn[GAP_PX:, GAP_PX:][:64, :96]
    np.testing.assert_array_equal(first, read_image(sample.image_path))
    assert drawn.shape[0] > 64 + 30  # the caption is below


def test_pictures_are_listed_as_json(tiny_dataset, sample, tmp_path):
    result = show(tiny_dataset, sample.key, "--json", "--out", tmp_path)
    assert json.loads(result.stdout) == {"pictures": [str(tmp_path / f"{sample.key}.png")]}


def test_a_grid_needs_no_keys(tiny_dataset, tmp_path):
    result = show(tiny_dataset, "--grid", "--layers", "overlay", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert read_image(tmp_path / "grid.png").shape[1] > 2 * 96


def test_pictures_are_not_overwritten_by_accident(tiny_dataset, sample, tmp_path):
    assert show(tiny_dataset, sample.key, "--out", tmp_path).exit_code == 0
    assert show(tiny_dataset, sample.key, "--out", tmp_path).exit_code == 0  # the same bytes
    other = show(tiny_dataset, sample.key, "--side", 50, "--out", tmp_path)
    assert other.exit_code == 1
    assert "--overwrite" in other.output
    assert (
        show(tiny_dataset, sample.key, "--side", 50, "--out", tmp_path, "--overwrite").exit_code
        == 0
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing"], 1, "no sample 'nothing'"),
        ([], 2, "name at least one KEY"),
        (["KEY", "--layers", "image,depth"], 2, "'depth' is none of image, overlay"),
        (["KEY", "--crop", "1,2,3"], 2, "is not y,x,h,w"),
        (["KEY", "--crop", "60,0,10,10"], 1, "is not inside"),
        (["KEY", "--split", "dev"], 1, "no split 'dev'"),
    ],
)
def test_wrong_requests_say_what_is_wrong(tiny_dataset, sample, tmp_path, arguments, code, said):
    arguments = [sample.key if argument == "KEY" else argument for argument in arguments]
    result = show(tiny_dataset, *arguments, "--out", tmp_path / "none")
    assert result.exit_code == code
    assert said in result.output
    assert not (tmp_path / "none").exists()
