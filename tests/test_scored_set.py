"""Two sets of scores compare only where they are of the same classes, images and label maps."""

from dataclasses import replace

import numpy as np
import pytest

from mass13k_tools.classes import MASS13K, SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.evaluation.scored_set import ScoredImage, ScoredSet, aligned
from mass13k_tools.ops.score_sums import pair_sums


def scored(name, label_maps, *, taxonomy=MASS13K):
    """Score predictions of nothing but class 0 against label maps by key."""
    images = []
    for key, truth in label_maps.items():
        sums = pair_sums(np.zeros_like(truth), truth, taxonomy.ids)
        images.append(ScoredImage(key, "val", truth.shape, sums))
    return ScoredSet(name, taxonomy, tuple(images))


MAPS = {key: np.full((4, 5), number, np.uint8) for number, key in enumerate("abcdefg")}
TWO = {key: np.array([[0, 1]], dtype=np.uint8) for key in "ab"}


def test_sets_of_other_images_are_refused_by_name():
    larger = MAPS | {"c": np.zeros((4, 6), np.uint8)}
    with pytest.raises(DatasetError) as caught:
        aligned(scored("A", {"h": MAPS["a"]}), scored("B", MAPS))
    assert str(caught.value) == (
        "'A' and 'B' are not of the same images: 1 only in 'A': 'val/h'; 7 only in 'B': "
        "'val/a', 'val/b', 'val/c', 'val/d', 'val/e' and 2 more; --split compares one split of both"
    )
    with pytest.raises(DatasetError, match="1 of another size: 'val/c'"):
        aligned(scored("A", MAPS), scored("B", larger))


def test_sets_of_other_label_maps_are_refused_by_name():
    changed = TWO | {"b": np.array([[1, 1]], dtype=np.uint8)}
    with pytest.raises(DatasetError, match="against different label maps of 1 images: 'val/b'; sc"):
        aligned(scored("A", TWO), scored("B", changed))


def test_sets_of_other_classes_are_refused_by_name():
    names = [MASS13K.classes[0], SemanticClass(1, "human")]
    other = Taxonomy("other", tuple(names))
    same = replace(other, classes=MASS13K.classes[:2])
    turned = replace(other, classes=MASS13K.classes[1::-1])
    a = scored("A", TWO, taxonomy=same)
    with pytest.raises(DatasetError, match="only in 'A': '1 person'; only in 'B': '1 human'"):
        aligned(a, scored("B", TWO, taxonomy=other))
    with pytest.raises(DatasetError, match="the same classes, their order differs"):
        aligned(a, scored("B", TWO, taxonomy=turned))
    with pytest.raises(DatasetError, match="same classes, only in 'B': '2 building'"):
        aligned(a, scored("B", TWO))


def test_images_are_brought_into_the_order_of_the_other_set():
    a, b = scored("A", TWO), scored("B", dict(reversed(TWO.items())))
    assert [image.key for image in b.images] == ["b", "a"]
    assert [image.key for image in aligned(a, b).images] == ["a", "b"]
