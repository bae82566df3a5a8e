"""Reading shards: members, whole pictures and rectangles, from here and from far away."""

import io
import pickle
import tarfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from shard_folders import edit, make

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import png_bytes, read_sample
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.blocks import block_counts
from mass13k_tools.shards import shard_sample
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.seek_index import SeekIndex, pack_seek_index
from mass13k_tools.taxonomy_file import shipped_taxonomy

SIZE_HW = (150, 217)


def write_mixed(root):
    """Write a data set with every kind of image file, 150x217 pixels, all in train."""
    draw = np.random.default_rng(5)
    ways = {
        "grey": ("L", {"quality": 90}),
        "plain420": ("RGB", {"subsampling": "4:2:0", "quality": 85}),
        "plain422": ("RGB", {"subsampling": "4:2:2", "optimize": True}),
        "plain444": ("RGB", {"subsampling": "4:4:4"}),
        "progressive": ("RGB", {"progressive": True}),
        "restarts": ("RGB", {"restart_marker_rows": 1}),
        "turned": ("RGB", {}),
        "portable": ("RGB", None),
    }
    for folder in ("images/train", "annotations/train"):
        (root / folder).mkdir(parents=True)
    for key, (mode, options) in ways.items():
        size_hw = SIZE_HW[::-1] if key == "turned" else SIZE_HW
        coarse = PillowImage.fromarray(draw.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        picture = coarse.resize(size_hw[::-1], PillowImage.Resampling.BICUBIC).convert(mode)
        if key == "turned":
            exif = PillowImage.Exif()
            exif[0x0112] = 6
            options = {"exif": exif}
        ending = "png" if options is None else "jpg"
        picture.save(root / "images" / "train" / f"{key}.{ending}", **(options or {}))
        labels = draw.choice(np.array([0, 1, 2, 5, 255], np.uint8), (10, 11))
        labels = np.kron(labels, np.ones((15, 20), np.uint8))[: SIZE_HW[0], : SIZE_HW[1]]
        (root / "annotations" / "train" / f"{key}.png").write_bytes(png_bytes(labels))
    return root


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A data set of all kinds of files, its shards, those with copied files, and one lone tar."""
    folder = tmp_path_factory.mktemp("mixed")
    root = write_mixed(folder / "mixed")
    made = make(root, folder / "shards", "--with", "edges")
    copied = make(root, folder / "copied", "--copy")
    return {
        "root": root,
        "converted": ShardSet.open(made),
        "copied": ShardSet.open(copied),
        "lone": ShardSet.open(made / "mixed-train-000000.tar"),
    }


@pytest.fixture
def tiny_shards(tiny_dataset, tmp_path):
    return make(tiny_dataset, tmp_path / "shards")


@cache
def whole(root: Path):
    dataset = find_dataset(root)
    return {sample.key: read_sample(sample, dataset.taxonomy) for sample in dataset.samples}


WAYS = ("converted", "copied", "lone")


@pytest.mark.parametrize("way", WAYS)
def test_images_and_label_maps_are_those_of_the_folder(mixed, way):
    shards = mixed[way]
    assert sorted(shards.keys) == sorted(whole(mixed["root"]))
    for number, key in enumerate(shards.keys):
        image, label_map = whole(mixed["root"])[key]
        np.testing.assert_array_equal(shards.image(number), image, err_msg=key)
        np.testing.assert_array_equal(shards.label_map(number), label_map, err_msg=key)
        assert shards.size_hw(number) == SIZE_HW


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_rectangle_is_that_part_of_the_whole(mixed, data):
    shards = mixed[data.draw(st.sampled_from(WAYS))]
    number = data.draw(st.integers(0, len(shards) - 1))
    height, width = (data.draw(st.integers(1, side)) for side in SIZE_HW)
    y = data.draw(st.integers(0, SIZE_HW[0] - height))
    x = data.draw(st.integers(0, SIZE_HW[1] - width))
    image, label_map = whole(mixed["root"])[shards.keys[number]]
    box, part = (y, x, height, width), np.s_[y : y + height, x : x + width]
    np.testing.assert_array_equal(shards.image_region(number, box), image[part])
    np.testing.assert_array_equal(shards.label_region(number, box), label_map[part])
    np.testing.assert_array_equal(shards.raw_label_region(number, box), label_map[part])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("box", [(0, 0, 151, 1), (-1, 0, 5, 5), (0, 210, 5, 8), (3, 3, 0, 5)])
def test_a_rectangle_beyond_the_picture_is_refused(mixed, way, box):
    shards = mixed[way]
    for number in range(len(shards)):
        for read in (shards.image_region, shards.label_region):
            with pytest.raises(DatasetError, match="not within"):
                read(number, box)


def test_which_images_are_seekable_is_known(mixed):
    seekable = {each.key: each.seekable for each in mixed["converted"].samples}
    whole_only = {"progressive", "turned", "portable"}
    assert {key for key, yes in seekable.items() if not yes} == whole_only
    copied = {each.key: each.seekable for each in mixed["copied"].samples}
    assert {key for key, yes in copied.items() if yes} == {"restarts"}


def test_blocks_are_those_of_the_label_map(mixed):
    for number, key in enumerate(mixed["converted"].keys):
        blocks = mixed["converted"].block_counts(number)
        for found, expected in zip(blocks, block_counts(whole(mixed["root"])[key][1]), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert mixed["copied"].block_counts(number) is None


def test_little_more_than_the_rectangle_is_read(mixed, monkeypatch):
    shards = ShardSet.open(mixed["converted"].address)
    number = shards.number("train", "plain420")
    shards.seek_index(number)
    read = []

    def spy(place, ranges):
        read.extend(stop - start for start, stop in ranges)
        return real(place, ranges)

    real = shard_sample.read_parts
    monkeypatch.setattr(shard_sample, "read_parts", spy)
    shards.image_region(number, (64, 0, 16, 217))
    size = shards.samples[number].members["jpg"].size
    header = shards.seek_index(number).jpeg.header_bytes
    assert sum(read) - header < (size - header) / 3  # 3 rows of MCUs of 10
    read.clear()
    shards.label_region(number, (70, 5, 20, 3))  # one band of three
    assert len(read) == 1 and read[0] < shards.samples[number].members["label.png"].size / 2


@pytest.fixture
def members_read(monkeypatch):
    """Endings of the members that are read whole from here on."""
    endings, real = [], shard_sample.read_member

    def spy(sample, ending):
        endings.append(ending)
        return real(sample, ending)

    monkeypatch.setattr(shard_sample, "read_member", spy)
    return endings


def test_offsets_are_read_once_for_many_rectangles(mixed, members_read):
    shards = ShardSet.open(mixed["converted"].address)
    number = shards.number("train", "plain420")
    for y in range(10):
        shards.image_region(number, (y, 0, 20, 20))
        shards.label_region(number, (y, 0, 20, 20))
    assert members_read == ["seek"]


def test_what_is_not_seekable_is_decoded_once_for_rectangles_in_a_row(mixed, members_read):
    shards = ShardSet.open(mixed["copied"].address)
    number = shards.number("train", "plain420")
    for y in range(5):
        shards.image_region(number, (y, 0, 20, 20))
        shards.label_region(number, (y, 0, 20, 20))
    assert sorted(members_read) == ["jpg", "label.png", "seek"]


def test_a_rectangle_can_be_changed_without_harm(mixed):
    shards = mixed["copied"]
    first = shards.image_region(0, (0, 0, 9, 9))
    before = first.copy()
    first[:] = 7
    np.testing.assert_array_equal(shards.image_region(0, (0, 0, 9, 9)), before)


def test_members_are_read_whole_and_in_parts(mixed):
    shards = mixed["converted"]
    for number, sample in enumerate(shards.samples):
        with tarfile.open(sample.tar.address) as tar:
            for ending in sample.members:
                content = tar.extractfile(f"{sample.key}.{ending}").read()
                assert shards.read_member(number, ending) == content
                parts = shards.read_ranges(number, ending, [(0, 3), (len(content), len(content))])
                assert parts == [content[:3], b""]
    with pytest.raises(DatasetError, match=r"has \d+ bytes"):
        shards.read_ranges(0, "json", [(0, 10**6)])
    with pytest.raises(DatasetError, match="there is no .*cls'"):
        shards.read_member(0, "cls")


def test_samples_are_found_by_split_and_key(tiny_shards):
    shards = ShardSet.open(tiny_shards)
    assert len(shards) == 6
    for number, sample in enumerate(shards.samples):
        assert shards.number(sample.split, sample.key) == number
    with pytest.raises(DatasetError, match="no sample 'x' of 'val'"):
        shards.number("val", "x")
    val = ShardSet.open(tiny_shards, splits=["val"])
    assert {sample.split for sample in val.samples} == {"val"} and len(val) == 2
    with pytest.raises(DatasetError, match="no split 'dev'.*train, val, test"):
        ShardSet.open(tiny_shards, splits=["dev"])


def test_a_set_can_be_pickled_and_shared_by_threads(mixed):
    shards = mixed["converted"]
    shards.image_region(0, (0, 0, 8, 8))  # something is kept
    again = pickle.loads(pickle.dumps(shards))
    boxes = [(number % 8, (number, number, 30, 40)) for number in range(48)]
    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(lambda each: again.image_region(*each), boxes))
    for part, (number, (y, x, height, width)) in zip(parts, boxes, strict=True):
        expected = whole(mixed["root"])[shards.keys[number]][0]
        np.testing.assert_array_equal(part, expected[y : y + height, x : x + width])


def test_label_values_are_looked_up_by_the_taxonomy_of_the_shards(tmp_path):
    for folder in ("images", "annotations"):
        (tmp_path / "binary" / folder).mkdir(parents=True)
    values = np.zeros((40, 50), np.uint8)
    values[10:] = 255
    image = PillowImage.fromarray(np.repeat(values[:, :, None], 3, axis=2))
    image.save(tmp_path / "binary" / "images" / "a.jpg")
    (tmp_path / "binary" / "annotations" / "a.png").write_bytes(png_bytes(values))
    classes = resources.files("mass13k_tools") / "taxonomies" / "binary.toml"
    out = make(tmp_path / "binary", tmp_path / "out", "--classes", str(classes))
    shards = ShardSet.open(out)
    assert shards.taxonomy == shipped_taxonomy("binary")
    np.testing.assert_array_equal(shards.raw_labels(0), values)
    expected = shards.taxonomy.lookup_array[values]
    np.testing.assert_array_equal(shards.label_map(0), expected)
    assert len(np.unique(expected)) == 2 and (expected != values).any()
    np.testing.assert_array_equal(shards.label_region(0, (8, 3, 4, 5)), expected[8:12, 3:8])


@pytest.fixture
def memory_shards(tiny_shards):
    fsspec = pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    system = fsspec.filesystem("memory")
    for path in tiny_shards.iterdir():
        system.pipe_file(f"/bucket/tiny/{path.name}", path.read_bytes())
    yield "memory://bucket/tiny"
    system.rm("/bucket", recursive=True)


def test_far_away_shards_give_the_same_pixels(tiny_shards, memory_shards):
    near = ShardSet.open(tiny_shards)
    for far in (
        ShardSet.open(memory_shards),
        ShardSet.open(f"file://{tiny_shards}"),
        ShardSet.open(f"{memory_shards}/{next(tiny_shards.glob('*train*.tar')).name}"),
    ):
        for number, sample in enumerate(far.samples):
            same = near.keys.index(sample.key)
            np.testing.assert_array_equal(far.image(number), near.image(same))
            for box in ((0, 0, 64, 96), (10, 3, 20, 60), (63, 95, 1, 1)):
                for read in ("image_region", "label_region"):
                    np.testing.assert_array_equal(
                        getattr(far, read)(number, box), getattr(near, read)(same, box)
                    )


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def test_tars_of_other_makers_are_read_by_the_names_of_their_members(tmp_path, tiny_dataset):
    samples = find_dataset(tiny_dataset).samples
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(tiny_dataset / "images", "./data", recursive=False)  # a folder
        for sample in samples:
            add(tar, f"./data/{sample.key}.JPG", sample.image_path.read_bytes())
            add(tar, f"./data/{sample.key}.seg.png", sample.label_path.read_bytes())
            add(tar, f"./data/{sample.key}.cls", b"1")
        add(tar, "./data/._hidden.jpg", b"x")
        add(tar, "./data/README", b"x")
    shards = ShardSet.open(tmp_path / "other.tar")
    assert shards.keys == tuple(f"data/{sample.key}" for sample in samples)
    assert {sample.split for sample in shards.samples} == {"all"}
    for number, sample in enumerate(samples):
        image, label_map = read_sample(sample, MASS13K)
        np.testing.assert_array_equal(shards.image(number), image)
        part = shards.label_region(number, (3, 5, 9, 30))
        np.testing.assert_array_equal(part, label_map[3:12, 5:35])
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.tar").rename(tmp_path / "folder" / "other.tar")
    assert ShardSet.open(tmp_path / "folder").keys == shards.keys


def test_a_tar_of_a_jpeg_and_a_png_has_the_png_as_label_map(tmp_path, tiny_dataset):
    sample = find_dataset(tiny_dataset).samples[0]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "a.png", sample.label_path.read_bytes())
        add(tar, "a.jpg", sample.image_path.read_bytes())
        add(tar, "b.png", sample.label_path.read_bytes())
    shards = ShardSet.open(tmp_path / "a.tar")
    np.testing.assert_array_equal(shards.label_map(0), read_sample(sample, MASS13K)[1])
    assert shards.image(1).shape == (64, 96, 3)
    with pytest.raises(DatasetError, match=r"there is no 'a.tar/b.label.png'; 'b' has png"):
        shards.label_map(1)


def test_one_key_in_two_tars_is_refused(tmp_path):
    for name in ("a", "b"):
        with tarfile.open(tmp_path / f"{name}.tar", "w") as tar:
            add(tar, "k.jpg", b"x")
    with pytest.raises(DatasetError, match=r"'k' of 'all' is in 'a.tar' and in 'b.tar'"):
        ShardSet.open(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_shards_is_no_set(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no shards in"):
        ShardSet.open(tmp_path / name)


@pytest.mark.parametrize("file", ["../s-train-000000.tar", "/etc/x.tar", "a\\b.tar", "..", "", 3])
def test_an_index_that_leads_elsewhere_is_refused(tiny_shards, file):
    rows = lambda table: table["splits"]["train"]["shards"]  # noqa: E731
    edit(tiny_shards / "index.json", lambda table: rows(table)[0].update(file=file))
    with pytest.raises(DatasetError, match=r"index.json' is damaged") as caught:
        ShardSet.open(tiny_shards)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("split", ["..", "a/b", "", "a\nb"])
def test_a_split_that_is_no_folder_name_is_refused(tiny_shards, split):
    edit(
        tiny_shards / "index.json",
        lambda table: table["splits"].update({split: table["splits"].pop("train")}),
    )
    with pytest.raises(DatasetError, match="split"):
        ShardSet.open(tiny_shards)


def first(table):
    return table["samples"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda table: first(table).update(key="../a"),
        lambda table: first(table).update(key="a/b"),
        lambda table: first(table).update(key=""),
        lambda table: first(table).update(key=["a"]),
        lambda table: first(table).update(height=0),
        lambda table: first(table).update(height=-4),
        lambda table: first(table).update(width=1.5),
        lambda table: first(table).update(seekable=1),
        lambda table: table["samples"][-1]["members"].update({"../y": [table["bytes"] - 1, 1]}),
        lambda table: first(table)["members"].update(jpg=[512, 10**9]),
        lambda table: first(table)["members"].update(jpg=[-512, 10]),
        lambda table: first(table)["members"].update(jpg=[512]),
        lambda table: first(table)["members"].update(jpg=[512, True]),
        lambda table: table.update(samples={}),
        lambda table: table["samples"].append(first(table)),
        lambda table: table["samples"].pop(),
        lambda table: table.update(format="mass13k-shard/2"),
        lambda table: table.update(sha256="0" * 64),
    ],
)
def test_a_manifest_that_cannot_be_true_is_refused(tiny_shards, change):
    edit(next(tiny_shards.glob("*-train-*.json")), change)
    with pytest.raises(DatasetError, match=r"train-000000.json'") as caught:
        ShardSet.open(tiny_shards)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 10**5, b'{"format": 1}'])
def test_files_that_are_no_index_are_refused(tiny_shards, content):
    for name in ("index.json", next(tiny_shards.glob("*-train-*.json")).name):
        before = (tiny_shards / name).read_bytes()
        (tiny_shards / name).write_bytes(content)
        with pytest.raises(DatasetError, match=name):
            ShardSet.open(tiny_shards)
        (tiny_shards / name).write_bytes(before)


def tar_with_index(path, seek, tiny_dataset):
    sample = find_dataset(tiny_dataset).samples[0]
    with tarfile.open(path, "w") as tar:
        add(tar, "a.jpg", sample.image_path.read_bytes())
        add(tar, "a.label.png", sample.label_path.read_bytes())
        add(tar, "a.seek", seek)
    return ShardSet.open(path)


def test_offsets_of_another_sample_are_refused(tmp_path, tiny_dataset, mixed):
    strange = mixed["converted"].seek_index(mixed["converted"].number("train", "plain420"))
    for part in ("jpeg", "bands"):
        seek = pack_seek_index(SeekIndex(**{part: getattr(strange, part)}))
        shards = tar_with_index(tmp_path / f"{part}.tar", seek, tiny_dataset)
        with pytest.raises(DatasetError, match="does not fit 'a"):
            shards.image_region(0, (0, 0, 5, 5))
    seek = pack_seek_index(SeekIndex(strange.jpeg, None, block_counts(np.zeros((9, 9), np.uint8))))
    with tarfile.open(tmp_path / "grid.tar", "w") as tar:
        number = mixed["converted"].number("train", "plain420")
        add(tar, "a.jpg", mixed["converted"].read_member(number, "jpg"))
        add(tar, "a.seek", seek)
    with pytest.raises(DatasetError, match="blocks of another size"):
        ShardSet.open(tmp_path / "grid.tar").block_counts(0)
    shards = tar_with_index(tmp_path / "x.tar", b"MASS13K\x01 nothing", tiny_dataset)
    with pytest.raises(DatasetError, match=r"'x.tar/a.seek' is damaged"):
        shards.label_region(0, (0, 0, 5, 5))


def test_damage_within_a_rectangle_names_the_sample(mixed, tmp_path):
    source = Path(mixed["converted"].address)
    for path in source.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shards = ShardSet.open(tmp_path)
    number = shards.number("train", "plain444")
    span = shards.samples[number].members["label.png"]
    path = Path(shards.samples[number].tar.address)
    content = bytearray(path.read_bytes())
    content[span.offset + 60] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="'plain444' in 'mixed-train-000000.tar': band 0"):
        shards.label_region(number, (0, 0, 5, 5))
    path.write_bytes(content[: span.offset + 10])
    with pytest.raises(DatasetError, match="cut short"):
        shards.label_region(number, (0, 0, 5, 5))
