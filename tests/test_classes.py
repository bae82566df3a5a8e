"""The class table, and taxonomies from TOML."""

import pytest

from mass13k_tools.classes import (
    MASS13K,
    UNKNOWN,
    SemanticClass,
    Taxonomy,
    read_taxonomy,
    shipped_taxonomy,
)
from mass13k_tools.errors import DatasetError


def written(tmp_path, text):
    path = tmp_path / "classes.toml"
    path.write_text(text)
    return path


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


def test_a_taxonomy_is_read_from_toml(tmp_path):
    taxonomy = read_taxonomy(
        written(
            tmp_path,
            """
            name = "street"
            [[classes]]
            id = 0
            name = "rest"
            [[classes]]
            id = 7
            name = "car"
            aliases = ["sedan"]
            colour = [1, 2, 3]
            quality = "pseudo"
            [raw]
            "0-9" = 0
            "77" = 7
            "200-255" = 255
            """,
        )
    )
    assert taxonomy.name == "street"
    assert taxonomy.find("sedan") == SemanticClass(7, "car", ("sedan",), (1, 2, 3), "pseudo")
    assert [taxonomy.lookup[raw] for raw in (0, 9, 10, 77, 199, 200)] == [0, 0, -1, 7, -1, 255]
    assert taxonomy.raw_text() == "0-9, 77, 200-255"


CLASS_0 = '[[classes]]\nid = 0\nname = "a"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"no \[\[classes\]\] tables"),
        ("classes = 3", r"no \[\[classes\]\] tables"),
        ("classes = []", "has no classes"),
        ("oops", "classes.toml"),
        ("colour = 3\n" + CLASS_0, "unknown key 'colour'"),
        (CLASS_0 + "color = [1, 2, 3]", "unknown key 'color'"),
        (CLASS_0 + "colour = [1, 2, 300]", r"colour is \[1, 2, 300\]"),
        (CLASS_0 + 'quality = "good"', "quality is 'good'"),
        (CLASS_0 + 'aliases = "b"', "aliases is 'b'"),
        ('[[classes]]\nid = "0"\nname = "a"', "whole number 'id'"),
        ('[[classes]]\nid = true\nname = "a"', "whole number 'id'"),
        ("[[classes]]\nid = 3", "text 'name'"),
        ('[[classes]]\nid = 255\nname = "a"', "outside 0..254"),
        (CLASS_0 + CLASS_0, "has the id 0 twice"),
        (CLASS_0 + '[[classes]]\nid = 1\nname = "a"', "has the class name a twice"),
        ("raw = 5\n" + CLASS_0, "raw is 5, expected a table"),
        (CLASS_0 + '[raw]\n"' + 5000 * "9" + '" = 0', 'expected such as "0-128" = 0'),
        (CLASS_0 + "x = " + 3000 * "[" + 3000 * "]", "classes.toml"),
        (CLASS_0 + '[raw]\n"0-300" = 0', "no range within 0..255"),
        (CLASS_0 + '[raw]\n"zero" = 0', "'zero'"),
        (CLASS_0 + '[raw]\n"0" = 5', "lead to ids that it does not have"),
    ],
)
def test_what_is_wrong_with_a_taxonomy_is_said_in_one_line(tmp_path, text, said):
    with pytest.raises(DatasetError, match=said) as caught:
        read_taxonomy(written(tmp_path, text))
    assert "classes.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_taxonomy_file_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match="cannot read taxonomy '.*gone.toml'"):
        read_taxonomy(tmp_path / "gone.toml")


def test_classes_without_a_colour_get_different_ones(tmp_path):
    text = "".join(f'[[classes]]\nid = {n}\nname = "c{n}"\n' for n in range(150))
    taxonomy = read_taxonomy(written(tmp_path, text))
    assert len({row.colour for row in taxonomy.classes}) == 150


def test_colours_of_ignore_and_unknown_values_are_grey():
    assert MASS13K.colours[[255, 99]].tolist() == [[128] * 3] * 2
