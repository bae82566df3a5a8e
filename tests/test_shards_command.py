"""``mass13k shards``: what it lists, finds, gives back and compares."""

import io
import json
import os
import shutil
import tarfile
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from mass13k_tools.classes import read_taxonomy, shipped_taxonomy
from mass13k_tools.cli import main
from mass13k_tools.images import png_bytes
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.blocks import block_counts
from mass13k_tools.shards.diff import KINDS as DIFFERENCES
from mass13k_tools.shards.findings import KINDS
from mass13k_tools.shards.png_bands import banded_png
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.seek_index import SeekIndex, pack_seek_index, unpack_seek_index
from mass13k_tools.shards.tar_writer import TarWriter

ROOT = Path(__file__).parent.parent
REAL = ROOT.parent / "shared" / "data" / "highres7"


def mass13k(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def shards(command, *arguments, jobs=1):
    workers = () if command in ("ls", "info") else ("--jobs", jobs)
    return mass13k("shards", command, *arguments, *workers)


def shards_json(command, *arguments, jobs=1, exit_code=0):
    result = shards(command, *arguments, "--json", jobs=jobs)
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def make(root, out, *options):
    result = mass13k("shard", root, out, "--jobs", 1, *options)
    assert result.exit_code == 0, result.output
    return out


def kinds(folder, *options):
    """Verify and give what kinds of problems there are, or nothing where all is right."""
    result = shards("verify", folder, "--json", *options)
    report = json.loads(result.stdout)
    assert result.exit_code == (0 if report["ok"] else 1)
    assert report["ok"] == (not report["problems"])
    return {problem["kind"] for problem in report["problems"]}


@pytest.fixture
def made(tiny_dataset, tmp_path):
    """Shards of the tiny data set with all that can be put in them: two of train."""
    size = sum(path.stat().st_size for path in tiny_dataset.glob("*/val/*")) + 1
    options = ("--with", "edges", "--dali", "--energon", "--size", size)
    return make(tiny_dataset, tmp_path / "shards", *options)


def tar_of(folder, split="val", number=0):
    return sorted(folder.glob(f"*-{split}-*.tar"))[number]


def edit(path, change):
    """Change a JSON file in place."""
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))


def members(path):
    with tarfile.open(path) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}


def rewrite(path, contents):
    """Write a tar anew, its manifest and index left as they are."""
    with path.open("wb") as file:
        tar = TarWriter(file)
        spans = {name: tar.add(name, content) for name, content in contents.items()}
        return spans, tar.close(), tar.bytes


def forge(folder, change, *, split="val", facts=None):
    """Change members of a split's first sample and make manifest and index agree with them."""
    path = tar_of(folder, split)
    manifest = json.loads(path.with_suffix(".json").read_text())
    key, contents = manifest["samples"][0]["key"], members(path)
    mine = {name.partition(".")[2]: content for name, content in contents.items() if key in name}
    change(mine)
    contents |= {f"{key}.{ending}": content for ending, content in mine.items()}
    spans, digest, size = rewrite(path, contents)
    manifest |= {"sha256": digest, "bytes": size}
    for sample in manifest["samples"]:
        for ending in sample["members"]:
            sample["members"][ending] = spans[f"{sample['key']}.{ending}"]
    path.with_suffix(".json").write_text(json.dumps(manifest))

    def follow(index):
        row = index["splits"][split]
        row["bytes"] += size - row["shards"][0]["bytes"]
        row["shards"][0] |= {"sha256": digest, "bytes": size}

    edit(folder / "index.json", follow)
    for end in (".idx", ".tar.idx"):
        path.with_suffix(end).unlink(missing_ok=True)


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


# verify


@pytest.mark.parametrize("options", [(), ("--deep",)])
@pytest.mark.parametrize("jobs", [1, 2])
def test_shards_as_they_were_written_are_right(made, options, jobs):
    report = shards_json("verify", made, *options, jobs=jobs)
    assert report["ok"] and report["problems"] == []
    assert (report["shards"], report["samples"]) == (4, 6)
    assert report["bytes"] == sum(path.stat().st_size for path in made.glob("*.tar"))
    result = shards("verify", made, *options)
    assert result.exit_code == 0 and "6 samples in 4 shards: all as written" in result.output


