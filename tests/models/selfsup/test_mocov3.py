"""mmpretrain's MoCo v3 around HybridNet, in one process without a GPU."""

import torch

from mmmap.models.backbones import HybridNet
from tests.data.make_golden_curves import tiny_moco
from tests.models.tiny import PATCH, seeded_images, without_gradient


def test_a_step_trains_the_backbone_and_moves_its_average():
    model, images = tiny_moco().train(), seeded_images(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    views = [images, images.flip(-1)]
    model.loss(views, [])['loss'].backward()
    optimizer.step()
    assert not without_gradient(model.backbone)
    weight = 'layers.0.mixer.in_proj.weight'
    average = model.momentum_encoder.module[0]
    before = average.get_parameter(weight).clone()
    model.loss(views, [])
    trained = model.backbone.get_parameter(weight)
    after = average.get_parameter(weight)
    assert 0 < (after - before).norm() < (trained - before).norm()
    assert not after.requires_grad


def test_its_checkpoint_starts_a_classifier(tmp_path):
    model = tiny_moco()
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    backbone = HybridNet(
        dict(embed_dims=16, pattern='MMT', num_heads=2, d_state=4),
        img_size=16,
        patch_size=PATCH,
        out_type='avg_featmap',
        init_cfg=dict(
            type='Pretrained', checkpoint=str(path), prefix='backbone.'
        ),
    )
    backbone.init_weights()
    images = seeded_images()
    expected = model.eval().backbone(images)
    torch.testing.assert_close(backbone.eval()(images), expected)
