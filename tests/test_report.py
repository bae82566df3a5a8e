"""``mass13k report``: one page that needs nothing besides itself."""

import re

from command_runs import mass13k
from viewed import predictions_of

from mass13k_tools.layouts import find_dataset


def page_of(path):
    return path.read_text(encoding="utf-8")


def test_a_report_holds_numbers_plots_and_pictures_and_asks_for_nothing(tiny_dataset, tmp_path):
    folder = predictions_of(tiny_dataset, tmp_path / "pred", change=lambda each: each * 0 + 5)
    out = tmp_path / "report.html"
    result = mass13k("report", tiny_dataset, "--pred", folder, "--out", out, "--jobs", 1)
    assert result.exit_code == 0, result.output
    page = page_of(out)
    for heading in ("In numbers", "Most complex", "Suspicious", "Worst predictions of pred"):
        assert f"<h2>{heading}" in page
    assert "MaSS13K (paper)" in page and "building" in page
    sources = re.findall(r'src="([^"]{0,20})', page)
    assert len(sources) >= 4 + 6 + 2 * 6
    assert all(source.startswith("data:image/") for source in sources)
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert "http://" not in page and "https://" not in page and "<script" not in page
    again = mass13k("report", tiny_dataset, "--pred", folder, "--out", out, "--jobs", 1)
    assert again.exit_code == 0  # the same bytes: nothing to replace


def test_faults_are_listed_with_what_to_do_and_names_are_text(tiny_dataset, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    name = "<img src=x onerror=alert(1)>"
    for path in (sample.image_path, sample.label_path):
        path.rename(path.with_name(f"{name}{path.suffix}"))
    sample.image_path.with_name(f"{name}.jpg").write_bytes(b"no photo")
    out = tmp_path / "report.html"
    assert mass13k("report", tiny_dataset, "--out", out, "--jobs", 1).exit_code == 0
    page = page_of(out)
    assert "<img src=x" not in page and "&lt;img src=x" in page
    assert "expected" in page


def test_the_worst_prediction_comes_first_and_one_that_is_none_is_said(tiny_dataset, tmp_path):
    samples = find_dataset(tiny_dataset).samples
    folder = predictions_of(tiny_dataset, tmp_path / "pred")
    worst = folder / samples[2].split / f"{samples[2].key}.png"
    other = folder / samples[3].split / f"{samples[3].key}.png"
    worst.write_bytes(other.read_bytes())
    (folder / samples[1].split / f"{samples[1].key}.png").write_bytes(b"no png")
    out = tmp_path / "report.html"
    result = mass13k(
        "report", tiny_dataset, "--pred", folder, "--out", out, "--no-check", "--jobs", 1
    )
    assert result.exit_code == 1 and samples[1].key in result.stderr
    page = page_of(out)
    assert "Suspicious" not in page
    listed = re.findall(r"<figcaption>([^<]*)<br>[\d.]+% wrong", page)
    assert listed[0] == samples[2].key and len(listed) == 5


def test_a_report_replaces_no_file_unasked_and_none_of_the_data(tiny_dataset, tmp_path):
    out = tmp_path / "report.html"
    out.write_text("mine")
    refused = mass13k("report", tiny_dataset, "--out", out, "--no-check", "--jobs", 1)
    assert refused.exit_code == 1 and "--overwrite" in refused.stderr
    own = find_dataset(tiny_dataset).samples[0].image_path
    refused = mass13k("report", tiny_dataset, "--out", own, "--overwrite", "--jobs", 1)
    assert refused.exit_code == 1
    assert out.read_text() == "mine"
