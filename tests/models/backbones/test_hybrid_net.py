import pytest
import torch
from mmpretrain.registry import MODELS
from torch.nn import functional as F

from mmmap.checkpoints import CheckpointError
from mmmap.models.backbones import HybridNet
from mmmap.models.layers import (
    MambaBlock,
    PublishedAttentionBlock,
    ResidualAttentionBlock,
)
from tests.models.tiny import without_gradient

TINY = dict(
    embed_dims=24, mamba_depth=4, attention_every=2, num_heads=4, d_state=4
)
PATTERN = 'MMTMMT'


def build(seed=0, **options):
    torch.manual_seed(seed)
    return HybridNet(**dict(arch=TINY, img_size=32, patch_size=8) | options)


@pytest.fixture
def images():
    return torch.randn(
        2, 3, 32, 32, generator=torch.Generator().manual_seed(1)
    )


# design.md: millions of parameters of the encoder, with its final norm.
SIZES = dict(tiny=9.33, small=34.88, base=134.64, large=473.4, huge=792.5)


@pytest.mark.parametrize('arch', SIZES)
def test_parameters_of_the_published_sizes(arch):
    with torch.device('meta'):
        model, short = HybridNet(arch), HybridNet(arch[0])
    number = sum(p.numel() for p in model.parameters())
    digits = 1 if arch in ('large', 'huge') else 2
    assert round(number / 1e6, digits) == SIZES[arch]
    depth = dict(large=48, huge=36).get(arch, 24)
    assert model.pattern == short.pattern == 'MMMT' * (depth // 3)


def test_is_found_in_mmpretrain_s_registry():
    model = MODELS.build(dict(type='mmpretrain.HybridNet', arch=TINY))
    assert isinstance(model, HybridNet)
    assert model.pattern == PATTERN


@pytest.mark.parametrize(
    ('depth', 'every', 'pattern'),
    [(6, 3, 'MMMTMMMT'), (5, 2, 'MMTMMTM'), (2, 3, 'MM'), (2, 1, 'MTMT')],
)
def test_pattern_from_depths(depth, every, pattern):
    arch = TINY | dict(mamba_depth=depth, attention_every=every)
    assert build(arch=arch).pattern == pattern


@pytest.mark.parametrize('pattern', ['TMM', 'MMM', 'TT'])
@pytest.mark.parametrize('attention', ['published', 'residual'])
def test_pattern_as_data(pattern, attention, images):
    arch = dict(embed_dims=24, pattern=pattern, num_heads=4)
    model = build(arch=arch, attention=attention)
    kinds = {
        'M': MambaBlock,
        'T': PublishedAttentionBlock
        if attention == 'published'
        else ResidualAttentionBlock,
    }
    for layer, kind in zip(model.layers, pattern, strict=True):
        assert type(layer) is kinds[kind]
    (out,) = model(images)
    out.square().sum().backward()
    assert not without_gradient(model)


def stream_after(model, images, depth):
    """Sum of hidden and residual after so many blocks, by hand."""
    tokens = model.patch_embed(images) + model.pos_embed((4, 4))
    hidden, residual = tokens, None
    for layer in model.layers[:depth]:
        hidden, residual = layer(hidden, residual)
    return hidden + residual


def rms_norm(x, norm):
    scale = (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt()
    return x * scale * norm.weight


@pytest.mark.parametrize('out_type', ['raw', 'featmap', 'avg_featmap'])
def test_outputs_at_chosen_depths(out_type, images):
    model = build(out_indices=(1, 2, -1), out_type=out_type).eval()
    norms = [model.out_norms['1'], model.out_norms['2'], model.norm]
    for norm in norms:
        torch.nn.init.normal_(norm.weight)
    outs = model(images)
    for out, norm, depth in zip(outs, norms, (2, 3, 6), strict=True):
        stream = stream_after(model, images, depth)
        if out_type == 'avg_featmap':
            expected = rms_norm(stream.mean(1), norm)
        else:
            expected = rms_norm(stream, norm)
        if out_type == 'featmap':
            expected = expected.mT.reshape(2, 24, 4, 4)
            assert out.is_contiguous()
        torch.testing.assert_close(out, expected)


@pytest.mark.parametrize('out_type', ['raw', 'featmap', 'avg_featmap'])
@pytest.mark.parametrize('out_indices', [-1, 0, 2, (1, 3), (0, 2, 4, 5)])
@pytest.mark.parametrize('attention', ['published', 'residual'])
def test_every_parameter_has_a_gradient(
    out_type, out_indices, attention, images
):
    model = build(
        out_type=out_type, out_indices=out_indices, attention=attention
    )
    loss = sum((out * torch.randn_like(out)).sum() for out in model(images))
    loss.backward()
    assert not without_gradient(model)


@pytest.mark.parametrize('size', [(32, 32), (112, 137), (8, 40), (9, 9)])
def test_any_size_of_image(size):
    model = build(out_indices=(2, 5)).eval()
    images = torch.randn(1, 3, *size)
    h, w = -(-size[0] // 8), -(-size[1] // 8)
    outs = model(images)
    assert [tuple(out.shape) for out in outs] == [(1, 24, h, w)] * 2
    # As the same image with the padding already there.
    padded = F.pad(images, (0, w * 8 - size[1], 0, h * 8 - size[0]))
    for out, expected in zip(outs, model(padded), strict=True):
        torch.testing.assert_close(out, expected)


def test_image_smaller_than_a_patch():
    message = 'the image is 7x32, smaller than a 8x8 patch'
    with pytest.raises(ValueError, match=message):
        build()(torch.zeros(1, 3, 7, 32))


@pytest.mark.parametrize('shape', [(3, 32, 32), (1, 1, 32, 32)])
def test_what_is_no_batch_of_images(shape):
    with pytest.raises(ValueError, match=r'must be \(B, 3, H, W\), got'):
        build()(torch.zeros(shape))


def test_non_square_img_size(images):
    model = build(img_size=(16, 30))
    assert model.pos_embed.weight.shape == (1, 2, 4, 24)
    assert model(images)[0].shape == (2, 24, 4, 4)


def test_keeping_all_tokens_is_the_full_run(images):
    model = build(out_type='raw').eval()
    everything = torch.arange(16).expand(2, 16)
    torch.testing.assert_close(model(images, everything), model(images))


def test_hidden_tokens_have_no_influence(images):
    model = build(out_type='raw').eval()
    keep = torch.tensor([[0, 3, 9], [4, 5, 15]])
    (visible,) = model(images, keep)
    assert visible.shape == (2, 3, 24)
    changed = images.clone()
    changed[0, :, :8, 8:24] = 5.0  # tokens 1 and 2
    assert torch.equal(model(changed, keep)[0], visible)
    changed[0, :, 16:24, 8:16] = 5.0  # token 9
    assert not torch.equal(model(changed, keep)[0][0], visible[0])
    assert torch.equal(model(changed, keep)[0][1], visible[1])


def test_keep_needs_tokens(images):
    with pytest.raises(ValueError, match="needs out_type='raw'.*'featmap'"):
        build()(images, torch.zeros(2, 1, dtype=torch.long))


def saved_bytes(model, images):
    """Bytes that autograd keeps for backward."""
    sizes = {}

    def pack(x):
        sizes[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        outs = model(images)
    del outs
    return sum(sizes.values())


def test_checkpointing_saves_memory(images):
    plain = saved_bytes(build(), images)
    assert saved_bytes(build(with_cp=True), images) < plain / 4


def test_drop_path_in_training_only_and_rising(images):
    model = build(drop_path_rate=0.5)
    rates = [layer.drop_path.rate for layer in model.layers]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert not torch.equal(model(images)[0], model(images)[0])
    model.eval()
    assert torch.equal(model(images)[0], model(images)[0])
    plain = build().eval()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model(images)[0], plain(images)[0])


@pytest.mark.parametrize('frozen', [-1, 0, 2, 6])
def test_frozen_stages(frozen, images):
    model = build(frozen_stages=frozen, drop_path_rate=0.5).train()
    still = {n for n, p in model.named_parameters() if not p.requires_grad}
    expected = {
        name
        for name, _ in model.named_parameters()
        if (frozen >= 0 and name.startswith(('patch_embed.', 'pos_embed.')))
        or (name.startswith('layers.') and int(name.split('.')[1]) < frozen)
        or (frozen == 6 and name.startswith(('norm.', 'out_norms.')))
    }
    assert still == expected
    training = [layer.training for layer in model.layers]
    assert training == [i >= frozen for i in range(6)]
    # The images ask for a gradient, for nothing else may.
    model(images.clone().requires_grad_())[0].sum().backward()
    for name, p in model.named_parameters():
        assert (p.grad is None) == (name in still), name


@pytest.mark.parametrize('frozen', [-2, 7])
def test_frozen_stages_beyond_the_depth(frozen):
    message = rf'frozen_stages must be in \[-1, 6\], got {frozen}'
    with pytest.raises(ValueError, match=message):
        build(frozen_stages=frozen)


def test_published_init_is_uniform_and_zero():
    for model in (build(published_init=True), build()):
        biases = [
            layer.mixer.ssm_forward.dt_proj.bias
            for layer in model.layers
            if isinstance(layer, MambaBlock)
        ]
        zero = [not bias.any() for bias in biases]
        assert set(zero) == {model.published_init}
        qkv = model.layers[2].attn.qkv
        assert qkv.weight.abs().max() <= (6 / (24 + 72)) ** 0.5
        assert not qkv.bias.any()


def test_outputs_keep_their_scale_at_init():
    """Mamba's own init, with outputs scaled down by the depth."""
    model = build(arch='tiny', img_size=64, patch_size=16, out_type='raw')
    stream = model(torch.randn(1, 3, 64, 64))[0]
    assert stream.std().item() == pytest.approx(1, abs=0.05)
    assert model.layers[0].mixer.out_proj.weight.abs().max() <= (
        384**-0.5 / 32**0.5
    )


WRONG = [
    (dict(arch='giant'), "unknown arch 'giant'; choose one of t, tiny, s"),
    (dict(arch=dict(pattern='M')), r"needs embed_dims.*got \['pattern'\]"),
    (dict(arch=TINY | dict(depth=3)), 'an arch dict needs.*depth'),
    (dict(arch=TINY | dict(pattern='M')), 'an arch dict needs'),
    (dict(arch=dict(embed_dims=8, pattern='MA')), "made of 'M'.*got 'MA'"),
    (dict(arch=dict(embed_dims=8, pattern='')), "made of 'M'.*got ''"),
    (dict(arch=dict(embed_dims=8, pattern=4)), "made of 'M'.*got 4"),
    (dict(arch=TINY | dict(mamba_depth=0)), 'mamba_depth .*1, got 0'),
    (dict(arch=TINY | dict(attention_every='2')), "attention_every .*'2'"),
    (dict(arch=TINY | dict(mlp_ratio='4')), "mlp_ratio .* got '4'"),
    (dict(arch=TINY | dict(num_heads=5)), '24 channels cannot be split'),
    (dict(out_type='cls'), "unknown out_type 'cls'; choose one of raw"),
    (dict(attention='full'), "unknown attention 'full'"),
    (dict(out_indices=6), r'must lie in \[-6, 5\].*6 blocks, got 6'),
    (dict(out_indices=(0, -7)), r'got \(0, -7\)'),
    (dict(out_indices=()), r'got \(\)'),
    (dict(out_indices=(3, 1)), r'ascend without repetition, got \(3, 1\)'),
    (dict(out_indices=(5, -1)), r'ascend without repetition, got \(5, -1\)'),
]


@pytest.mark.parametrize(('options', 'message'), WRONG)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


@pytest.mark.slow
@pytest.mark.parametrize('with_cp', [False, True])
def test_compiles_without_a_break(with_cp):
    arch = dict(embed_dims=16, pattern='MMMT', num_heads=2, d_state=4)
    torch.manual_seed(0)
    model = HybridNet(
        arch, img_size=32, patch_size=8, out_indices=(1, 3), with_cp=with_cp
    )
    images = torch.randn(2, 3, 32, 40)
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    results = []
    for run in (model, compiled):
        outs = run(images)
        loss = sum(out.square().mean() for out in outs)
        results.append([*outs, *torch.autograd.grad(loss, model.parameters())])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


SHORT = dict(embed_dims=16, pattern='MT', num_heads=2)


def test_pretrained_needs_a_checkpoint():
    model = HybridNet(SHORT, init_cfg=dict(type='Pretrained'))
    with pytest.raises(ValueError, match='needs checkpoint=FILE'):
        model.init_weights()


def test_keep_needs_a_token():
    model = HybridNet(SHORT, img_size=32, out_type='raw')
    keep = torch.zeros(1, 0, dtype=torch.long)
    with pytest.raises(ValueError, match='keep names no token'):
        model(torch.zeros(1, 3, 32, 32), keep)


def test_a_list_hides_no_random_init(tmp_path):
    path = str(tmp_path / 'stranger.pth')
    torch.save({'foo.w': torch.zeros(1)}, path)
    pretrained = dict(type='Pretrained', checkpoint=path)
    with pytest.raises(CheckpointError):
        HybridNet(SHORT, init_cfg=[pretrained]).init_weights()
    both = [pretrained, dict(type='Constant', layer='Linear', val=0)]
    with pytest.raises(ValueError, match='must stand alone'):
        HybridNet(SHORT, init_cfg=both).init_weights()
