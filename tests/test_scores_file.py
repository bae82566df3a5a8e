"""Reading scores.json back: what was written comes back, anything else is one clear line."""

import copy
import json
from dataclasses import fields

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import STEMS
from hypothesis import given, settings
from hypothesis import strategies as st

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.errors import DatasetError
from mass13k_tools.evaluation.json_field import parse_json
from mass13k_tools.evaluation.scores_file import AXES, read_scores
from mass13k_tools.images import read_label_map
from mass13k_tools.ops.score_sums import Sums, pair_sums


@pytest.fixture
def scores_path(tiny_dataset, tmp_path):
    labels = tiny_dataset / "annotations"
    arguments = ["evaluate", labels, tiny_dataset, "--out", tmp_path, "--jobs", 1]
    result = CliRunner().invoke(main, [*map(str, arguments), "--biou-ratio", "0.02"])
    assert result.exit_code == 0, result.output
    return tmp_path / "scores.json"


@pytest.fixture
def content(scores_path):
    return json.loads(scores_path.read_text())


def refusal(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetError) as caught:
        read_scores(path)
    message = str(caught.value)
    assert message.startswith(f"scores '{path}': ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 300
    return message


def test_the_sums_of_every_image_come_back(scores_path, tiny_dataset):
    found = read_scores(scores_path)
    assert found.name == str(scores_path)
    assert found.taxonomy.names == MASS13K.names
    assert [image.split for image in found.images] == ["train"] * 3 + ["val"] * 2 + ["test"]
    for image in found.images:
        assert image.size_hw == (64, 96)
        path = tiny_dataset / "annotations" / image.split / f"{image.key}.png"
        label_map = read_label_map(path, MASS13K)
        expected = pair_sums(label_map, label_map, MASS13K.ids)
        for field in fields(Sums):
            there, here = getattr(image.sums, field.name), getattr(expected, field.name)
            assert (there.dtype, there.shape) == (here.dtype, here.shape)
            np.testing.assert_array_equal(there, here)


def test_every_array_has_its_axes():
    assert list(AXES) == [field.name for field in fields(Sums)]


GONE = object()
SUMS = "per_image/1/sums"
DAMAGE = (  # where, what is put there, what is said about it
    ("protocol", "mass13k/2", "protocol is 'mass13k/2', which does not compare with 'mass13k/1'"),
    ("protocol", None, "protocol is null, not a text"),
    ("protocol", GONE, "protocol is missing"),
    ("biou_ratio", 0.02, "biou_ratio is 0.02, not 0.001, the protocol's"),
    ("taxonomy", "", "taxonomy is '', not a text that is not empty"),
    ("classes", {}, "classes is an object, not a list"),
    ("classes", [], "has no classes"),
    ("classes/0", 5, "classes[0] is 5, not an object"),
    ("classes/2/id", 255, "classes[2].id is 255, not 0 to 254"),
    ("classes/2/id", True, "classes[2].id is true, not a whole number"),
    ("classes/2/id", 1, "has the id 1 twice"),
    ("classes/2/name", "person", "has the class name person twice"),
    ("classes/2/name", "\ud800", "classes[2].name is '\\ud800', not a text that can be written"),
    ("biou_at", GONE, "biou_at is missing"),
    ("per_image", "none", "per_image is 'none', not a list"),
    ("per_image", [], "images is 6, not the 0 of per_image, at least 1"),
    ("images", 7, "images is 7, not the 6 of per_image"),
    ("per_image/1/key", STEMS["train"][0], f"per_image has 'train/{STEMS['train'][0]}' twice"),
    ("per_image/1/key", GONE, "per_image[1].key is missing"),
    ("per_image/1/split", 3, "per_image[1].split is 3, not a text"),
    ("per_image/1/height", 64.0, "per_image[1].height is 64.0, not a whole number"),
    ("per_image/1/height", 0, "per_image[1].height is 0, not 1 to"),
    ("per_image/1/height", 2**30, "per_image[1].width is 96, not at most 2 with height"),
    (SUMS, [], "per_image[1].sums is a list, not an object"),
    (f"{SUMS}/near_truth", GONE, "per_image[1].sums.near_truth is missing"),
    (f"{SUMS}/truth/6", GONE, "per_image[1].sums.truth is a list of 6, not of 7"),
    (f"{SUMS}/band_truth/1", GONE, "per_image[1].sums.band_truth is a list of 1, not of 2"),
    (f"{SUMS}/near_truth/2/1", GONE, "sums.near_truth[2] is a list of 6, not of 7"),
    (f"{SUMS}/near_truth/2", 4, "sums.near_truth[2] is 4, not a list"),
    (f"{SUMS}/truth/0", -1, "sums.truth holds -1, not a whole number of 0 to 6144"),
    (f"{SUMS}/truth/0", 6145, "sums.truth holds 6145, not a whole number of 0 to 6144"),
    (f"{SUMS}/truth/0", 1.5, "sums.truth holds 1.5, not a whole number"),
    (f"{SUMS}/truth/0", True, "sums.truth holds true, not a whole number"),
    (f"{SUMS}/truth/0", 10**4000, "sums.truth holds a huge number, not"),
    (f"{SUMS}/truth/0", "a" * 10**6, "sums.truth holds 'aaaaaaaaaaaaa"),
    (f"{SUMS}/truth/0", [[]], "sums.truth holds a list, not"),
    (f"{SUMS}/f1/0/0", 1.01, "sums.f1[0] holds 1.01, not a number of 0 to 1"),
    (f"{SUMS}/truth", [0] * 7, "per_image[1].sums.shared is more than truth for some class"),
    (f"{SUMS}/predicted", [0] * 7, "sums.shared is more than predicted"),
    (f"{SUMS}/band_truth", [[6144] * 7] * 2, "sums.band_truth is more than truth"),
    (f"{SUMS}/band_predicted", [[0] * 7] * 2, "sums.band_shared is more than band_predicted"),
    (f"{SUMS}/boundary_truth", [0] * 7, "sums.near_truth is more than boundary_truth"),
    (f"{SUMS}/near_predicted", [[6144] * 7] * 5, "near_predicted is more than boundary_pred"),
    (f"{SUMS}/f1_images", [0] * 7, "sums.f1 is more than f1_images"),
    (f"{SUMS}/f1_images", [5] * 7, "sums.f1_images is not 1 just where boundary_truth is not 0"),
    (f"{SUMS}/truth", [6144] * 7, "sums.truth is 43008 in all, not <= 6144"),
    (f"{SUMS}/predicted", [6144] * 7, "sums.predicted is 43008 in all, not <= 6"),
)


def damage(content, way, value):
    """Put a value in another's place, or take it away."""
    inner = content
    for name in way[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[way[-1]]
    else:
        inner[way[-1]] = value


@pytest.mark.parametrize(("where", "value", "message"), DAMAGE)
def test_a_damaged_field_is_named(scores_path, content, where, value, message):
    damage(content, [int(n) if n.isdecimal() else n for n in where.split("/")], value)
    assert message in refusal(scores_path, json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sums: sums["near_truth"][3].__setitem__(0, 0), "near_truth falls with a wider"),
        (lambda sums: sums["f1"][0].__setitem__(0, 0.5), "f1 does not follow from the boundaries"),
        (
            lambda sums: [row.__setitem__(0, 0) for row in sums["near_predicted"]],
            "near_truth and near_predicted are not 0 together",
        ),
        (
            lambda sums: sums["band_predicted"].__setitem__(0, [5000] * 7),
            "band_predicted is 35000 in all, not <= 6144",
        ),
    ],
)
def test_sums_that_contradict_each_other_are_refused(scores_path, content, change, message):
    change(content["per_image"][0]["sums"])
    assert message in refusal(scores_path, json.dumps(content))


