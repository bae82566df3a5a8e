"""JPEG files whose coded pixels are sound, but not the rest: what shards make of them."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage
from shard_folders import kinds, members_of, shard_json

from mass13k_tools.images import read_image
from mass13k_tools.layouts import find_dataset
from mass13k_tools.shards.reader import ShardSet

JFIF_VERSION = b"JFIF\0\x01\x01"
# A table of the first component that is not in the file
TABLE_OF_LUMA, NO_TABLE = b"\x03\x01\x11\x00", b"\x03\x01\x11\x07"


@pytest.fixture
def sample(tiny_dataset):
    """A sample whose image has restart markers, so that it is seekable as it is, too."""
    sample = find_dataset(tiny_dataset).samples[0]
    with PillowImage.open(sample.image_path) as picture:
        picture.save(sample.image_path, subsampling=0, restart_marker_rows=1)
    return sample


def change(path, before, after):
    content = path.read_bytes()
    assert content.count(before) == 1
    path.write_bytes(content.replace(before, after))


@pytest.mark.parametrize("options", [(), ("--copy",)])
def test_what_only_the_decoder_of_parts_refuses_is_decoded_whole(
    sample, tiny_dataset, tmp_path, options
):
    expected = read_image(sample.image_path)
    change(sample.image_path, JFIF_VERSION, b"JFIF\0\x02\x01")
    shard_json(tiny_dataset, tmp_path / "out", *options)
    facts = json.loads(members_of(tmp_path / "out")[sample.key]["json"])
    assert "parts of it cannot be decoded: Warning: unknown JFIF revision" in facts["seekable"]
    shards = ShardSet.open(tmp_path / "out")
    part = shards.image_region(shards.number(sample.split, sample.key), (5, 7, 20, 30))
    np.testing.assert_array_equal(part, expected[5:25, 7:37])
    assert kinds(tmp_path / "out", "--deep") == set()


def test_an_image_without_a_table_that_it_needs_is_left_out(sample, tiny_dataset, tmp_path):
    change(sample.image_path, TABLE_OF_LUMA, NO_TABLE)
    output = shard_json(tiny_dataset, tmp_path / "out", code=1)
    assert [each["key"] for each in output["quarantined"]] == [sample.key]
    assert "is damaged or cut short" in output["quarantined"][0]["reason"]
