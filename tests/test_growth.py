"""Growing trees: shoots start on their branch, taper, fill the crown, and carry every leaf."""

import cv2
import numpy as np
import pytest

from mass13k_tools.scenes.growth import grow
from mass13k_tools.scenes.layers import TREE, Canvas
from mass13k_tools.scenes.light import Light
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.trees import SPECIES, paint_tree
from mass13k_tools.scenes.view import View


def distance_to_path(point, path):
    """Smallest distance to the pieces between neighbouring points of a path."""
    start, along = path[:-1], np.diff(path, axis=0)
    part = np.clip(((point - start) * along).sum(1) / (along * along).sum(1), 0, 1)
    return np.linalg.norm(start + along * part[:, None] - point, axis=1).min()


@pytest.mark.parametrize("species", sorted(SPECIES))
def test_every_shoot_starts_on_the_branch_it_grew_from(species):
    wood = grow(np.random.default_rng(1), SPECIES[species].habit, twigs=300)
    for parents, shoots in zip(wood.generations[:-1], wood.generations[1:], strict=True):
        each = len(shoots.nodes) // len(parents.nodes)
        for number, nodes in enumerate(shoots.nodes):
            assert distance_to_path(nodes[0], parents.nodes[number // each]) < 1e-9


@pytest.mark.parametrize("species", sorted(SPECIES))
def test_shoots_taper_and_are_never_thicker_than_their_branch(species):
    wood = grow(np.random.default_rng(2), SPECIES[species].habit, twigs=300)
    for shoots in wood.generations:
        assert (np.diff(shoots.thick, axis=1) < 0).all()
    for parents, shoots in zip(wood.generations[:-1], wood.generations[1:], strict=True):
        root = shoots.thick[:, 0].reshape(len(parents.nodes), -1)
        assert (root <= np.maximum(parents.thick[:, :1], 0.0002)).all()


def test_a_tree_is_as_tall_as_asked_and_has_about_the_twigs_asked_for():
    for twigs in (40, 400, 4000):
        wood = grow(np.random.default_rng(3), SPECIES["lime"].habit, twigs=twigs)
        assert max(shoots.nodes[..., 1].max() for shoots in wood.generations) == pytest.approx(1)
        assert twigs / 2 < len(wood.generations[-1].nodes) < 2 * twigs


@pytest.mark.parametrize("foliage", [0.2, 1.0])
@pytest.mark.parametrize("species", sorted(SPECIES))
def test_no_part_of_a_tree_floats_in_the_air(species, foliage):
    view = View(size_hw=(768, 768), horizon=560.0, focal_px=600.0, eye_m=1.6)
    rng = np.random.default_rng(4)
    canvas = Canvas.blank(view.size_hw)
    setting = Setting(canvas, view, Light.draw(rng), rng)
    paint_tree(setting, (0.0, 8.0), height_m=7.0, species=species, foliage=foliage)
    touched = canvas.rgb.any(axis=2).astype(np.uint8)  # twigs finer than a pixel included
    sizes = cv2.connectedComponentsWithStats(touched, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    assert (canvas.label_map() == TREE.id).sum() > 2000
    assert sizes.max() > 0.98 * sizes.sum()