def test_copied_shards_are_right_too(tiny_dataset, tmp_path):
    assert kinds(make(tiny_dataset, tmp_path / "copied", "--copy"), "--deep") == set()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_of_a_tar_is_found(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "flipped"
    if not folder.exists():
        assert (
            mass13k("sample", folder / "tiny", "--tiny", "--images", 3, "--jobs", 1).exit_code == 0
        )
        make(folder / "tiny", folder / "shards")
    path = data.draw(st.sampled_from(sorted((folder / "shards").glob("*.tar"))))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    try:
        assert "wrong-sha256" in kinds(folder / "shards")
    finally:
        path.write_bytes(content)


def test_a_flipped_bit_is_found_with_the_sample_that_it_damages(made):
    sample = ShardSet.open(made, splits=["val"]).samples[1]
    path = Path(sample.tar.address)
    for ending, kind in (("label.png", "damaged-label"), ("seek", "damaged-member")):
        content = bytearray(path.read_bytes())
        span = sample.members[ending]
        content[span.offset + span.size // 2] ^= 4
        path.write_bytes(content)
        problems = shards_json("verify", made, exit_code=1)["problems"]
        assert {"wrong-sha256", kind} <= {problem["kind"] for problem in problems}
        assert {problem["key"] for problem in problems} == {"", sample.key}
        assert {problem["file"] for problem in problems} == {path.name}
        content[span.offset + span.size // 2] ^= 4
        path.write_bytes(content)
    assert kinds(made) == set()


@pytest.mark.parametrize("kept", [0, 1, 511, 512, 5000, -10240, -512, -1])
def test_a_truncated_tar_is_found(made, kept):
    path = tar_of(made)
    path.write_bytes(path.read_bytes()[:kept])
    found = kinds(made)
    assert {"wrong-size", "wrong-sha256"} <= found
    if kept != -512:  # the second half of its end: all members are there
        assert "damaged-tar" in found or kept in (-1,)


def test_a_tar_with_something_behind_it_is_found(made):
    with tar_of(made).open("ab") as file:
        file.write(b"more")
    assert {"wrong-size", "wrong-sha256", "damaged-tar"} <= kinds(made)


def test_missing_and_added_members_are_found(made):
    path = tar_of(made)
    contents = members(path)
    gone = next(iter(contents))
    rewrite(path, {name: each for name, each in contents.items() if name != gone})
    problems = shards_json("verify", made, exit_code=1)["problems"]
    assert f"no '{gone}'" in {
        each["found"] for each in problems if each["kind"] == "missing-member"
    }
    rewrite(path, contents | {"new.txt": b"x"})
    problems = shards_json("verify", made, exit_code=1)["problems"]
    (extra,) = [each for each in problems if each["kind"] == "extra-member"]
    assert "'new.txt'" in extra["found"]
    rewrite(path, dict(reversed(contents.items())))
    assert "moved-member" in kinds(made)
    rewrite(path, contents)
    assert kinds(made) == set()


def test_missing_and_strange_files_are_found(made):
    tar, manifest = tar_of(made), tar_of(made).with_suffix(".json")
    cases = [
        (lambda: tar.rename(made / "away"), "missing-shard"),
        (lambda: manifest.rename(made / "away"), "damaged-manifest"),
        (lambda: shutil.copy(tar, made / "more.tar"), "extra-shard"),
        (lambda: shutil.copy(manifest, made / "shards-val-000009.json"), "extra-shard"),
        (lambda: (made / "index.json").rename(made / "away"), "damaged-index"),
    ]
    for change, kind in cases:
        before = {path: path.read_bytes() for path in made.iterdir() if path.is_file()}
        change()
        assert kinds(made) == {kind}
        for path in [path for path in made.iterdir() if path.is_file()]:
            path.unlink()
        for path, content in before.items():
            path.write_bytes(content)
    assert kinds(made) == set()


def test_what_a_run_that_left_all_of_a_shard_out_leaves_is_no_problem(tiny_dataset, tmp_path):
    (bad,) = (tiny_dataset / "images" / "test").iterdir()
    bad.write_bytes(b"no image")
    assert mass13k("shard", tiny_dataset, tmp_path / "out", "--jobs", 1).exit_code == 1
    assert list((tmp_path / "out").glob("*-test-*.json"))
    assert kinds(tmp_path / "out") == set()


def first(table):
    return table["samples"][0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda table: table.update(sha256="0" * 64), {"damaged-manifest"}),
        (lambda table: table.update(bytes=table["bytes"] + 512), {"damaged-manifest"}),
        (lambda table: table["samples"].pop(), {"damaged-manifest"}),
        (lambda table: table["settings"].update(seed=7), {"damaged-manifest"}),
        (lambda table: first(table).update(key="renamed"), {"missing-member", "extra-member"}),
        (lambda table: first(table).update(height=65), {"wrong-facts", "damaged-member"}),
        (lambda table: first(table).update(mipq=1.5), {"wrong-facts"}),
        (lambda table: first(table)["members"].pop("seek"), {"extra-member"}),
        (lambda table: first(table)["members"]["jpg"].__setitem__(1, 9), {"moved-member"}),
    ],
)
def test_a_manifest_that_does_not_fit_is_found(made, change, expected):
    edit(tar_of(made).with_suffix(".json"), change)
    found = kinds(made)
    assert found & expected, found


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table["splits"]["val"].update(samples=3),
        lambda table: table["splits"]["val"].update(bytes=3),
        lambda table: table["splits"]["val"].update(seekable=0),
        lambda table: table["splits"]["val"]["mipq"].update(mean=0.5),
        lambda table: table["splits"]["val"]["shards"][0].update(sha256="0" * 64),
        lambda table: table["splits"]["val"]["shards"][0].update(samples=1),
        lambda table: table["splits"].update(dev=table["splits"].pop("val")),
        lambda table: table["splits"]["train"]["shards"].append(
            table["splits"]["train"]["shards"][0]
        ),
        lambda table: table["taxonomy"]["lookup"].__setitem__(3, 4),
        lambda table: table["taxonomy"]["classes"][3].update(name="rock"),
        lambda table: table["settings"].update(order="shuffle"),
    ],
)
def test_an_index_that_does_not_fit_is_found(made, change):
    edit(made / "index.json", change)
    assert kinds(made) & {"damaged-index", "damaged-manifest", "wrong-facts", "wrong-sha256"}


