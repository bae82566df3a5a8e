"""A split that is not there is refused in the same words wherever one can be asked for."""

import pytest
from command_runs import mass13k
from shard_folders import make

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import check_splits, find_dataset, listed_splits
from mass13k_tools.loader.folder_source import FolderSource
from mass13k_tools.loader.shard_source import ShardSource
from mass13k_tools.loader.sources import chosen_split
from mass13k_tools.shards.reader import ShardSet


def test_every_place_gives_the_same_words(tiny_dataset, tmp_path):
    shards = make(tiny_dataset, tmp_path / "shards")
    for root, ask in (
        (tiny_dataset, lambda: FolderSource(find_dataset(tiny_dataset), split="dev")),
        (shards, lambda: ShardSet.open(shards, splits=["train", "dev"])),
        (shards, lambda: ShardSource(ShardSet.open(shards), split="dev")),
    ):
        with pytest.raises(DatasetError) as caught:
            ask()
        assert str(caught.value) == f"no split 'dev' in '{root}', it has: train, val, test"
    for command in (
        ("show", tiny_dataset, "00001*", "--split", "dev"),
        ("evaluate", tiny_dataset / "annotations", tiny_dataset, "--split", "dev"),
        ("shards", "diff", tiny_dataset, shards, "--split", "dev"),
        ("shard", tiny_dataset, tmp_path / "out", "--split", "dev"),
    ):
        result = mass13k(*command)
        assert result.exit_code == 1
        expected = f"no split 'dev' in '{tiny_dataset}', it has: train, val, test\n"
        assert result.stderr.endswith(expected)


def test_splits_are_listed_once_and_none_in_words():
    assert listed_splits(["test", "b", "train", "test", "a"]) == "train, test, a, b"
    check_splits([], [], place="here")
    check_splits(["b", "a"], ["a", "b", "c"], place="here")
    for known in ([], [""]):
        with pytest.raises(DatasetError) as caught:
            check_splits(["val"], known, place="here")
        assert str(caught.value) == "no split 'val' in 'here', it has: none"


def test_no_sample_at_all_is_told_from_several_splits():
    with pytest.raises(DatasetError, match="there is no sample in 'here'"):
        chosen_split(None, [], place="here")
    assert chosen_split(None, ["", ""], place="here") == ""
