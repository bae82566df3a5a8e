"""The class table."""

import pytest

from mass13k_tools.classes import MASS13K, UNKNOWN, SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.taxonomy_file import shipped_taxonomy


def test_mass13k_has_the_released_ids_names_and_colours():
    rows = [(row.id, row.name, row.colour) for row in MASS13K.classes]
    assert rows == [
        (0, "background", (0, 0, 0)),
        (1, "person", (255, 0, 0)),
        (2, "building", (64, 34, 64)),
        (3, "tree", (0, 255, 0)),
        (4, "ground", (93, 64, 0)),
        (5, "sky", (0, 0, 255)),
        (6, "water", (0, 255, 255)),
    ]
    assert all(row.quality == "precise" for row in MASS13K.classes)


def test_the_class_for_all_else_is_no_longer_precise_beside_pseudo_labels():
    car = SemanticClass(7, "car", quality="pseudo")
    assert MASS13K.precise_ids == {0, 1, 2, 3, 4, 5, 6}
    assert Taxonomy("street", (*MASS13K.classes, car)).precise_ids == {1, 2, 3, 4, 5, 6}
    named = tuple(row for row in MASS13K.classes if row.id)
    assert Taxonomy("named", (*named, car)).precise_ids == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("alias", "class_id"), [("others", 0), ("human", 1), ("vegetation", 3), ("Tree", 3), ("SKY", 5)]
)
def test_classes_are_found_by_name_and_by_the_papers_name(alias, class_id):
    assert MASS13K.find(alias).id == class_id


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DatasetError, match="no class 'car' .* person, building"):
        MASS13K.find("car")


@pytest.mark.parametrize(
    ("name", "rest_id"),
    [("binary", 0), ("cityscapes", None), ("ade20k", None), ("entityseg", None)],
)
def test_a_class_for_all_else_is_known_by_its_name(name, rest_id):
    assert shipped_taxonomy(name).rest_id == rest_id


def test_the_class_for_all_else_of_mass13k_is_0_and_need_not_be_0_elsewhere():
    assert MASS13K.rest_id == 0
    rows = (SemanticClass(3, "cat"), SemanticClass(9, "stuff", aliases=("Others",)))
    assert Taxonomy("own", rows).rest_id == 9


def test_every_id_stands_for_itself_and_255_for_ignore():
    assert MASS13K.lookup[:7] == tuple(range(7))
    assert MASS13K.lookup[255] == 255
    assert set(MASS13K.lookup[7:255]) == {UNKNOWN}


def test_colours_of_ignore_and_unknown_values_are_grey():
    assert MASS13K.colours[[255, 99]].tolist() == [[128] * 3] * 2
