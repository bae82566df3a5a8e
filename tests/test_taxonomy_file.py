"""Taxonomies from TOML."""

import pytest

from mass13k_tools.classes import MASS13K, SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.taxonomy_file import read_taxonomy, shipped_taxonomy, taxonomy_toml


def written(tmp_path, text):
    path = tmp_path / "classes.toml"
    path.write_text(text)
    return path


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


ODD = Taxonomy(
    'quo"ted \\ and \x7f',
    (SemanticClass(3, "São\n", ("a", "b"), (1, 2, 3), "pseudo"), SemanticClass(9, "rest")),
    (3, *[-1] * 9, *[9] * 245, 255),
)


@pytest.mark.parametrize("taxonomy", [MASS13K, ODD, shipped_taxonomy("cityscapes")])
def test_a_taxonomy_that_was_written_is_read_as_it_was(tmp_path, taxonomy):
    assert read_taxonomy(written(tmp_path, taxonomy_toml(taxonomy))) == taxonomy
