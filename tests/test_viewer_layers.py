"""Tiles of the viewer are the files' pixels, and what is kept stays within bounds."""

import io
import threading
import uuid

import numpy as np
import pytest
from command_runs import mass13k
from far_folders import upload
from PIL import Image as PillowImage
from viewed import answered, answers_of, predictions_of

from mass13k_tools.errors import DatasetError
from mass13k_tools.images import png_bytes, read_label_map
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.pyramid import TILE_PX, at_level, level_count, level_size, tile_of
from mass13k_tools.ops.weights import own_weights
from mass13k_tools.provenance import Record, Source, record_path
from mass13k_tools.viewer.cache import Cache
from mass13k_tools.viewer.score_table import read_score_table


def pixels_of(content):
    return np.asarray(PillowImage.open(io.BytesIO(content)))


def put_together(layers, number, layer, level, size_hw):
    """Fetch all tiles of a level and lay them side by side."""
    rows, columns = (-(-side // TILE_PX) for side in level_size(size_hw, level))

    def tile(row, column):
        return pixels_of(layers.tile(number, layer, level=level, row=row, column=column))

    return np.concatenate(
        [
            np.concatenate([tile(row, column) for column in range(columns)], axis=1)
            for row in range(rows)
        ]
    )


@pytest.fixture
def wide(tmp_path):
    """A data set of one photo of several tiles, with odd sides."""
    rng = np.random.default_rng(0)
    label_map = np.kron(rng.integers(0, 7, (53, 79)), np.ones((13, 17))).astype(np.uint8)
    label_map[300, :] = 3  # a line of one pixel
    label_map[10:20, 10:20] = 255
    image = rng.integers(0, 256, (*label_map.shape, 3), dtype=np.uint8)
    for folder, pixels in (("images", image), ("annotations", label_map)):
        (tmp_path / folder / "val").mkdir(parents=True)
        (tmp_path / folder / "val" / "a.png").write_bytes(png_bytes(pixels))
    return tmp_path, label_map


def test_tiles_of_class_ids_are_the_label_map_and_picked_from_it(wide):
    root, label_map = wide
    layers = answers_of(root).layers
    for level in range(level_count(label_map.shape)):
        found = put_together(layers, 0, "labels", level, label_map.shape)
        np.testing.assert_array_equal(found, label_map[:: 2**level, :: 2**level])


def test_lines_of_one_pixel_stay_lines_at_every_level(wide):
    root, label_map = wide
    layers = answers_of(root).layers
    np.testing.assert_array_equal(
        put_together(layers, 0, "edges", 0, label_map.shape), edge_map(label_map)
    )
    coarse = put_together(layers, 0, "edges", 1, label_map.shape)
    padded = np.pad(edge_map(label_map), ((0, 1), (0, 1)))
    height, width = coarse.shape
    blocks = padded[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    np.testing.assert_array_equal(coarse, blocks.any(axis=(1, 3)))


def test_weights_are_whole_numbers_of_255(wide):
    root, label_map = wide
    found = answers_of(root).layers.tile(0, "weights", level=0, row=0, column=1)
    expected = np.rint(255 * own_weights(label_map))[:TILE_PX, TILE_PX : 2 * TILE_PX]
    np.testing.assert_array_equal(pixels_of(found), expected)


def test_photos_are_averaged_and_nearly_lossless(wide):
    root, label_map = wide
    layers = answers_of(root).layers
    image = layers.whole(0, "image")
    tile = pixels_of(layers.tile(0, "image", level=0, row=1, column=1))
    assert tile.shape == (label_map.shape[0] - TILE_PX, TILE_PX, 3)
    found = put_together(layers, 0, "image", 1, label_map.shape)
    expected = image[: 2 * (label_map.shape[0] // 2), : 2 * (label_map.shape[1] // 2)]
    means = expected.reshape(-1, 2, label_map.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    assert abs(found[: means.shape[0], : means.shape[1]].mean() - means.mean()) < 1


@pytest.mark.parametrize("size_hw", [(1, 1), (511, 513), (512, 512), (3072, 4095)])
def test_the_last_level_is_one_tile(size_hw):
    levels = level_count(size_hw)
    assert max(level_size(size_hw, levels - 1)) <= TILE_PX
    assert levels == 1 or max(level_size(size_hw, levels - 2)) > TILE_PX
    pixels = np.zeros(size_hw, dtype=np.uint8)
    for kind in ("ids", "marks", "photo"):
        assert at_level(pixels, levels - 1, kind).shape == level_size(size_hw, levels - 1)
    with pytest.raises(DatasetError, match="no tile"):
        tile_of(pixels, 0, -(-size_hw[1] // TILE_PX))


def test_a_part_is_cut_at_the_frame_and_must_lie_in_the_photo(wide):
    root, label_map = wide
    layers = answers_of(root).layers
    found = pixels_of(layers.crop(0, "labels", (300, 1300, 60, 200)))
    np.testing.assert_array_equal(found, label_map[300:360, 1300:])
    for box in ((0, 5000, 10, 10), (0, 0, 0, 10), (0, 0, 10, 5000)):
        with pytest.raises(DatasetError, match="sides of at most 4096"):
            layers.crop(0, "labels", box)


def test_the_cache_holds_no_more_than_it_may_and_the_last_ones():
    cache = Cache(1000)
    for number in range(10):
        cache.get(number, lambda: bytes(300))
        cache.get(0, lambda: bytes(300))
    assert cache.held_bytes <= 1000
    made = []
    for number in (0, 9, 1):
        cache.get(number, lambda number=number: made.append(number) or bytes(300))
    assert made == [1]
    assert cache.get("large", lambda: bytes(5000)) == bytes(5000)
    assert cache.held_bytes <= 1000


def test_what_two_ask_for_at_a_time_is_made_once_and_failures_are_not_kept():
    cache, made, gate = Cache(1000), [], threading.Event()

    def make():
        made.append(1)
        gate.wait(10)
        return b"x"

    threads = [threading.Thread(target=cache.get, args=("key", make)) for _ in range(5)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert made == [1]
    with pytest.raises(DatasetError):
        cache.get("bad", lambda: (_ for _ in ()).throw(DatasetError("broken")))
    assert cache.get("bad", lambda: b"whole now") == b"whole now"


def test_shards_are_shown_as_the_folders_they_were_made_of(tiny_dataset, tmp_path):
    assert mass13k("shard", tiny_dataset, tmp_path / "shards", "--jobs", 1).exit_code == 0
    near, shards = (answers_of(root, measured=True) for root in (tiny_dataset, tmp_path / "shards"))
    for address in ("api/samples.json", "api/measured.json"):
        rows = [answered(each, address)["rows"] for each in (near, shards)]
        assert sorted(map(str, rows[0])) == sorted(map(str, rows[1]))
    sample = near.layers.photos.samples[0]
    place = f"{sample.split}/{sample.key}"
    assert answered(near, f"api/sample/{place}.json") == answered(
        shards, f"api/sample/{place}.json"
    )
    for layer in ("labels", "edges", "weights"):
        address = f"tile/{place}/{layer}/0/0_0.png"
        assert near.answer(address, {}) == shards.answer(address, {})


def test_predictions_show_where_they_are_wrong(tiny_dataset, tmp_path):
    def shifted(label_map):
        return np.roll(label_map, 3, axis=1)

    folder = predictions_of(tiny_dataset, tmp_path / "shifted", change=shifted)
    right = predictions_of(tiny_dataset, tmp_path / "right")
    answers = answers_of(tiny_dataset, measured=True, predictions=[folder, right])
    dataset = find_dataset(tiny_dataset)
    truth = read_label_map(dataset.samples[0].label_path, dataset.taxonomy)
    wrong = ((shifted(truth) != truth) & (truth != 255)).mean()
    measured = answered(answers, "api/measured.json")
    (found,) = (dict(zip(measured["columns"], row, strict=True)) for row in measured["rows"][:1])
    assert found["wrong"] == [pytest.approx(wrong, abs=1e-6), 0]
    place = f"{dataset.samples[0].split}/{dataset.samples[0].key}"
    facts = answered(answers, f"api/sample/{place}.json")
    assert facts["windows"]["prediction0"][0]["wrong"] > 0
    assert facts["windows"]["prediction1"] == []
    tile = pixels_of(answers.answer(f"tile/{place}/prediction0/0/0_0.png", {}).content)
    np.testing.assert_array_equal(tile, shifted(truth))


def test_a_prediction_of_another_size_is_said_and_the_rest_is_shown(tiny_dataset, tmp_path):
    folder = predictions_of(tiny_dataset, tmp_path / "small", change=lambda each: each[:10])
    answers = answers_of(tiny_dataset, measured=True, predictions=[folder])
    sample = answers.layers.photos.samples[0]
    facts = answered(answers, f"api/sample/{sample.split}/{sample.key}.json")
    assert "10x96" in facts["errors"]["prediction0"]
    assert "labels" in facts["layers"] and "prediction0" not in facts["layers"]


def test_provenance_is_a_layer_with_the_names_of_its_sources(tiny_dataset):
    sample = find_dataset(tiny_dataset).samples[0]
    path = tiny_dataset / "provenance" / sample.split / f"{sample.key}.png"
    path.parent.mkdir(parents=True)
    written = np.zeros((64, 96), np.uint8)
    written[:5] = 1
    path.write_bytes(png_bytes(written))
    source = Source(1, "sky", 5, "sam", 0, pixels=480)
    record = Record(sample.key, sample.split, (64, 96), (source,))
    record_path(path).write_bytes(record.content())
    answers = answers_of(tiny_dataset)
    place = f"{sample.split}/{sample.key}"
    facts = answered(answers, f"api/sample/{place}.json")
    assert facts["sources"] == [{"number": 1, "class": "sky", "source": "sam"}]
    tile = answers.answer(f"tile/{place}/provenance/0/0_0.png", {}).content
    np.testing.assert_array_equal(pixels_of(tile), written)


def test_a_table_of_scores_gives_its_columns_of_numbers(tiny_dataset, tmp_path):
    first, second = find_dataset(tiny_dataset).samples[:2]
    table = tmp_path / "scores.csv"
    lines = [f"{first.key},{first.split},0.5,good", f"{second.key},{second.split},nan,bad"]
    table.write_text("\n".join(["key,split,miou,word", *lines]))
    answers = answers_of(tiny_dataset, scores=table)
    assert answered(answers, "api/dataset.json")["scores"] == ["miou"]
    rows = answered(answers, "api/samples.json")["rows"]
    assert [row[-1] for row in rows] == [[0.5]] + [[None]] * 5


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b'key,x\n"open'])
def test_what_is_no_table_of_scores_is_refused(tmp_path, content):
    (tmp_path / "scores.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=r"scores\.csv"):
        read_score_table(tmp_path / "scores.csv")


@pytest.mark.parametrize("kind", ["folders", "shards"])
def test_data_far_away_is_shown_as_if_it_were_here(tiny_dataset, tmp_path, kind):
    base = f"memory://{uuid.uuid4()}"
    if kind == "shards":
        far = f"{base}/shards"
        assert mass13k("shard", tiny_dataset, far, "--jobs", 1).exit_code == 0
    else:
        far = upload(tiny_dataset, f"{base}/tiny")
    here, there = (answers_of(root, measured=True) for root in (tiny_dataset, far))
    for sample in here.layers.photos.samples:
        address = f"api/sample/{sample.split}/{sample.key}.json"
        assert answered(there, address) == answered(here, address)
    measured = [answered(each, "api/measured.json")["rows"] for each in (here, there)]
    assert sorted(map(str, measured[0])) == sorted(map(str, measured[1]))
