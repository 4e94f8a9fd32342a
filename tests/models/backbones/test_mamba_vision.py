import pytest
import torch
from mmpretrain.registry import MODELS
from torch.nn import functional as F

from mmmap.models.backbones import MambaVision
from mmmap.models.layers import Attention, MambaVisionMixer, from_windows
from tests.models.tiny import seeded_images, without_gradient
from tests.models.tiny_mamba_vision import (
    ARCH,
    tiny_mamba_vision,
)

ALL = (0, 1, 2, 3)
WIDTHS = (4, 8, 16, 32)
# design.md: millions of parameters with a head for 1000 classes.
SIZES = dict(
    tiny=('t', 31.79),
    tiny2=('t2', 35.10),
    small=('s', 50.14),
    base=('b', 97.69),
    large=('l', 227.96),
    large2=('l2', 241.55),
)


@pytest.mark.parametrize('arch', SIZES)
def test_parameters_of_the_published_sizes(arch):
    short, millions = SIZES[arch]
    numbers = []
    for name in (arch, short):
        with torch.device('meta'):
            model = MambaVision(name)
        number = sum(p.numel() for p in model.parameters())
        numbers.append(number + 1000 * (model.widths[-1] + 1))
    assert numbers[0] == numbers[1]
    assert round(numbers[0] / 1e6, 2) == millions


def test_is_found_in_mmpretrain_s_registry():
    model = MODELS.build(dict(type='mmpretrain.MambaVision', arch=ARCH))
    assert isinstance(model, MambaVision)
    assert model.widths == WIDTHS


def test_half_of_a_stage_rounded_up_has_mamba():
    model = tiny_mamba_vision(arch=ARCH | dict(depths=(2, 1, 5, 4)))
    kinds = [
        [type(block.mixer) for block in stage.blocks]
        for stage in model.stages[2:]
    ]
    M, T = MambaVisionMixer, Attention
    assert kinds == [[M, M, M, T, T], [M, M, T, T]]


@pytest.mark.parametrize('size', [(64, 64), (112, 137), (1, 33), (40, 7)])
def test_strides_and_channels_at_any_size(size):
    model = tiny_mamba_vision(out_indices=ALL).eval()
    outs = model(torch.randn(1, 3, *size))
    for out, width, stride in zip(outs, WIDTHS, (4, 8, 16, 32), strict=True):
        h, w = (-(-edge // stride) for edge in size)
        assert out.shape == (1, width, h, w)
        assert out.isfinite().all()
        assert out.is_contiguous()


def test_strides_are_true():
    """A pixel of the image is felt where it lies."""
    model = tiny_mamba_vision(out_indices=(0, 1)).eval()
    images = torch.randn(1, 3, 128, 128, requires_grad=True)
    for out, stride in zip(model.stage_maps(images), (4, 8), strict=True):
        (grad,) = torch.autograd.grad(
            out[0, :, 8, 7].square().sum(), images, retain_graph=True
        )
        felt = grad.abs().amax((0, 1)).nonzero().float()
        middle = (felt.amin(0) + felt.amax(0)) / 2
        assert middle.tolist() == pytest.approx(
            [8 * stride, 7 * stride], abs=1
        )


def test_windows_are_padded_and_do_not_see_each_other():
    """Stage 3 at 112 px: 7 x 7 in windows of 3, thus padded to 9 x 9."""
    stage = tiny_mamba_vision().stages[2].eval()
    x = torch.randn(1, 16, 7, 7)
    whole = stage(x, False)
    for row in (0, 3, 6):
        for column in (0, 3, 6):
            window = x[..., row : row + 3, column : column + 3]
            h, w = window.shape[2:]
            tokens = F.pad(window, (0, 3 - w, 0, 3 - h))
            tokens = tokens.flatten(2).transpose(1, 2)
            for block in stage.blocks:
                tokens = block(tokens)
            torch.testing.assert_close(
                whole[..., row : row + h, column : column + w],
                from_windows(tokens, 3, (h, w)),
            )


def layer_norm(x, norm):
    """Over the channels of a map."""
    x = F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], eps=norm.eps)
    return (x * norm.weight + norm.bias).permute(0, 3, 1, 2)


@pytest.mark.parametrize('out_type', ['raw', 'featmap', 'avg_featmap'])
def test_outputs(out_type):
    """The normalised maps of stages, before they are halved."""
    model = tiny_mamba_vision(out_indices=(1, 3), out_type=out_type).eval()
    for norm in (model.out_norms['1'], model.norm):
        torch.nn.init.normal_(norm.weight)
    model.norm.running_mean.normal_()
    images = seeded_images(size=64)
    maps = model.stage_maps(images)
    early = layer_norm(maps[1], model.out_norms['1'])
    late = F.batch_norm(
        maps[3],
        model.norm.running_mean,
        model.norm.running_var,
        model.norm.weight,
        model.norm.bias,
    )
    shape = dict(
        featmap=lambda x: x,
        raw=lambda x: x.flatten(2).transpose(1, 2),
        avg_featmap=lambda x: x.mean((2, 3)),
    )[out_type]
    outs = model(images)
    torch.testing.assert_close(outs, (shape(early), shape(late)))


