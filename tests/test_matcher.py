from itertools import permutations

import numpy as np
import torch

from massformer.matcher import MatchWeights, match_costs, matches_of
from massformer.targets import sampled, targets_of


def label_maps() -> torch.Tensor:
    """Two images; the second one knows nothing but class 2."""
    maps = torch.full((2, 16, 24), 255, dtype=torch.uint8)
    maps[0, :8], maps[0, 8:, :10], maps[0, 8:, 12:] = 0, 1, 2
    maps[1, 3:7, 5:9] = 2
    return maps


def predictions(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    class_logits = torch.randn(2, 5, 4, generator=generator)
    return class_logits, 3 * torch.randn(2, 5, 8, 12, generator=generator)


def points(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(1, 40, 2, generator=generator) for _ in range(2)]


def test_targets_are_the_classes_of_each_image_without_ignored_pixels():
    targets = targets_of(label_maps(), classes=3, kernel_px=5)
    assert targets.image.tolist() == [0, 0, 0, 1]
    assert targets.of_images == (slice(0, 3), slice(3, 4))
    assert targets.class_index.tolist() == [0, 1, 2, 2]
    assert targets.masks.sum((1, 2)).tolist() == [8 * 24, 80, 96, 16]
    assert targets.weights.shape == targets.masks.shape


def test_nothing_but_ignored_pixels_has_no_targets():
    targets = targets_of(torch.full((2, 8, 8), 255, dtype=torch.uint8), classes=3, kernel_px=5)
    assert len(targets.image) == len(targets.class_index) == 0
    assert targets.masks.shape == targets.weights.shape == (0, 8, 8)
    assert targets.of_images == (slice(0, 0), slice(0, 0))


def test_maps_are_read_between_pixels_and_are_0_beyond_the_frame():
    maps = torch.tensor([[[[1.0, 3.0]]]])
    places = torch.tensor([[[0.25, 0.5], [0.5, 0.5], [0.0, 0.5]]])
    assert sampled(maps, places).flatten().tolist() == [1, 2, 0.5]


def test_costs_are_those_of_the_formula_written_out():
    targets = targets_of(label_maps(), classes=3, kernel_px=5)
    class_logits, mask_logits = predictions(1)
    weights = MatchWeights(2, 5, 5)
    costs = match_costs(class_logits, mask_logits, targets, points(2), weights)
    for image, cost in enumerate(costs):
        logits = sampled(mask_logits[image][None], points(2)[image])[0].double().numpy()
        rows = [row for row in range(4) if targets.image[row] == image]
        assert cost.shape == (5, len(rows))
        for query in range(5):
            for column, row in enumerate(rows):
                wanted = sampled(targets.masks[row][None, None], points(2)[image])[0, 0].numpy()
                on = 1 / (1 + np.exp(-logits[query]))
                bce = -(wanted * np.log(on) + (1 - wanted) * np.log(1 - on)).mean()
                dice = 1 - (2 * (on * wanted).sum() + 1) / (on.sum() + wanted.sum() + 1)
                likely = np.exp(class_logits[image, query].double().numpy())
                share = likely[targets.class_index[row]] / likely.sum()
                expected = -2 * share + 5 * bce + 5 * dice
                np.testing.assert_allclose(cost[query, column], expected, rtol=1e-5)


def test_the_assignment_is_the_cheapest_of_all():
    targets = targets_of(label_maps(), classes=3, kernel_px=5)
    costs = match_costs(*predictions(3), targets, points(4))
    (match,) = matches_of([costs], targets)
    for image, cost in enumerate(costs):
        least = min(
            sum(float(cost[query, column]) for column, query in enumerate(queries))
            for queries in permutations(range(5), cost.shape[1])
        )
        own = match.image == image
        first = int((targets.image < image).sum())
        chosen = cost[match.query[own], match.target[own] - first].sum()
        np.testing.assert_allclose(chosen, least, rtol=1e-6)
        assert match.query[own].tolist() == sorted(match.query[own].tolist())


def test_images_without_targets_match_nothing():
    maps = label_maps()
    maps[0] = 255
    targets = targets_of(maps, classes=3, kernel_px=5)
    (match,) = matches_of([match_costs(*predictions(5), targets, points(6))], targets)
    assert match.image.tolist() == [1]
    assert match.target.tolist() == [0]