def test_text_that_is_no_evaluation_is_refused(scores_path):
    whole = scores_path.read_bytes()
    assert "it is no JSON, or not all of it" in refusal(scores_path, whole[: len(whole) // 2])
    assert "it is no JSON, or not all of it" in refusal(scores_path, b"")
    assert "it is no JSON, or not all of it" in refusal(scores_path, b"\x80\x04\x95 pickled")
    assert "it is nested too deeply" in refusal(scores_path, "[" * 100_000)
    assert "it holds NaN" in refusal(scores_path, whole.replace(b'"images": 6', b'"images": NaN'))
    assert "it holds -Infinity" in refusal(scores_path, b'{"miou": -Infinity}')
    assert "a number of thousands of digits" in refusal(
        scores_path, b'{"miou": %s}' % (b"9" * 9999)
    )
    assert "the field 'protocol' twice" in refusal(
        scores_path, b'{"protocol": "mass13k/1", "protocol": "x"}'
    )
    assert "the file is a list, not an object" in refusal(scores_path, b"[]")
    huge = whole.replace(b'"f1": [', b'"f1": [[1e999],', 1)
    assert "not" in refusal(scores_path, huge)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(DatasetError, match="cannot read"):
            read_scores(path)


def leaves(value, path=()):
    """Give the way to every value of a JSON object."""
    yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    names = value if isinstance(value, dict) else ()
    for name in names:
        yield from leaves(value[name], (*path, name))


SMALL = {
    "protocol": "mass13k/1",
    "taxonomy": "two",
    "images": 1,
    "classes": [{"id": 0, "name": "no"}, {"id": 1, "name": "yes"}],
    "biou_ratio": 0.001,
    "biou_at": [],
    "per_image": [
        {
            "key": "a",
            "split": "all",
            "height": 2,
            "width": 3,
            "sums": {
                name: np.full([{"K": 2, "R": 1, "T": 5}[axis] for axis in axes], 1).tolist()
                for name, axes in AXES.items()
            },
        }
    ],
}
junk = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3))
    ),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@settings(deadline=None)  # a busy machine may be slow
@given(st.sampled_from(list(leaves(SMALL))[1:]), junk)
def test_whatever_a_value_is_replaced_by_is_read_or_refused(tmp_path_factory, way, value):
    content = copy.deepcopy(SMALL)
    damage(content, way, value)
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_text(json.dumps(content))
    try:
        found = read_scores(path)
    except DatasetError as error:
        assert "\n" not in str(error)
        return
    (image,) = found.images
    assert image.sums.truth.sum() <= image.size_hw[0] * image.size_hw[1]
    assert image.sums.f1.dtype == np.float64


def test_the_small_object_is_sound(tmp_path):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL))
    assert read_scores(path).images[0].miou == 1


def test_a_field_knows_its_place():
    field = parse_json(b'{"a": [{"b": 1}]}')["a"].items()[0]["b"]
    assert (field.place, field.value) == ("a[0].b", 1)
