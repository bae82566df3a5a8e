import torch
from torch import nn

from massformer.blocks import PooledBatchNorm
from massformer.config import load_config
from massformer.model import build_model
from massformer.norms import freeze_norms, group_norms, synchronise_norms, train_affine


def parts() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 16, 1), nn.BatchNorm2d(16), nn.Sequential(PooledBatchNorm(16))
    )


def test_frozen_norms_keep_their_statistics_and_are_not_trained():
    module = parts()
    module[1].running_mean.fill_(2)
    freeze_norms(module)
    module.train()(torch.randn(4, 3, 1, 1))
    assert module[1].running_mean.tolist() == [2] * 16
    assert not module[1].weight.requires_grad
    assert isinstance(module[2][0], PooledBatchNorm)
    assert set(module.state_dict()) == set(parts().state_dict())


def test_group_norms_make_images_independent_of_their_batch():
    model = build_model(load_config("tiny", ["model.norm=group"]).model)
    freeze_norms(model.backbone)
    assert not any(isinstance(each, nn.BatchNorm2d) for each in model.pixel_decoder.modules())
    images = torch.randn(2, 3, 64, 64)
    model.train()
    both = model(images)["edge_logits"]
    one = model(images[:1])["edge_logits"]
    torch.testing.assert_close(both[:1], one, rtol=1e-4, atol=1e-5)


def test_a_pooled_map_is_normalised_as_one_group_so_that_something_is_left():
    module = parts()
    group_norms(module)
    assert module[2][0].num_groups == 1
    assert module[1].num_groups == 8


def test_synchronised_norms_leave_pooled_ones_alone():
    module = parts()
    synchronise_norms(module)
    assert isinstance(module[1], nn.SyncBatchNorm)
    assert isinstance(module[2][0], PooledBatchNorm)


def test_scale_and_shift_are_trained_or_not():
    module = parts()
    train_affine(module, False)
    assert not module[1].weight.requires_grad
    assert module[0].weight.requires_grad
    train_affine(module, True)
    assert module[1].bias.requires_grad


def test_group_norms_see_the_whole_map_in_inference_too(monkeypatch):
    model = build_model(load_config("tiny", ["model.norm=group"]).model).eval()
    images = torch.randn(1, 3, 96, 64)
    with torch.no_grad():
        whole = model(images)["mask_logits"][-1]
        monkeypatch.setattr("massformer.blocks.STRIP_BYTES", 2**12)
        strips = model(images)["mask_logits"][-1]
    torch.testing.assert_close(strips, whole, rtol=1e-4, atol=1e-4)