def test_a_key_in_two_shards_is_found(made):
    def follow(table):
        row = table["splits"]["train"]["shards"]
        row[1] = row[0] | {"file": row[1]["file"]}

    one, two = tar_of(made, "train"), tar_of(made, "train", 1)
    shutil.copy(one, two)
    edit(one.with_suffix(".json"), lambda table: None)
    table = json.loads(one.with_suffix(".json").read_text()) | {"file": two.name}
    two.with_suffix(".json").write_text(json.dumps(table))
    edit(made / "index.json", follow)
    assert "duplicate-key" in kinds(made)


def test_index_files_for_other_readers_are_compared(made):
    for path in (next(made.glob("*-val-*.idx")), next(made.glob("*-val-*.tar.idx"))):
        before = path.read_bytes()
        path.write_bytes(before[:-1] + b"0")
        assert kinds(made) == {"wrong-list"}
        path.write_bytes(before)
    (made / ".nv-meta" / "split.yaml").unlink()
    assert kinds(made) == {"wrong-list"}


def labels_of(mine):
    return np.asarray(PillowImage.open(io.BytesIO(mine["label.png"])))


def other_classes(mine):
    """Swap two classes: their edges stay where they were."""
    labels = labels_of(mine)
    swapped = np.choose((labels == 5) + 2 * (labels == 2), [labels, 2, 5]).astype(np.uint8)
    mine["label.png"] = banded_png(swapped).content


def turned_labels(mine):
    labels = np.ascontiguousarray(labels_of(mine)[::-1])
    mine["label.png"] = banded_png(labels).content + bytes(100)


def labels_in_no_bands(mine):
    buffer = io.BytesIO()
    PillowImage.fromarray(labels_of(mine)).save(buffer, "PNG", compress_level=0)
    mine["label.png"] = buffer.getvalue()


def other_offsets(mine):
    index = unpack_seek_index(mine["seek"], "seek")
    labels = np.full((64, 96), 2, np.uint8)
    mine["seek"] = pack_seek_index(SeekIndex(index.jpeg, index.bands, block_counts(labels)))


def other_facts(mine, **changes):
    mine["json"] = json.dumps(json.loads(mine["json"]) | changes).encode()


def other_image(mine, size_wh):
    buffer = io.BytesIO()
    PillowImage.new("RGB", size_wh).save(buffer, "JPEG")
    mine["jpg"] = buffer.getvalue()


def without_labels(mine):
    mine["label.png"] = mine["label.png"][:60]


def unknown_labels(mine):
    mine["label.png"] = banded_png(np.full((64, 96), 77, np.uint8)).content


def no_edges(mine):
    mine["edges.png"] = png_bytes(np.zeros((64, 96), np.uint8))


