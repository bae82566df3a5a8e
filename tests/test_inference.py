"""Whole images are predicted in strips, in tiles and over views, and stay what they are."""

import hashlib

import numpy as np
import pytest
import torch
from lively_networks import lively_network, photo

from mass13k_tools.classes import SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.torch_photometric import normalised
from massformer.inference import predictor as predictors
from massformer.inference.predictor import Predictor, Settings, Wanted
from massformer.inference.strips import decode, strip_of
from massformer.inference.tiling import Grid, blended, fewest, side_of, spans
from massformer.inference.views import ONE_VIEW, Views, mean_over_views, parse_views
from massformer.model import semantic_scores

SIZES = [(64, 64), (65, 97), (130, 71), (128, 192)]
EVERYTHING = Wanted(tuple(range(7)), edges=True)


def images_of(image):
    return normalised(torch.from_numpy(image).permute(2, 0, 1)[None])


def in_one_piece(model, images):
    """Score an image as the release does, all masks in full size at once."""
    with torch.no_grad():
        predictions = model(images)
        scores = semantic_scores(
            predictions["class_logits"][-1], predictions["mask_logits"][-1], images.shape[2:]
        )
    return scores[0]


def in_strips(model, images, rows, *, edges=False):
    with torch.no_grad():
        decoded = decode(model, images)
        strips = [
            strip_of(model, decoded, slice(top, min(top + rows, images.shape[2])), edges=edges)
            for top in range(0, images.shape[2], rows)
        ]
    assert [strip.top for strip in strips] == list(range(0, images.shape[2], rows))
    return torch.cat([strip.values for strip in strips], dim=1)


def small_strips(monkeypatch, rows=6):
    monkeypatch.setattr(predictors, "strip_rows", lambda *_: rows)


# Strips


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", [2, 8, 30, 1000])
def test_strips_are_the_rows_of_the_one_piece(size, rows):
    model = lively_network().model
    images = images_of(photo(*size))
    whole, strips = in_one_piece(model, images), in_strips(model, images, rows)
    assert strips.shape == whole.shape == (7, *size)
    torch.testing.assert_close(strips, whole, rtol=1e-5, atol=1e-6)
    first, second = whole.topk(2, dim=0).values
    untied = first - second > 1e-5
    assert untied.float().mean() > 0.5
    assert torch.equal(strips.argmax(0)[untied], whole.argmax(0)[untied])


def test_strips_of_group_norms_are_those_of_the_one_piece():
    model = lively_network("model.norm=group").model
    images = images_of(photo(70, 90))
    whole, strips = in_one_piece(model, images), in_strips(model, images, 8)
    torch.testing.assert_close(strips, whole, rtol=1e-4, atol=1e-5)


def test_strips_of_double_precision_are_the_one_piece_to_the_last_digits():
    model = lively_network().model.double()
    images = images_of(photo(66, 70)).double()
    with torch.no_grad():
        predictions = model(images)
        decoded = decode(model, images)
    assert torch.allclose(decoded.class_logits, predictions["class_logits"][-1], rtol=1e-12)
    features = model.pixel_decoder.mask_features(decoded.fused)
    masks = torch.einsum("bqd,bdhw->bqhw", decoded.mask_embedding, features)
    assert torch.allclose(masks, predictions["mask_logits"][-1], rtol=1e-12, atol=1e-12)


def test_edges_are_the_enlarged_logits_of_the_edge_head():
    model = lively_network().model
    images = images_of(photo(67, 90))
    with torch.no_grad():
        logits = model(images)["edge_logits"]
    whole = torch.nn.functional.interpolate(
        logits, scale_factor=2, mode="bilinear", align_corners=False
    )[0, 0, :67, :90].sigmoid()
    strips = in_strips(model, images, 10, edges=True)
    assert strips.shape == (8, 67, 90)
    torch.testing.assert_close(strips[7], whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (63, 64), (80, 5)])
def test_small_images_are_filled_up_by_their_last_rows_and_columns(size):
    model = lively_network().model
    image = photo(*size)
    filled = np.pad(
        image, ((0, max(0, 64 - size[0])), (0, max(0, 64 - size[1])), (0, 0)), mode="edge"
    )
    expected = in_one_piece(model, images_of(filled))[:, : size[0], : size[1]]
    torch.testing.assert_close(
        in_strips(model, images_of(image), 8), expected, rtol=1e-5, atol=1e-6
    )
    assert Predictor(lively_network()).predict(image).label_map.shape == size


# The predictor


def test_a_prediction_is_the_argmax_of_the_one_piece(monkeypatch):
    small_strips(monkeypatch)
    loaded, image = lively_network(), photo(97, 75)
    prediction = Predictor(loaded).predict(image, EVERYTHING)
    scores = in_one_piece(loaded.model, images_of(image))
    first, second = scores.topk(2, dim=0).values
    untied = (first - second > 1e-5).numpy()
    assert np.array_equal(prediction.label_map[untied], scores.argmax(0).numpy()[untied])
    share = (scores / scores.sum(0) * 255).numpy()
    assert np.abs(prediction.probabilities - share).max() <= 0.51
    assert prediction.edges.shape == (97, 75)


