import pytest
import torch
from mmpretrain.structures import DataSample

from mmmap.models.heads import PointClsHead


def samples(*labels):
    return [DataSample().set_gt_label(label) for label in labels]


def test_layers():
    head = PointClsHead(5, 12).eval()
    pooled = torch.randn(3, 12)
    linear1, norm1, _, _, linear2, norm2, _, _, last = head.layers
    x = norm1(linear1(pooled)).relu()
    expected = last(norm2(linear2(x)).relu())
    torch.testing.assert_close(head((None, pooled)), expected)
    assert (linear1.out_features, linear2.out_features) == (256, 256)


def test_loss_is_the_cross_entropy():
    head = PointClsHead(5, 12).eval()
    pooled = torch.randn(3, 12)
    loss = head.loss((pooled,), samples(0, 4, 2))['loss']
    expected = torch.nn.functional.cross_entropy(
        head((pooled,)), torch.tensor([0, 4, 2])
    )
    torch.testing.assert_close(loss, expected)


def test_bad_input():
    head = PointClsHead(5, 12)
    with pytest.raises(ValueError, match=r'takes \(B, 12\).*\(3, 11\)'):
        head((torch.zeros(3, 11),))
    with pytest.raises(ValueError, match="out_type='pooled'"):
        head((torch.zeros(3, 7, 12),))
    with pytest.raises(ValueError, match='label 5.*the head has 5 classes'):
        head.loss((torch.zeros(2, 12),), samples(1, 5))
