"""Our preparation and reading of networks against transformers' own processors."""

import warnings

import numpy as np
import pytest
import tiny_finders
import torch
from tiny_finders import LONG_PX, SHORT_PX

from mass13k_tools.pseudo.generating.grounding_dino import (
    MEAN,
    STD,
    GroundingDino,
    fitted_size,
)
from mass13k_tools.pseudo.generating.model_files import model_folder
from mass13k_tools.pseudo.generating.networks import Runner, network_input
from mass13k_tools.pseudo.generating.prompts import phrases_of
from mass13k_tools.pseudo.generating.sam import BOXES, HALVES, IMAGENET, BoxSegmenter
from mass13k_tools.pseudo.generating.sam3 import Sam3

transformers = pytest.importorskip("transformers", reason="the extra 'sam' is not installed")

CPU = Runner(torch.device("cpu"))
SIZES = [(64, 96), (100, 40), (37, 211), (64, 64), (33, 47)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    return {
        "dino": tiny_finders.save_grounding_dino(folder / "dino"),
        "sam": tiny_finders.save_sam(folder / "sam"),
        "sam2": tiny_finders.save_sam2(folder / "sam2"),
        "sam3": tiny_finders.save_sam3(folder / "sam3"),
    }


def smooth_image(height, width):
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(y / 7 + c) * np.cos(x / (5 + c)) * 120 + 128 for c in range(3)]
    return np.stack(waves, 2).astype(np.uint8)


@pytest.fixture(scope="module")
def dino_processor(folders):
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
        GroundingDinoImageProcessorPil,
    )

    images = GroundingDinoImageProcessorPil(
        size={"shortest_edge": SHORT_PX, "longest_edge": LONG_PX}
    )
    tokenizer = transformers.BertTokenizer.from_pretrained(folders["dino"])
    return transformers.GroundingDinoProcessor(images, tokenizer)


@pytest.mark.parametrize("size", SIZES)
def test_grounding_dino_is_fed_as_its_own_processor_feeds_it(dino_processor, size):
    image = smooth_image(*size)
    theirs = dino_processor(images=image, text="car. bus.", return_tensors="pt").pixel_values
    fitted = fitted_size(size, short_px=SHORT_PX, long_px=LONG_PX)
    ours = network_input(image, size_hw=fitted, colours=(MEAN, STD), runner=CPU)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_boxes_and_scores_are_those_of_grounding_dinos_own_processor(folders, dino_processor, size):
    image = smooth_image(*size)
    detector = GroundingDino(
        model_folder(str(folders["dino"])), phrases_of(["car", "bus"]), threshold=0, runner=CPU
    )
    inputs = dino_processor(images=image, text="car. bus.", return_tensors="pt")
    assert inputs.input_ids.tolist() == detector.ids.tolist()
    with torch.inference_mode():
        outputs = detector.model(**inputs)
    (theirs,) = dino_processor.post_process_grounded_object_detection(
        outputs, inputs.input_ids, threshold=0, text_threshold=0, target_sizes=[size]
    )
    ours = detector.detect(image)
    assert ours
    assert [one.score for one in ours] == sorted((one.score for one in ours), reverse=True)
    limit = torch.tensor([size[1], size[0]] * 2)
    boxes = torch.minimum(theirs["boxes"].clamp(min=0), limit)
    for one in ours:
        distances = (boxes - torch.tensor(one.box_xyxy)).abs().amax(1)
        assert distances.min() < 1e-2
    # a phrase of one word fits as its word does, so the class is the word with the larger score
    words = outputs.logits[0].sigmoid()[:, [1, 3]]
    best = {(round(float(row.max()), 4), ["car", "bus"][int(row.argmax())]) for row in words}
    assert {(round(one.score, 4), one.class_name) for one in ours} <= best


