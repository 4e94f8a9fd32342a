"""Operators that mmcv compiles for CUDA alone, against other expressions."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional

no_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='needs a CUDA device'
)
DEVICES = ['cpu', pytest.param('cuda', marks=[pytest.mark.gpu, no_gpu])]
pytestmark = pytest.mark.parametrize('device', DEVICES)
REGIONS = [[0, 2, 3, 20, 17], [1, -8, 4, 9, 60], [1, 30, 8, 10, 9]]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def leaf(*size: int, device: str = 'cpu') -> torch.Tensor:
    """Random numbers in double precision that want a gradient."""
    kind = dict(dtype=torch.float64, device=device, requires_grad=True)
    return torch.randn(size, **kind)


def test_roi_pool(ops, device):
    x = leaf(2, 3, 8, 10, device=device)
    regions = torch.tensor(REGIONS, dtype=x.dtype, device=device)
    pooled = ops.roi_pool(x, regions, (3, 4), 0.25)
    expected = torch.stack([pool(x, row) for row in regions.tolist()])
    torch.testing.assert_close(pooled, expected, rtol=0, atol=0)
    weight = torch.randn_like(pooled)
    gradients = [
        torch.autograd.grad((y * weight).sum(), x)[0]
        for y in (pooled, expected)
    ]
    torch.testing.assert_close(*gradients)
    # Negative width: no bin, no gradient.
    assert not pooled[2].any()


def pool(x, region):
    """One region, bin by bin: every pixel that a bin touches."""
    image, left, top, right, bottom = region
    left, top = left / 4, top / 4
    width, height = (right + 1) / 4 - left, (bottom + 1) / 4 - top
    output = x.new_zeros(3, 3, 4)
    for row in range(3):
        for column in range(4):
            rows, columns = (
                [
                    k
                    for k in range(limit)
                    if k + 1 > start + index * size / bins
                    and k < start + (index + 1) * size / bins
                ]
                for start, size, index, bins, limit in (
                    (top, height, row, 3, 8),
                    (left, width, column, 4, 10),
                )
            )
            if rows and columns:
                touched = x[int(image)][:, rows][:, :, columns]
                output[:, row, column] = touched.flatten(1).amax(1)
    return output


def test_roi_maximum_has_its_gradient(ops, device):
    x = leaf(2, 2, 6, 7, device=device)
    regions = torch.tensor(REGIONS[:2], dtype=x.dtype, device=device)
    assert gradcheck(
        lambda t: ops.roi_align(t, regions, 2, 0.25, 0, 'max', True), x
    )


def test_roi_in_parts(ops, extension, device, monkeypatch):
    from mmcv_ops_torchvision import sampling

    x = leaf(2, 3, 8, 10, device=device)
    regions = torch.tensor(REGIONS[:2] * 3, dtype=x.dtype, device=device)
    whole = ops.roi_align(x, regions, 3, 0.25, 0, 'max', True)
    monkeypatch.setattr(sampling, 'SAMPLES', 200)
    parts = ops.roi_align(x, regions, 3, 0.25, 0, 'max', True)
    torch.testing.assert_close(parts, whole, rtol=0, atol=0)


def test_no_regions(ops, device):
    x = leaf(2, 3, 8, 10, device=device)
    none = x.new_zeros(0, 5).detach()
    offset = x.new_zeros(0, 2, 3, 3).detach()
    for pooled in (
        ops.roi_pool(x, none, 3, 0.25),
        ops.roi_align(x, none, 3, 0.25, 0, 'max', True),
        ops.roi_align(x, none, 3, 0.25, 0, 'avg', True),
        ops.deform_roi_pool(x, none, offset, 3, 0.25, 0, 0.1),
    ):
        assert pooled.shape == (0, 3, 3, 3)
        (gradient,) = torch.autograd.grad(pooled.sum(), x)
        assert not gradient.any()


@pytest.mark.parametrize('image', [-1, 2, float('nan')])
def test_a_region_of_no_image(ops, device, image):
    if device != 'cpu':
        pytest.skip('the check is for a CPU')
    features = torch.ones(2, 3, 8, 8)
    regions = torch.tensor([[0.0, 0, 0, 4, 4], [image, 0, 0, 4, 4]])
    pools = (
        lambda: ops.roi_align(features, regions, 2),
        lambda: ops.roi_align(features, regions, 2, 1.0, 0, 'max'),
        lambda: ops.roi_pool(features, regions, 2),
        lambda: ops.deform_roi_pool(features, regions, None, (2, 2)),
    )
    for pool in pools:
        with pytest.raises(IndexError, match='the batch has 2 images'):
            pool()


def test_no_images(ops, device):
    x = leaf(0, 4, 6, 8, device=device)
    masks = x.new_zeros(0, 9, 12, 16).detach()
    for output, size in (
        (ops.roi_pool(x, x.new_zeros(0, 5).detach(), 3, 0.25), (0, 4, 3, 3)),
        (ops.carafe(x, masks, 3, 1, 2), (0, 4, 12, 16)),
    ):
        assert output.shape == size
        (gradient,) = torch.autograd.grad(output.sum(), x)
        assert gradient.shape == x.shape


def test_deform_roi_pool(ops, device):
    x = leaf(2, 3, 8, 10, device=device)
    regions = torch.tensor(REGIONS[:2], dtype=x.dtype, device=device)
    settings = (3, 4), 0.25, 2
    plain = ops.roi_align(x, regions, *settings, 'avg', True)
    pooled = ops.deform_roi_pool(x, regions, None, *settings, 0.1)
    torch.testing.assert_close(pooled, plain)
    # All bins moved by a whole pixel of the features, to the right.
    offset = torch.zeros(2, 2, 3, 4, dtype=x.dtype, device=device)
    offset[:, 0] = 1 / 0.1
    offset[:, 0] /= (regions[:, 3] - regions[:, 1])[:, None, None] / 4
    moved = ops.deform_roi_pool(x, regions, offset, *settings, 0.1)
    right = regions + regions.new_tensor([0, 4, 0, 4, 0])
    torch.testing.assert_close(
        moved, ops.roi_align(x, right, *settings, 'avg', True)
    )
    assert gradcheck(
        lambda t, o: ops.deform_roi_pool(t, regions[:1], o, 2, 0.25, 2, 0.1),
        (x, leaf(1, 2, 2, 2, device=device)),
    )


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_sigmoid_focal_loss(ops, device, gamma):
    from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss

    x = leaf(9, 4, device=device)
    target = torch.tensor([0, 1, 2, 3, 4, 0, 1, 4, 4], device=device)
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0]).to(x)
    loss = ops.sigmoid_focal_loss(x, target, gamma, 0.3, None, 'none')
    hot = functional.one_hot(target, 5)[:, :4]
    expected = py_sigmoid_focal_loss(
        x, hot, gamma=gamma, alpha=0.3, reduction='none'
    )
    torch.testing.assert_close(loss, expected)
    weighted = ops.sigmoid_focal_loss(x, target, gamma, 0.3, weight, 'none')
    rows = torch.cat([weight, weight.new_ones(1)])[target]
    torch.testing.assert_close(weighted, expected * rows[:, None])
    assert gradcheck(
        lambda t: ops.sigmoid_focal_loss(t, target, gamma, 0.3, weight, 'sum'),
        x,
    )


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_softmax_focal_loss(ops, device, gamma):
    x = leaf(6, 4, device=device)
    target = torch.tensor([0, 1, 2, 3, -1, 0], device=device)
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0]).to(x)
    loss = ops.softmax_focal_loss(x, target, gamma, 0.3, weight, 'none')
    entropy = functional.cross_entropy(
        x, target, ignore_index=-1, reduction='none'
    )
    rows = weight[target.clamp(min=0)]
    expected = 0.3 * (1 - torch.exp(-entropy)) ** gamma * entropy * rows
    torch.testing.assert_close(loss, expected)
    assert gradcheck(
        lambda t: ops.softmax_focal_loss(t, target, gamma, 0.3, weight, 'sum'),
        x,
    )


@pytest.mark.parametrize('loss', ['sigmoid_focal_loss', 'softmax_focal_loss'])
def test_focal_losses_of_sure_predictions_are_finite(ops, device, loss):
    x = torch.tensor([[90.0, -90], [-90, 90]], device=device)
    x.requires_grad_()
    target = torch.tensor([0, 0], device=device)
    value = getattr(ops, loss)(x, target, 0.5, 0.25, None, 'sum')
    (gradient,) = torch.autograd.grad(value, x)
    assert value.isfinite() and gradient.isfinite().all()
    # Only the second sample is wrong.
    assert value > 0.25 * 87
    assert gradient[0].abs().max() < 1e-6 < gradient[1].abs().min()


def test_masked_conv(ops, device):
    layer = ops.MaskedConv2d(3, 5, (3, 5), padding=(1, 2)).to(device).eval()
    x = torch.randn(1, 3, 7, 9, device=device)
    mask = torch.rand(1, 7, 9, device=device) > 0.6
    with torch.no_grad():
        dense = functional.conv2d(x, layer.weight, layer.bias, 1, (1, 2))
        masked = layer(x, mask)
    torch.testing.assert_close(masked, dense * mask[:, None])


@pytest.mark.parametrize('name', ['carafe', 'carafe_naive'])
def test_carafe(ops, device, name):
    x, mask = leaf(2, 4, 3, 5, device=device), leaf(2, 18, 6, 10).to(device)
    mask = mask.detach().requires_grad_()
    call = getattr(ops, name)
    output = call(x, mask, 3, 2, 2)
    padded = functional.pad(x, (1, 1, 1, 1))
    for row, column, channel in ((0, 0, 0), (5, 9, 3), (3, 4, 2), (2, 7, 1)):
        y, left = row // 2, column // 2
        around = padded[:, channel, y : y + 3, left : left + 3].flatten(1)
        group = channel // 2 * 9
        kernel = mask[:, group : group + 9, row, column]
        torch.testing.assert_close(
            output[:, channel, row, column], (around * kernel).sum(1)
        )
    if name == 'carafe' or device == 'cuda':  # mmcv's naive one wants CUDA
        assert gradcheck(lambda *pair: call(*pair, 3, 2, 2), (x, mask))


def test_multi_scale_deformable_attention(ops, device):
    from mmcv.ops.multi_scale_deform_attn import (
        MultiScaleDeformableAttnFunction,
        multi_scale_deformable_attn_pytorch,
    )

    shapes = torch.tensor([[3, 4], [2, 2]], device=device)
    starts = torch.tensor([0, 12], device=device)
    value, weights = leaf(2, 16, 2, 3), leaf(2, 5, 2, 2, 4)
    tensors = value, torch.rand(2, 5, 2, 2, 4, 2).double() * 1.2 - 0.1, weights
    tensors = [t.detach().to(device).requires_grad_() for t in tensors]
    expected = multi_scale_deformable_attn_pytorch(
        tensors[0], shapes, *tensors[1:]
    )
    output = MultiScaleDeformableAttnFunction.apply(
        tensors[0], shapes, starts, *tensors[1:], 64
    )
    torch.testing.assert_close(output, expected)
    pattern = torch.randn_like(output)
    for found, wanted in zip(
        torch.autograd.grad(output, tensors, pattern),
        torch.autograd.grad(expected, tensors, pattern),
    ):
        torch.testing.assert_close(found, wanted)


def test_synchronised_batch_norm(ops, device):
    from mmcv.ops.sync_bn import SyncBatchNormFunction

    x = torch.randn(4, 3, 5, 6, device=device) * 3 + 1
    pattern = torch.randn(4, 3, 5, 6, device=device)
    weight, bias = torch.randn(2, 3, device=device)
    results = []
    for mine in (True, False):
        leaves = [t.clone().requires_grad_() for t in (x, weight, bias)]
        running = x.new_full((3,), 0.5), x.new_ones(3)
        if mine:
            output = SyncBatchNormFunction.apply(
                leaves[0], *running, *leaves[1:], 0.2, 1e-5, None, 1, 'default'
            )
        else:
            output = functional.batch_norm(
                leaves[0], *running, *leaves[1:], True, 0.2, 1e-5
            )
        gradients = torch.autograd.grad(output, leaves, pattern)
        results.append([output, *running, *gradients])
    for found, wanted in zip(*results):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('kind', [torch.float16, torch.bfloat16])
def test_short_floats(ops, device, kind):
    """As under AMP: the result has the type of the features."""
    x = torch.randn(2, 4, 8, 10, device=device)
    regions = torch.tensor(REGIONS[:2], dtype=x.dtype, device=device)
    offset = torch.randn(2, 18, 8, 10, device=device)
    weight = torch.randn(4, 4, 3, 3, device=device)
    calls = [
        lambda t: ops.roi_align(t, regions, 3, 0.25, 0, 'avg', True),
        lambda t: ops.roi_align(t, regions, 3, 0.25, 0, 'max', True),
        lambda t: ops.roi_pool(t, regions, 3, 0.25),
        lambda t: ops.deform_conv2d(t, offset.to(t), weight, 1, 1),
    ]
    for call in calls:
        short = x.to(kind).requires_grad_()
        output = call(short)
        assert output.dtype == kind
        full = call(short.float())
        torch.testing.assert_close(output.float(), full, rtol=0.05, atol=0.3)
        (gradient,) = torch.autograd.grad(output.sum(), short)
        assert gradient.dtype == kind and gradient.isfinite().all()
    boxes = regions[:, 1:].abs().to(kind)
    scores = torch.tensor([0.5, 0.9], device=device)
    _, kept = ops.nms(boxes, scores.to(kind), 0.9)
    assert kept.tolist() == [1, 0]


@pytest.mark.parametrize('kind', [torch.float16, torch.bfloat16])
def test_large_boxes_in_short_floats(ops, device, kind):
    """Their areas are larger than float16 can hold."""
    large = [[0, 0, 512, 512], [0, 0, 512, 256], [512, 512, 1024, 1024]]
    boxes = torch.tensor(large, device=device, dtype=kind)
    if device == 'cpu' or kind == torch.bfloat16:
        overlaps = ops.bbox_overlaps(boxes, boxes)
        expected = [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]
        assert overlaps.tolist() == expected
    scores = boxes.new_tensor([[0.75], [0.5], [0.25]])
    groups = ops.nms_match(torch.cat([boxes, scores], 1), 0.4)
    assert [group.tolist() for group in groups] == [[0, 1], [2]]


@pytest.mark.parametrize('kind', [torch.float16, torch.bfloat16])
def test_short_floats_are_rounded_once(ops, extension, device, kind):
    """float16 on a CPU, and bfloat16, are computed in float32."""
    if device == 'cuda' and kind == torch.float16:
        pytest.skip('computed in float16')
    target = torch.arange(64, device=device) % 5

    def softmax_loss(p):
        output = p.new_zeros(64)
        weight = p.new_empty(0)
        extension.softmax_focal_loss_forward(p, target, weight, output, 2, 0.3)
        return output

    def attend(value):
        shapes = torch.tensor([[4, 4]], device=device)
        weights = value[:, :8, :, None, :2]
        where = weights[..., None].expand(-1, -1, -1, -1, -1, 2)
        return extension.ms_deform_attn_forward(
            value, shapes, shapes.new_zeros(1), where, weights, 64
        )

    calls = [
        (lambda t: ops.sigmoid_focal_loss(t, target, 2.0, 0.3, None, 'none'),
         64, 5),
        (softmax_loss, 64, 5),
        (lambda t: ops.carafe(t, t[:, :9].repeat(1, 1, 2, 2), 3, 1, 2),
         2, 12, 4, 4),
        (attend, 2, 16, 2, 4),
    ]  # fmt: skip
    for call, *size in calls:
        short = torch.rand(size, device=device).to(kind)
        torch.testing.assert_close(
            call(short), call(short.float()).to(kind), rtol=0, atol=0
        )


def test_integers_are_refused(ops, device):
    whole = torch.ones(2, 4, dtype=torch.long, device=device)
    scores = torch.rand(2, device=device)
    for call in (
        lambda: ops.nms(whole, scores, 0.5),
        lambda: ops.soft_nms(whole, scores, 0.5),
        lambda: ops.bbox_overlaps(whole, whole),
    ):
        with pytest.raises(TypeError, match='not torch.int64: convert'):
            call()
