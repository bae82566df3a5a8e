"""Tiny networks of transformers' own classes with random weights, saved to folders as the hub's."""

import json
import string
import warnings

import torch

SHORT_PX, LONG_PX = 96, 160  # its coarsest map is 1/64 and needs more than one pixel
WORDS = ["car", "bus", "truck", "person", "tree"]
SMALL_DECODER = {
    "hidden_size": 16,
    "mlp_dim": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "iou_head_hidden_dim": 16,
    "attention_downsample_rate": 2,
}


def save_grounding_dino(folder):
    """Save a Grounding DINO that looks at images of SHORT_PX to LONG_PX pixels."""
    from transformers import (
        BertConfig,
        BertTokenizer,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        SwinConfig,
    )

    # the network knows these by their numbers in BERT's own vocabulary
    special = {100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    names = {0: "[PAD]", **special}
    others = iter([*WORDS, *string.ascii_lowercase, *(f"##{c}" for c in string.ascii_lowercase)])
    vocab = {names.get(i) or next(others, f"[unused{i}]"): i for i in range(1040)}
    backbone = SwinConfig(
        image_size=64,
        patch_size=4,
        embed_dim=8,
        depths=[1] * 4,
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )
    text = BertConfig(
        vocab_size=1040,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    config = GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=10,
        num_feature_levels=4,
        max_text_len=32,
        encoder_n_points=2,
        decoder_n_points=2,
    )
    _save(GroundingDinoForObjectDetection, config, folder)
    BertTokenizer(vocab=vocab).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"size": {"shortest_edge": SHORT_PX, "longest_edge": LONG_PX}})
    )
    return folder


def save_sam(folder):
    """Save a SAM that looks at images of 64x64 pixels."""
    from transformers import SamConfig, SamModel

    config = SamConfig(
        vision_config={
            "hidden_size": 32,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 8,
            "mlp_dim": 64,
            "window_size": 4,
            "global_attn_indexes": [1],
            "num_pos_feats": 8,
        },
        prompt_encoder_config={
            "hidden_size": 16,
            "image_size": 64,
            "patch_size": 8,
            "mask_input_channels": 4,
        },
        mask_decoder_config=SMALL_DECODER,
    )
    return _save(SamModel, config, folder)


def save_sam2(folder):
    """Save a SAM 2 that looks at images of 64x64 pixels."""
    from transformers import Sam2Config, Sam2Model

    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "num_attention_heads": 1,
                "image_size": [64, 64],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 2, 4, 8],
                "window_size_per_stage": [8, 4, 4, 4],
                "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 16,
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": 64, "patch_size": 16},
        mask_decoder_config={**SMALL_DECODER, "iou_head_depth": 3},
    )
    return _save(Sam2Model, config, folder)


def _save(kind, config, folder):
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of transformers about its own future
        kind(config).eval().save_pretrained(folder)
    return folder


def save_sam3(folder):
    """Save a SAM 3 that looks at images of 56x56 pixels and knows single letters."""
    from transformers import CLIPTokenizer, Sam3Config, Sam3Model

    small = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                **small,
                "num_hidden_layers": 2,
                "image_size": 56,
                "patch_size": 14,
                "window_size": 2,
                "global_attn_indexes": [1],
                "pretrain_image_size": 28,
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        text_config={
            **small,
            "vocab_size": 600,
            "projection_dim": 32,
            "num_hidden_layers": 1,
            "max_position_embeddings": 32,
            "bos_token_id": 598,
            "eos_token_id": 599,
        },
        geometry_encoder_config={**small, "num_layers": 1, "roi_size": 3},
        detr_encoder_config={**small, "num_layers": 1},
        detr_decoder_config={**small, "num_layers": 1, "num_queries": 8},
        mask_decoder_config={
            "hidden_size": 32,
            "num_upsampling_stages": 2,
            "num_attention_heads": 2,
        },
    )
    letters = [*string.ascii_lowercase, *(f"{c}</w>" for c in string.ascii_lowercase)]
    vocab = {letter: number for number, letter in enumerate(letters)}
    ends = {"<|startoftext|>": 598, "<|endoftext|>": 599}
    CLIPTokenizer(vocab={**vocab, **ends}, merges=[]).save_pretrained(folder)
    return _save(Sam3Model, config, folder)
