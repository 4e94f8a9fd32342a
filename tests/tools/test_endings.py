"""How trainings end after a bug, Ctrl-C or a signal, also under launchers."""

import pytest

from tests.forks import command
from tests.tools.conftest import call, message
from tests.tools.tiny_configs import map_config

pytestmark = pytest.mark.slow


def raising(digits, tmp_path, capfd, error):
    """Status and last lines of a run of which a hook fails in epoch 2."""
    config = map_config(
        tmp_path / 'raising.py',
        digits / 'imagenet_like',
        hooks=f"[dict(type='RaiseHook', after=8, error='{error}')]",
    )
    status = call('train.py', config, '--work-dir', tmp_path / 'run')
    return status, capfd.readouterr().err.splitlines()


WHERE = (
    'while training, epoch 2 of 2, iteration 8 of 10; to continue, run the '
    'same command with --resume'
)


def test_a_bug_while_training(digits, tmp_path, capfd):
    """Its traceback is on the screen and in the log, with where it was."""
    status, lines = raising(digits, tmp_path, capfd, 'ValueError')
    assert status == 1
    assert lines[-2:] == ['ValueError: from a hook', f'stopped {WHERE}']
    (log,) = tmp_path.glob('run/*/*.log')
    text = log.read_text()
    assert 'Traceback (most recent call last)' in text
    assert text.endswith(f'ValueError: from a hook\nstopped {WHERE}\n')


def test_ctrl_c_while_training(digits, tmp_path, capfd):
    status, lines = raising(digits, tmp_path, capfd, 'KeyboardInterrupt')
    assert status == 130
    assert lines[-1] == f'interrupted {WHERE}'
    assert not any('Traceback' in line for line in lines)


def test_a_user_error_of_a_process(pretrained, tmp_path):
    run = ('tools/train.py', pretrained.config, '--work-dir', tmp_path)
    ratio = ('--cfg-options', 'model.masking.ratio=1.5')
    done = command('python', *run, *ratio, forked=False)
    assert done.returncode == 1
    assert 'both excluded, got 1.5' in message(done.stderr)
    assert not list(tmp_path.glob('**/*.pth'))


def test_more_processes_than_the_batch_can_feed(pretrained, tmp_path):
    run = (pretrained.config, 2, '--work-dir', tmp_path)
    size = ('--cfg-options', 'train_dataloader.batch_size=16')
    done = command('tools/dist_train.sh', *run, *size)
    assert done.returncode == 1
    # Both processes fail and one reports it; torchrun adds nothing.
    assert message(done.stderr) == (
        '20 training images cannot feed 2 processes with batches of 16: use '
        'fewer processes, a smaller train_dataloader.batch_size or more '
        'data\n'
    )
    assert not list(tmp_path.glob('**/*.pth'))


@pytest.mark.parametrize(
    ('signal', 'status', 'last'),
    [
        ('SIGTERM', 1, 'error: ended by SIGTERM'),
        (
            'SIGINT',
            130,
            'interrupted while training, epoch 1 of 2, iteration 1 of 10; to '
            'continue, run the same command again (no checkpoint was written '
            'yet)',
        ),
    ],
)
def test_a_signal_to_the_launcher(digits, tmp_path, signal, status, last):
    config = map_config(
        tmp_path / 'ended.py',
        digits / 'imagenet_like',
        hooks=f"[dict(type='EndLauncherHook', by='{signal}')]",
    )
    run = (config, 1, '--work-dir', tmp_path / 'run')
    # The hook ends its parent, which must be the launcher.
    done = command('tools/dist_train.sh', *run, forked=False)
    assert done.returncode == status
    assert done.stderr.splitlines()[-1] == last
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('count', [None, '0', 'two', '1.5', '--resume'])
@pytest.mark.parametrize(
    ('script', 'leading', 'usage'),
    [
        ('dist_train.sh', ['c.py'], 'tools/dist_train.sh CONFIG GPUS'),
        (
            'dist_test.sh',
            ['c.py', 'c.pth'],
            'tools/dist_test.sh CONFIG CHECKPOINT GPUS',
        ),
    ],
)
def test_number_of_processes(script, leading, usage, count):
    arguments = [*leading, count] if count else leading
    done = command(f'tools/{script}', *arguments)
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first == (
        'error: expected the number of processes as argument '
        f"{len(leading) + 1}, got '{' '.join(arguments)}'"
    )
    assert usage in '\n'.join(rest)
    done = command(f'tools/{script}', '--help')
    assert (done.returncode, done.stderr) == (0, '') and usage in done.stdout