def other_intervals(mine):
    """Move the start of one interval by a byte: the whole file stays what it was."""
    index = unpack_seek_index(mine["seek"], "seek")
    index.jpeg.offsets[3] += 1
    mine["seek"] = pack_seek_index(index)


FORGED = [
    (other_classes, True, {"wrong-facts"}),
    (turned_labels, True, {"wrong-edges"}),
    (labels_in_no_bands, False, set()),
    (labels_in_no_bands, True, {"wrong-region"}),
    (other_offsets, False, {"wrong-facts"}),
    (other_intervals, True, {"wrong-region"}),
    (lambda mine: other_facts(mine, height=65), False, {"wrong-facts"}),
    (lambda mine: other_facts(mine, key="k"), False, {"wrong-facts"}),
    (lambda mine: other_facts(mine, split="train"), False, {"wrong-facts"}),
    (lambda mine: other_facts(mine, mipq=None), False, {"wrong-facts"}),
    (lambda mine: other_facts(mine, seekable="no"), False, {"wrong-facts"}),
    (lambda mine: other_facts(mine, classes={"sky": 64 * 96}), False, {"wrong-facts"}),
    (lambda mine: mine.update(json=b"{"), False, {"damaged-member"}),
    (lambda mine: mine.update(json=b"[1]"), False, {"damaged-member"}),
    (lambda mine: mine.update(seek=b"no"), False, {"damaged-member"}),
    (lambda mine: mine.update(jpg=mine["jpg"] + b"no image"), False, set()),
    (lambda mine: mine.update(jpg=b"no image" * 900), True, {"damaged-image"}),
    (lambda mine: other_image(mine, (96, 63)), True, {"damaged-image"}),
    (lambda mine: other_image(mine, (96, 64)), False, {"damaged-member"}),
    (without_labels, True, {"damaged-label"}),
    (unknown_labels, True, {"damaged-label"}),
    (no_edges, True, {"wrong-edges"}),
]


@pytest.mark.parametrize(("change", "deep", "expected"), FORGED)
def test_members_that_do_not_fit_each_other_are_found(made, change, deep, expected):
    forge(made, change)
    found = kinds(made, *(["--deep"] if deep else []))
    assert expected <= found
    assert not found & {"wrong-sha256", "wrong-size", "damaged-manifest", "damaged-index"}


def test_copied_files_are_compared_with_their_sources(tiny_dataset, tmp_path):
    folder = make(tiny_dataset, tmp_path / "copied", "--copy")
    forge(folder, lambda mine: mine.update(jpg=mine["jpg"] + b"\0"))
    assert kinds(folder) == set()
    assert kinds(folder, "--deep") == {"wrong-facts"}


def test_what_verify_prints_is_one_line_a_problem(made):
    tar_of(made).unlink()
    result = shards("verify", made)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "missing-shard: tiny-val-000000.tar: nothing, expected the tar",
        "6 samples in 4 shards: 1 problems",
    ]


def test_shards_without_index_have_nothing_to_be_verified_against(made, tmp_path):
    assert kinds(tmp_path / "nowhere") == {"damaged-index"}


# extract


def bytes_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


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


def test_shards_far_away_are_verified_and_extracted(made, tiny_dataset, tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    system = fsspec.filesystem("memory")
    for path in made.rglob("*"):
        if path.is_file():
            system.pipe_file(f"/far/{path.relative_to(made)}", path.read_bytes())
    address = "memory://far"
    try:
        assert shards_json("info", address)["samples"] == 6
        assert kinds(address, "--deep") == set()
        assert shards("extract", address, tmp_path / "again").exit_code == 0
        assert shards_json("diff", address, tiny_dataset)["equal"]
        assert shards_json("diff", tmp_path / "again", address)["equal"]
        system.pipe_file(f"/far/{tar_of(made).name}", tar_of(made).read_bytes()[:9000])
        assert "damaged-tar" in kinds(address)
    finally:
        system.rm("/far", recursive=True)


# diff


def test_a_data_set_its_shards_and_its_copies_are_equal(made, tiny_dataset, tmp_path):
    copied = make(tiny_dataset, tmp_path / "copied", "--copy")
    for a, b in ((tiny_dataset, made), (made, copied), (copied, tiny_dataset), (made, made)):
        table = shards_json("diff", a, b)
        assert table == {"equal": True, "samples": 6, "differences": []}
    assert shards_json("diff", made, tiny_dataset, jobs=2)["equal"]
    assert "6 samples in both: equal" in shards("diff", made, tiny_dataset).output


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