@pytest.mark.parametrize('layer_scale', [None, 1e-5])
@pytest.mark.parametrize('out_indices', [-1, 0, 2, (1, 2), ALL])
def test_every_parameter_has_a_gradient(out_indices, layer_scale):
    arch = ARCH | dict(layer_scale=layer_scale)
    model = tiny_mamba_vision(arch=arch, out_indices=out_indices)
    outs = model(seeded_images(size=70))
    sum((out * torch.randn_like(out)).sum() for out in outs).backward()
    assert not without_gradient(model)


def test_layer_scale_scales_the_branches():
    plain = tiny_mamba_vision().eval()
    scaled = tiny_mamba_vision(arch=ARCH | dict(layer_scale=0.0)).eval()
    assert scaled.load_state_dict(plain.state_dict(), strict=False)
    x = torch.randn(1, 16, 5, 5)
    assert torch.equal(scaled.stages[2](x, False), x)
    for block in scaled.stages[2].blocks:
        block.scale1.data.fill_(1)
        block.scale2.data.fill_(1)
    expected = plain.stages[2](x, False)
    assert torch.equal(scaled.stages[2](x, False), expected)


def test_checkpointing_counts_each_batch_once():
    """Batch norm's statistics, though blocks run twice."""
    images = seeded_images(size=64)
    statistics = []
    for with_cp in (False, True):
        model = tiny_mamba_vision(with_cp=with_cp)
        model(images)[0].sum().backward()
        statistics.append(dict(model.named_buffers()))
    plain, again = statistics
    for name, value in plain.items():
        torch.testing.assert_close(again[name], value, msg=name)


def test_drop_path_rises_through_all_stages():
    model = tiny_mamba_vision(drop_path_rate=0.6)
    rates = [
        block.drop_path.rate
        for stage in model.stages
        for block in stage.blocks
    ]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    images = seeded_images(size=64)
    assert not torch.equal(model(images)[0], model(images)[0])
    model.eval()
    assert torch.equal(model(images)[0], model(images)[0])


@pytest.mark.parametrize('frozen', [-1, 0, 1, 3, 4])
def test_frozen_stages(frozen):
    model = tiny_mamba_vision(frozen_stages=frozen, out_indices=ALL).train()
    still = {n for n, p in model.named_parameters() if not p.requires_grad}

    def is_frozen(name):
        part, *place = name.split('.')
        number = int(place[0]) if place[0].isdigit() else 0
        return {
            'stem': frozen >= 0,
            'stages': number < frozen,
            # What halves a map belongs to the stage behind it.
            'downsamples': number + 1 < frozen,
            'norm': frozen == 4,
            'out_norms': frozen == 4,
        }[part]

    names = [n for n, _ in model.named_parameters()]
    assert still == {name for name in names if is_frozen(name)}
    assert [s.training for s in model.stages] == [i >= frozen for i in ALL]
    before = {n: b.clone() for n, b in model.named_buffers()}
    model(seeded_images(size=64))
    for name, value in model.named_buffers():
        assert torch.equal(value, before[name]) == is_frozen(name), name


def test_norm_eval_keeps_all_statistics():
    model = tiny_mamba_vision(norm_eval=True).train()
    before = {n: b.clone() for n, b in model.named_buffers()}
    (out,) = model(seeded_images(size=64))
    out.sum().backward()
    assert all(torch.equal(b, before[n]) for n, b in model.named_buffers())
    assert not without_gradient(model)
    assert model.stages[3].training


def test_state_space_begins_as_mamba_s():
    ssm = tiny_mamba_vision().stages[3].blocks[0].mixer.ssm
    steps = F.softplus(ssm.dt_proj.bias)
    assert steps.min() >= 1e-4
    assert steps.max() <= 0.1 + 1e-6
    expected = torch.arange(1.0, 9).log().expand(16, 8)
    torch.testing.assert_close(ssm.A_log.detach(), expected)


WRONG = [
    (dict(arch='giant'), "unknown arch 'giant'; choose one of t, tiny, t2"),
    (dict(arch=5), 'arch must be a name .* got 5'),
    (dict(arch=dict(depths=(1,))), r"arch dict needs.*got \['depths'\]"),
    (dict(arch=ARCH | dict(patch_size=16)), 'an arch dict needs.*patch_size'),
    (dict(arch=ARCH | dict(depths=(1, 2))), r'depths must be 4 .*\(1, 2\)'),
    (dict(arch=ARCH | dict(window_sizes=7)), 'window_sizes must be 2 .* 7'),
    (dict(arch=ARCH | dict(window_sizes=(7, 0))), 'window_sizes must be a'),
    (dict(arch=ARCH | dict(depths=(1, 0, 1, 1))), 'depths must be a whole'),
    (dict(arch=ARCH | dict(embed_dims=0)), 'embed_dims must be a whole'),
    (dict(arch=ARCH | dict(num_heads=(3, 4))), '16 channels cannot be split'),
    (dict(arch=ARCH | dict(mlp_ratio=0)), 'mlp_ratio must leave at least'),
    (dict(out_type='cls'), "unknown out_type 'cls'; choose one of raw"),
    (dict(out_indices=4), r'must lie in \[-4, 3\].*4 stages, got 4'),
    (dict(out_indices=(3, 1)), r'ascend without repetition, got \(3, 1\)'),
    (dict(frozen_stages=5), r'frozen_stages must be in \[-1, 4\], got 5'),
    (dict(in_channels=0), 'in_channels must be a whole number'),
]


@pytest.mark.parametrize(('options', 'message'), WRONG)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        tiny_mamba_vision(**options)