def test_only_boxes_from_the_threshold_on_are_given(folders):
    folder = model_folder(str(folders["dino"]))
    image, phrases = smooth_image(64, 96), phrases_of(["car", "bus"])
    every = GroundingDino(folder, phrases, threshold=0, runner=CPU).detect(image)
    limit = every[len(every) // 2].score
    some = GroundingDino(folder, phrases, threshold=limit, runner=CPU).detect(image)
    assert some == [one for one in every if one.score >= limit]
    assert 0 < len(some) < len(every)


def boxes_in(height, width, count):
    rng = np.random.default_rng(count)
    corners = rng.random((count, 4)) * [width / 2, height / 2, width / 2, height / 2]
    corners[:, 2:] += [width / 2, height / 2]
    return [tuple(box) for box in corners.astype(np.float32).tolist()]


@pytest.mark.parametrize("size", SIZES)
def test_sams_masks_are_those_of_its_own_processor(folders, size):
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    images = SamImageProcessorPil(
        size={"longest_edge": 64},
        mask_size={"longest_edge": 16},
        pad_size={"height": 64, "width": 64},
        mask_pad_size={"height": 16, "width": 16},
    )
    processor, image = transformers.SamProcessor(images), smooth_image(*size)
    segmenter, boxes = (
        BoxSegmenter(model_folder(str(folders["sam"])), runner=CPU),
        boxes_in(*size, 3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = processor(
            images=image, input_boxes=[[list(box) for box in boxes]], return_tensors="pt"
        )
    inputs = {
        key: value.float() if key == "input_boxes" else value for key, value in inputs.items()
    }
    sizes = {key: inputs.pop(key) for key in ("original_sizes", "reshaped_input_sizes")}
    with torch.inference_mode():
        outputs = segmenter.model(**inputs, multimask_output=False)
    (theirs,) = images.post_process_masks(outputs.pred_masks, *sizes.values())
    ours = list(segmenter.segment(image, boxes))
    scores = outputs.iou_scores[0, :, 0]
    assert [score for _, score in ours] == pytest.approx(scores.tolist(), abs=1e-4)
    for (mask, _), expected in zip(ours, theirs[:, 0].numpy(), strict=True):
        assert mask.shape == size
        assert (mask != expected).mean() < 0.01
    assert any(mask.any() and not mask.all() for mask, _ in ours)


@pytest.mark.parametrize("size", SIZES)
def test_sam2s_masks_are_the_networks_stretched_to_the_image(folders, size):
    image, boxes = smooth_image(*size), boxes_in(*size, 3)
    segmenter = BoxSegmenter(model_folder(str(folders["sam2"])), runner=CPU)
    pixels = network_input(image, size_hw=(64, 64), colours=IMAGENET, runner=CPU)
    scale = torch.tensor([64 / size[1], 64 / size[0]] * 2)
    with torch.inference_mode():
        outputs = segmenter.model(
            pixel_values=pixels,
            input_boxes=(torch.tensor(boxes) * scale)[None],
            multimask_output=False,
        )
        logits = torch.nn.functional.interpolate(outputs.pred_masks[0], size, mode="bilinear")
    for (mask, score), expected, their_score in zip(
        segmenter.segment(image, boxes), logits[:, 0] > 0, outputs.iou_scores[0, :, 0], strict=True
    ):
        assert score == pytest.approx(float(their_score), abs=1e-5)
        assert (mask != expected.numpy()).mean() < 0.01


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_many_boxes_are_drawn_as_each_by_itself(folders, kind):
    image, boxes = smooth_image(64, 96), boxes_in(64, 96, BOXES + 3)
    segmenter = BoxSegmenter(model_folder(str(folders[kind])), runner=CPU)
    together = list(segmenter.segment(image, boxes))
    assert len(together) == BOXES + 3
    for box, (mask, score) in list(zip(boxes, together, strict=True))[::6]:
        ((alone, alone_score),) = segmenter.segment(image, [box])
        assert score == pytest.approx(alone_score, abs=1e-5)
        assert (mask != alone).mean() < 0.01


def test_short_numbers_give_nearly_the_same_scores(folders):
    image, boxes = smooth_image(64, 96), boxes_in(64, 96, 2)
    folder = model_folder(str(folders["sam2"]))
    exact = list(BoxSegmenter(folder, runner=CPU).segment(image, boxes))
    short = list(BoxSegmenter(folder, runner=CPU._replace(dtype="bfloat16")).segment(image, boxes))
    for (mask, score), (short_mask, short_score) in zip(exact, short, strict=True):
        assert short_score == pytest.approx(score, abs=0.05)
        assert mask.shape == short_mask.shape


def test_sam3_finds_each_phrase_by_itself_and_counts_whether_there_is_any(folders):
    image, phrases = smooth_image(64, 96), phrases_of(["car", "bus=bus . truck"])
    folder = model_folder(str(folders["sam3"]))
    finder = Sam3(folder, phrases, threshold=0, runner=CPU)
    found = list(finder.find(image))
    pixels = network_input(image, size_hw=(56, 56), colours=HALVES, runner=CPU)
    tokenizer, expected = transformers.CLIPTokenizer.from_pretrained(folders["sam3"]), []
    for text, name in phrases:
        words = tokenizer(text, return_tensors="pt", padding="max_length", max_length=32)
        with torch.inference_mode():
            said = finder.model(pixel_values=pixels, **words)
            shares = torch.nn.functional.interpolate(
                said.pred_masks.sigmoid(), (64, 96), mode="bilinear"
            )
        scores = said.pred_logits.sigmoid() * said.presence_logits.sigmoid()
        expected += [(name, float(scores[0, q]), shares[0, q].numpy() > 0.5) for q in range(8)]
    assert [one.class_name for one in found] == [name for name, _, _ in expected]
    assert [name for name, _, _ in expected] == ["car"] * 8 + ["bus"] * 16
    for one, (_, score, mask) in zip(found, expected, strict=True):
        assert one.detector_score == pytest.approx(score, abs=1e-5)
        assert one.mask_score is None
        assert (one.mask != mask).mean() < 0.01
    limit = sorted(one.detector_score for one in found)[12]
    some = list(Sam3(folder, phrases, threshold=limit - 1e-6, runner=CPU).find(image))
    assert len(some) == sum(one.detector_score >= limit - 1e-6 for one in found) < 24
