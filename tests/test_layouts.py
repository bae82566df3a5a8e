"""Every known data set is recognised by its folders and paired by its names."""

from mass13k_tools.classes import MASS13K
from mass13k_tools.layouts import find_dataset


def test_tiny_dataset_has_three_two_one_samples_and_no_faults(tiny_dataset):
    dataset = find_dataset(tiny_dataset)

    assert dataset.layout == "mass13k"
    assert dataset.taxonomy is MASS13K
    assert [sample.split for sample in dataset.samples] == ["train"] * 3 + ["val"] * 2 + ["test"]
    assert dataset.samples[0].key == "00001_b01_20230210_tianjin_id0001"
    assert dataset.faults == ()