def test_only_the_wanted_probabilities_are_made():
    loaded, image = lively_network(), photo(64, 64)
    everything = Predictor(loaded).predict(image, EVERYTHING)
    some = Predictor(loaded).predict(image, Wanted((5, 2)))
    assert np.array_equal(some.probabilities, everything.probabilities[[5, 2]])
    assert some.edges is None


def test_label_maps_hold_ids_whatever_their_order():
    rows = tuple(SemanticClass(10 + 3 * number, f"class {number}") for number in range(6, -1, -1))
    loaded, image = lively_network(), photo(64, 80)
    plain = Predictor(loaded).predict(image).label_map
    other = Predictor(loaded._replace(taxonomy=Taxonomy("odd", rows))).predict(image).label_map
    assert np.array_equal(other, 10 + 3 * (6 - plain.astype(int)))


def test_nothing_is_certain_where_no_query_has_a_mask():
    loaded = lively_network()
    with torch.no_grad():
        for parameter in loaded.model.mask_decoder.mask_embed[-1].parameters():
            parameter.zero_()
        loaded.model.mask_decoder.mask_embed[-1].bias.fill_(-1e9)
    prediction = Predictor(loaded).predict(photo(64, 64), EVERYTHING)
    assert prediction.label_map.shape == (64, 64)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_not_finite_are_refused(value):
    loaded = lively_network()
    with torch.no_grad():
        loaded.model.mask_decoder.class_embed.bias.fill_(value)
    with pytest.raises(DatasetError, match="scores are not finite; its weights are damaged"):
        Predictor(loaded).predict(photo(64, 64))


def test_bf16_is_near_float32():
    loaded, image = lively_network(), photo(96, 128)
    exact = Predictor(loaded).predict(image, EVERYTHING)
    half = Predictor(loaded, Settings(dtype="bf16")).predict(image, EVERYTHING)
    distance = np.abs(exact.probabilities.astype(int) - half.probabilities)
    assert 0 < distance.mean() < 8
    assert len(np.unique(exact.label_map)) > 1


def test_fp16_is_for_gpus():
    with pytest.raises(DatasetError, match="fp16 is for GPUs, expected bf16 or float32"):
        Predictor(lively_network(), Settings(dtype="fp16"))


@pytest.mark.parametrize("device", ["cuda:99", "xpu", "hpu", "meta", "toaster"])
def test_a_device_that_is_not_there_is_one_line(device):
    with pytest.raises(DatasetError, match=f"device '{device}' cannot be used.*try cpu") as error:
        Predictor(lively_network(), device=device)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("budget", [0.0, float("nan")])
def test_a_budget_that_is_no_amount_is_refused(budget):
    with pytest.raises(DatasetError, match="GiB, expected more than 0"):
        Settings(memory_gb=budget)


def test_edges_of_a_network_without_edge_head_are_refused():
    with pytest.raises(DatasetError, match="no edge head: model.egf is off"):
        Predictor(lively_network("model.egf=false")).predict(photo(64, 64), EVERYTHING)


@pytest.mark.parametrize("stage", ["cst", "rfb", "lse", "egf"])
def test_networks_without_a_stage_predict(stage):
    loaded = lively_network(f"model.{stage}=false")
    assert Predictor(loaded).predict(photo(70, 90)).label_map.shape == (70, 90)


def test_too_little_memory_is_one_line(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(predictors, "decode", full)
    with pytest.raises(DatasetError, match="memory is too small.*--memory-gb or --tile"):
        Predictor(lively_network()).predict(photo(64, 64))


# Tiles


@pytest.mark.parametrize("length", [1, 2, 64, 1000, 4097])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 16])
def test_spans_cover_a_line_and_no_pixel_is_in_three(length, count):
    if count > length:
        pytest.skip("a line of so few pixels is not cut so often")
    cut = spans(length, count)
    times = np.zeros(length, int)
    for span in cut:
        assert span.stop - span.start == side_of(length, count)
        times[span] += 1
    assert len(cut) == count
    assert (cut[0].start, cut[-1].stop) == (0, length)
    assert times.min() == 1
    assert times.max() <= 2


def test_spans_overlap_by_a_quarter_of_small_tiles_and_256_px_of_large_ones():
    assert spans(8192, 2)[0].stop - spans(8192, 2)[1].start == 256
    assert spans(1000, 2) == [slice(0, 563), slice(437, 1000)]


def test_the_fewest_spans_are_taken_that_are_short_enough():
    for length in (100, 129, 1000, 5000):
        for most in (128, 400, 1000):
            count = fewest(length, most)
            assert side_of(length, count) <= most
            assert count == 1 or side_of(length, count - 1) > most


@pytest.mark.parametrize("grid", [Grid(), Grid(1, 3), Grid(4, 1), Grid(3, 5)])
def test_tiles_of_one_picture_blend_to_that_picture(grid):
    picture = torch.rand(3, 130, 211)
    strips = list(blended((130, 211), grid, lambda rows, columns: picture[:, rows, columns]))
    assert len(strips) == grid.rows
    assert [strip.top for strip in strips] == [span.start for span in spans(130, grid.rows)]
    torch.testing.assert_close(torch.cat([strip.values for strip in strips], 1), picture)


