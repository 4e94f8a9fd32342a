import pytest
import torch

from mmmap.conversion.official_map import to_official
from mmmap.conversion.parity import rounding_of
from tests.conversion.official import PARITY, make_fixture
from tests.conversion.official_points import make_fixture as make_point_fixture
from tests.forks import command
from tests.helpers import REPO, load_tool

tool = load_tool('analysis_tools/check_parity.py')


@pytest.fixture
def fixture(tmp_path):
    """Path of a fixture, after a change to it."""

    def write(change=lambda content: None, name='fixture.pt', **sizes):
        content = make_fixture(to_official, **sizes)
        change(content)
        torch.save(content, tmp_path / name)
        return str(tmp_path / name)

    return write


def run(*arguments):
    script = 'tools/analysis_tools/check_parity.py'
    return command('python', script, *arguments)


@pytest.mark.slow
def test_the_command(fixture, tmp_path):
    good = fixture()
    bad = fixture(lambda f: f['loss'].mul_(1.1), 'bad.pt')
    done = run(good, bad)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count('above the tolerance') == 1

    done = run(str(tmp_path / 'none.pt'), good)
    assert done.returncode == 2
    assert 'no checkpoint at' in done.stderr
    assert 'Traceback' not in done.stderr


def test_official_fixtures(capsys):
    paths = [
        str(path)
        for kind in ('map2d', 'points')
        for path in sorted(PARITY.glob(f'{kind}_official_*.pt'))
    ]
    if not paths:
        pytest.skip('no fixtures *_official_*.pt beside the repository')
    assert tool.main(paths) == 0
    assert capsys.readouterr().out.count('largest: ') == len(paths)


def test_every_quantity_has_a_line(fixture, capsys):
    path = fixture(mamba_depth=2, decoder_depth=1)
    assert tool.main([path]) == 0
    lines = capsys.readouterr().out.splitlines()
    content = torch.load(path, weights_only=True)
    assert lines[0] == path
    assert len(lines) == 1 + 4 + len(content['grads']) + 1
    assert any(line.startswith('  grad mask_token ') for line in lines)


def test_tolerance(fixture, capsys):
    path = fixture(lambda f: f['encoder_full'].mul_(1.001))
    assert tool.main([path]) == 1
    marked = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.endswith('above the tolerance')
    ]
    assert [line.split()[0] for line in marked] == ['encoder_full']
    assert tool.main([path, '--tolerance', '2e-3']) == 0


def test_rounding_is_no_difference(tmp_path, capsys):
    """On points: what fp32 does to our own numbers, and nothing beyond."""
    content = make_point_fixture(decoder_depth=1)
    name = 'decoder_pos_embed.0.weight'
    grad = content['pretrain']['grads'][name]
    path = str(tmp_path / 'fixture.pt')
    limit = 2 * rounding_of(content)[f'grad {name}']
    assert 0 < limit < 1e-4
    for part, status, message in ((0.9, 0, 'rounding: fp32'), (2, 1, 'above')):
        content['pretrain']['grads'][name] = grad * (1 + part * limit)
        torch.save(content, path)
        # Ours in fp32 is what the fixture has: the change is the error.
        assert tool.main([path, '--tolerance', str(limit / 4)]) == status
        lines = capsys.readouterr().out.splitlines()
        (line,) = [x for x in lines if x.startswith(f'  grad {name}')]
        assert message in line


def test_other_fixtures_have_no_rounding(fixture):
    assert rounding_of(torch.load(fixture(), weights_only=True)) == {}
    assert tool.verdict(float('nan'), 1e-5, 1.0)[1]


def test_not_a_number_is_no_agreement(fixture):
    path = fixture(lambda f: f['decoder_pred'].fill_(torch.nan))
    assert tool.main([path]) == 1


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda f: f.pop('grads'), 'not a fixture of 2-D MAP'),
        (lambda f: f.update(mask=torch.zeros(2, 9)), 'error: '),
        (lambda f: f.update(state_dict=[]), 'error: '),
        (lambda f: f['config'].update(embed_dim=16), 'it is of another arch'),
    ],
)
def test_another_form(fixture, capsys, change, message):
    assert tool.main([fixture(change)]) == 2
    assert message in capsys.readouterr().err


def test_a_text_is_no_fixture(capsys):
    path = str(REPO / 'README.md')
    assert tool.main([path]) == 2
    assert f'{path} is not a fixture' in capsys.readouterr().err


def test_truncated_file(fixture, tmp_path, capsys):
    path = tmp_path / 'fixture.pt'
    fixture()
    path.write_bytes(path.read_bytes()[:2000])
    assert tool.main([str(path)]) == 2
    assert 'truncated' in capsys.readouterr().err
