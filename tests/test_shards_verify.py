"""``mass13k shards verify`` finds whatever is wrong with shards."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from shard_folders import (
    edit,
    kinds,
    make,
    make_all,
    mass13k,
    members,
    rewrite,
    shards,
    shards_json,
    tar_of,
)

from mass13k_tools.images import png_bytes
from mass13k_tools.ops.blocks import block_counts
from mass13k_tools.shards import verify_sample
from mass13k_tools.shards.index import index_digest
from mass13k_tools.shards.png_bands import banded_png
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.seek_index import SeekIndex, pack_seek_index, unpack_seek_index


@pytest.fixture
def made(tiny_dataset, tmp_path):
    return make_all(tiny_dataset, tmp_path / "shards")


def seal(index, folder):
    """Make the digests of an index agree with the manifests and with itself."""
    for row in index["splits"].values():
        for shard in row["shards"]:
            manifest = (folder / shard["file"]).with_suffix(".json").read_bytes()
            shard["manifest_sha256"] = hashlib.sha256(manifest).hexdigest()
    index["sha256"] = index_digest(index)


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
    path.with_suffix(".json").write_text(json.dumps(manifest) + "\n")

    def follow(index):
        row = index["splits"][split]
        row["bytes"] += size - row["shards"][0]["bytes"]
        row["shards"][0] |= {"sha256": digest, "bytes": size}
        seal(index, folder)

    edit(folder / "index.json", follow)
    for end in (".idx", ".tar.idx"):
        path.with_suffix(end).unlink(missing_ok=True)


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
        (lambda table: first(table).update(height=65), {"damaged-member"}),
        (lambda table: first(table).update(mipq=1.5), {"wrong-facts"}),
        (lambda table: first(table)["members"].pop("seek"), {"extra-member"}),
        (lambda table: first(table)["members"]["jpg"].__setitem__(1, 9), {"moved-member"}),
        (lambda table: table.update(plan="0" * 64), {"damaged-manifest"}),
        (
            lambda table: table["quarantined"].append({"key": "k", "reason": "r"}),
            {"damaged-manifest"},
        ),
        (lambda table: first(table).update(mipq=float("nan")), {"damaged-manifest"}),
        (lambda table: first(table).update(mipq=1e308), {"damaged-manifest"}),
        (lambda table: first(table).update(mipq=-1.0), {"damaged-manifest"}),
    ],
)
def test_a_manifest_that_does_not_fit_is_found_and_the_index_is_not_blamed(made, change, expected):
    manifest = tar_of(made).with_suffix(".json")
    edit(manifest, change)
    problems = shards_json("verify", made, exit_code=1)["problems"]
    found = {problem["kind"] for problem in problems}
    assert expected <= found
    assert not found & {"damaged-index", "wrong-list"}
    damaged = [problem for problem in problems if problem["kind"] == "damaged-manifest"]
    assert [problem["file"] for problem in damaged] == [manifest.name]


@pytest.mark.parametrize("options", [(), ("--deep",)])
def test_a_changed_manifest_is_one_problem(made, options):
    manifest = tar_of(made).with_suffix(".json")
    manifest.write_bytes(manifest.read_bytes().replace(b", ", b",  ", 1))
    (problem,) = shards_json("verify", made, *options, exit_code=1)["problems"]
    assert problem == {
        "kind": "damaged-manifest",
        "file": manifest.name,
        "found": "other content than was written",
        "expected": "",
        "key": "",
    }


@pytest.mark.parametrize("split", ["val", "train"])
def test_a_damaged_manifest_hides_no_damage_of_the_index_or_of_its_own(made, split):
    edit(tar_of(made).with_suffix(".json"), lambda table: table.update(plan="0" * 64))
    edit(made / "index.json", lambda table: table["splits"][split].update(samples=7))
    problems = shards_json("verify", made, exit_code=1)["problems"]
    found = [problem["found"] for problem in problems if problem["kind"] == "damaged-index"]
    told = [f"'samples' of '{split}' is 7"] if split == "train" else []
    assert found == [*told, "other content than was written"]


def test_an_index_of_other_settings_is_to_blame_not_its_manifests(made):
    edit(made / "index.json", lambda table: table["settings"].update(seed=7))
    assert kinds(made) == {"damaged-index"}

    def forge_settings(table):
        table["settings"]["seed"] = 8
        seal(table, made)

    edit(made / "index.json", forge_settings)
    (problem,) = shards_json("verify", made, exit_code=1)["problems"]
    assert (problem["kind"], problem["found"]) == ("damaged-index", "other settings")


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
        lambda table: table["settings"].update(seed=float("nan")),
        lambda table: table["settings"].update(seed=float("inf")),
        lambda table: table["taxonomy"]["classes"][3].update(colour=[1, 2, 3]),
        lambda table: table["taxonomy"]["classes"][3]["aliases"].append("bush"),
        lambda table: table.update(name="other"),
    ],
)
def test_an_index_that_does_not_fit_is_found(made, change):
    edit(made / "index.json", change)
    assert kinds(made) & {"damaged-index", "damaged-manifest", "wrong-facts", "wrong-sha256"}


@pytest.mark.parametrize("file", ["../a.tar", "a\0.tar", "\ud800.tar", "a\n.tar", "a.txt"])
def test_an_index_of_strange_names_is_one_problem(made, file):
    def rename(table):
        table["splits"]["val"]["shards"][0]["file"] = file
        table["sha256"] = index_digest(table)

    edit(made / "index.json", rename)
    (problem,) = shards_json("verify", made, exit_code=1)["problems"]
    assert problem["kind"] == "damaged-index"
    assert f"shard {file!r} is no name of a tar" in problem["found"]
    result = shards("ls", made)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("name", ["name", "alias", "class"])
def test_half_a_character_in_a_name_of_the_index_is_one_problem(made, tmp_path, name):
    def rename(table):
        row = table["taxonomy"]["classes"][1]
        if name == "alias":
            row["aliases"] = ["half a \ud800"]
        else:
            (row if name == "class" else table["taxonomy"])["name"] = "half a \ud800"
        table["sha256"] = index_digest(table)

    edit(made / "index.json", rename)
    (problem,) = shards_json("verify", made, exit_code=1)["problems"]
    assert problem["kind"] == "damaged-index"
    assert r"half a \ud800" in problem["found"]
    result = shards("extract", made, tmp_path / "out")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "out").exists()


def test_the_list_of_samples_left_out_is_compared(tiny_dataset, tmp_path):
    bad = next((tiny_dataset / "images" / "val").iterdir())
    bad.write_bytes(bad.read_bytes()[:200])
    out = tmp_path / "shards"
    assert mass13k("shard", tiny_dataset, out, "--jobs", 1).exit_code == 1
    assert kinds(out) == set()
    listed = out / "quarantine.json"
    before = listed.read_bytes()
    listed.write_bytes(before.replace(b"reason", b"Reason"))
    assert kinds(out) == {"wrong-list"}
    listed.unlink()
    assert kinds(out) == {"wrong-list"}


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


def other_edge_counts(mine):
    index = unpack_seek_index(mine["seek"], "seek")
    index.blocks.edges[0, 0] += 1
    mine["seek"] = pack_seek_index(index)


def labels_of_another_size(mine):
    mine["label.png"] = png_bytes(labels_of(mine)[1:])
    index = unpack_seek_index(mine["seek"], "seek")
    mine["seek"] = pack_seek_index(SeekIndex(index.jpeg, None, index.blocks))


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
    (other_edge_counts, True, {"wrong-facts"}),
    (labels_of_another_size, True, {"damaged-label"}),
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


def test_offsets_are_compared_with_the_markers_wherever_rectangles_are(made, monkeypatch):
    forge(made, other_intervals)
    monkeypatch.setattr(verify_sample, "_rectangles", lambda picture, key: [])
    assert kinds(made, "--deep") == {"wrong-region"}


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


def test_a_cluster_finds_the_same(made, cluster_address):
    tar_of(made).unlink()
    here = shards_json("verify", made, exit_code=1)
    result = mass13k("shards", "verify", made, "--json", "--cluster", cluster_address)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == here