def test_blending_is_smooth_where_tiles_disagree():
    values = iter([torch.zeros(1, 10, 625), torch.ones(1, 10, 625)])
    (strip,) = blended((10, 1000), Grid(1, 2), lambda *_: next(values)[..., : side_of(1000, 2)])
    row = strip.values[0, 0]
    left, right = spans(1000, 2)
    assert row[: right.start].eq(0).all()
    assert row[left.stop :].eq(1).all()
    steps = row.diff()
    assert steps.min() >= 0
    assert steps.max() < 0.02  # half a cosine over 125 px


def test_a_tiled_prediction_blends_the_predictions_of_its_tiles():
    loaded, image = lively_network(), photo(140, 200)
    predictor = Predictor(loaded, Settings(tile_px=128))
    assert predictor.grid((140, 200)) == Grid(2, 2)
    total, weights = np.zeros((7, 140, 200)), np.zeros((140, 200))
    for rows in spans(140, 2):
        for columns in spans(200, 2):
            down, across = (hat(span, length) for span, length in ((rows, 140), (columns, 200)))
            scores = in_one_piece(loaded.model, images_of(image[rows, columns])).numpy()
            total[:, rows, columns] += scores * down[:, None] * across
            weights[rows, columns] += down[:, None] * across
    assert np.allclose(weights, 1)
    strips = list(predictor.strips(image))
    found = torch.cat([strip.values for strip in strips], 1).numpy()
    assert np.abs(found - total).max() < 1e-5


def hat(span, length):
    """Weigh a span of two: 1 in the middle, half a cosine in what it shares."""
    first, last = spans(length, 2)
    shared = np.arange(first.stop - last.start)
    rising = np.sin((shared + 0.5) / len(shared) * np.pi / 2) ** 2
    weight = np.ones(span.stop - span.start)
    if span == first:
        weight[-len(shared) :] = 1 - rising
    else:
        weight[: len(shared)] = rising
    return weight


def test_tiles_also_blend_edges():
    predictor = Predictor(lively_network(), Settings(tile_px=128))
    prediction = predictor.predict(photo(130, 140), EVERYTHING)
    assert prediction.edges.shape == (130, 140)
    assert prediction.probabilities.shape == (7, 130, 140)


# Views


@pytest.mark.parametrize(
    ("text", "views"),
    [
        ("flip", Views((1.0,), flip=True)),
        ("0.5, 2", Views((1.0, 0.5, 2.0))),
        ("1,flip,1.0,0.75", Views((1.0, 0.75), flip=True)),
        ("", ONE_VIEW),
    ],
)
def test_views_are_read(text, views):
    assert parse_views(text) == views
    assert views.plain == (text == "")
    assert parse_views(views.words) == views


@pytest.mark.parametrize("text", ["mirror", "0", "-1", "nan", "inf", "5", "1;2"])
def test_what_is_no_view_is_refused(text):
    with pytest.raises(DatasetError, match="is no view, expected flip or scales of 0.1 to 4"):
        parse_views(text)


def test_views_are_averaged_in_the_place_of_the_image():
    ramp = torch.linspace(0, 1, 40).expand(1, 3, 30, 40)
    seen = []

    def brightness(view):
        seen.append((tuple(view.shape[2:]), bool(view[0, 0, 0, 0] > view[0, 0, 0, -1])))
        return view[0, :1]

    mean = mean_over_views(brightness, ramp, Views((1.0, 0.5, 2.0), flip=True))
    sizes = [(30, 40), (30, 40), (15, 20), (15, 20), (60, 80), (60, 80)]
    assert seen == list(zip(sizes, [False, True] * 3, strict=True))
    assert mean.shape == (1, 30, 40)
    torch.testing.assert_close(mean, ramp[0, :1], atol=0.03, rtol=0)


def test_a_mirror_image_gives_the_mirrored_prediction():
    predictor = Predictor(lively_network(), Settings(views=Views(flip=True)))
    image = photo(64, 90)
    (strip,), (mirrored,) = predictor.strips(image), predictor.strips(image[:, ::-1].copy())
    torch.testing.assert_close(mirrored.values.flip(2), strip.values, rtol=1e-4, atol=1e-5)


def test_views_and_tiles_go_together():
    settings = Settings(views=parse_views("flip,0.5"), tile_px=128)
    prediction = Predictor(lively_network(), settings).predict(photo(131, 150), EVERYTHING)
    assert prediction.label_map.shape == (131, 150)


def test_the_same_image_gives_the_same_bytes():
    predictor, image = Predictor(lively_network(), Settings(tile_px=128)), photo(140, 150)
    digests = {
        hashlib.sha256(predictor.predict(image, EVERYTHING).probabilities.tobytes()).hexdigest()
        for _ in range(2)
    }
    assert len(digests) == 1
