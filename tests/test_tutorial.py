"""The tutorial, command by command, on a small model and drawn scenes.

Nothing is added to a command. What is small are the images, and the two
configs of the tutorial, at whose end ``SMALL`` is written.
"""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import time

import cv2
import numpy as np
import pytest

from tests.forks import environment, forked_python
from tests.helpers import REPO, blocks

ARCH = """dict(
    _delete_=True, embed_dims=16, pattern='MMMT', num_heads=2, d_state=4)"""
FEW = 'num_workers=0, persistent_workers=False'
SMALL = {
    'configs/own/map.py': f"""
model = dict(
    backbone=dict(arch={ARCH}, img_size=64),
    decoder=dict(in_channels=16, grid=4, embed_dims=8, depth=1, num_heads=2),
    head=dict(in_channels=8))
train_cfg['max_epochs'] = 2
param_scheduler = []
train_dataloader.update(batch_size=4, {FEW})
train_dataloader['dataset']['pipeline'][1]['scale'] = 64
""",
    'configs/own/upernet.py': f"""
model['data_preprocessor'] = dict(size=(64, 64))
model['backbone'] = dict(arch={ARCH}, img_size=64, out_indices=(0, 1, 2, 3))
model['neck'] = dict(in_channels=16)
model['decode_head'].update(in_channels=[16] * 4, channels=8)
model['auxiliary_head'].update(in_channels=16, channels=8)
model['test_cfg'] = dict(crop_size=(64, 64), stride=(43, 43))
steps = _base_.train_dataloader.dataset.pipeline
steps[2].scale, steps[3].crop_size = (64, 64), (64, 64)
train_dataloader['dataset']['pipeline'] = steps
train_dataloader.update({FEW})
steps = _base_.val_dataloader.dataset.pipeline
steps[1].scale = (64, 64)
val_dataloader['dataset']['pipeline'] = steps
val_dataloader.update({FEW})
train_cfg = dict(max_iters=4, val_interval=2)
""",
}


def scenes(root, split, count):
    """Photographs, as it were, of 80x64 with masks."""
    rng = np.random.default_rng(count)
    images, masks = root / 'images' / split, root / 'annotations' / split
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for index in range(count):
        mask = np.zeros((64, 80), np.uint8)
        x, y = (int(v) for v in rng.integers(8, 30, 2))
        cv2.rectangle(mask, (x, y), (x + 20, y + 24), 1, -1)
        cv2.circle(mask, (x + 40, y + 12), 9, 2, -1)
        colours = np.array([[64, 96, 128], [60, 20, 220], [60, 130, 0]])
        noise = rng.integers(-20, 20, (64, 80, 3))
        image = (colours[mask] + noise).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(images / f'{index}.jpg'), image)
        cv2.imwrite(str(masks / f'{index}.png'), mask)


class Reader:
    """Does what the tutorial says, in a folder like the repository.

    Args:
        folder: Gets links to the tools and a copy of the configs.
    """

    def __init__(self, folder):
        self.folder, self.servers = folder, []
        shutil.copytree(REPO / 'configs', folder / 'configs')
        (folder / 'tools').symlink_to(REPO / 'tools')
        # As pip installs it.
        script = folder / 'bin/mmmap'
        script.parent.mkdir()
        script.write_text('exec python -m mmmap.commands.main "$@"\n')
        script.chmod(0o755)
        # Another server of this machine may have the tutorial's port.
        with socket.socket() as free:
            free.bind(('localhost', 0))
            self.port = str(free.getsockname()[1])

    def do(self, language, block):
        """Follow one block."""
        block = block.replace('8000', self.port)
        first, _, rest = block.partition('\n')
        named = re.fullmatch(r'# (in )?([\w./]+\.py)', first)
        if language == 'bash':
            self.shell(block)
        elif language == 'python' and not named:
            (self.folder / 'block.py').write_text(block)
            self.shell('python block.py')
        elif language == 'python' and named[1]:
            self.write(named[2], edited(self.read(named[2]), rest))
        elif language == 'python':
            self.write(named[2], block)

    def read(self, name):
        return (self.folder / name).read_text()

    def write(self, name, text):
        (self.folder / name).write_text(text + SMALL.get(name, ''))

    def shell(self, script):
        variables = os.environ | environment(forked_python())
        variables['PATH'] = f'{self.folder / "bin"}:{variables["PATH"]}'
        script = script.replace('--hours 1', '--hours 0.001')
        options = dict(cwd=self.folder, env=variables, text=True)
        if script.rstrip().endswith('&'):
            words = script.rstrip(' &\n').split()
            self.servers.append(subprocess.Popen(words, **options))
            self.wait()
            return
        done = subprocess.run(
            ['bash', '-ec', script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )
        assert done.returncode == 0, f'{script}\n{done.stdout[-3000:]}'

    def wait(self):
        """Until the server listens."""
        end = time.monotonic() + 180
        while time.monotonic() < end:
            assert self.servers[0].poll() is None, 'the server ended'
            with socket.socket() as asked:
                if not asked.connect_ex(('localhost', int(self.port))):
                    return
            time.sleep(0.2)
        raise AssertionError('the server does not listen')


def edited(text, block):
    """A config in which the assignments of a block replace those there."""
    lines = text.splitlines()
    new = {n.targets[0].id: n for n in ast.parse(block).body}
    for old in reversed(ast.parse(text).body):
        name = isinstance(old, ast.Assign) and old.targets[0].id
        if name in new:
            lines[old.lineno - 1 : old.end_lineno] = [
                ast.get_source_segment(block, new.pop(name))
            ]
    assert not new, f'not in the template: {new.keys()}'
    return '\n'.join(lines) + '\n'


@pytest.fixture
def reader(tmp_path):
    reader = Reader(tmp_path)
    scenes(tmp_path / 'data/own', 'training', 8)
    scenes(tmp_path / 'data/own', 'validation', 3)
    yield reader
    for server in reader.servers:
        server.terminate()
        server.wait()


@pytest.mark.slow
def test_the_tutorial(reader):
    for language, block in blocks(REPO / 'docs/tutorial.md'):
        reader.do(language, block)
    folder = reader.folder
    maps = sorted((folder / 'runs/predicted/class_maps').glob('*.png'))
    assert [path.name for path in maps] == ['0.png', '1.png', '2.png']
    truth = folder / 'data/own/annotations/validation'
    right = [
        (cv2.imread(str(path), -1) == cv2.imread(str(truth / path.name), -1))
        for path in maps
    ]
    assert np.mean(right) > 0.8
    assert len(list((folder / 'work_dirs/map/reconstructed').iterdir())) == 3
    shown = list((folder / 'work_dirs/upernet/pictures').rglob('*.png'))
    assert len(shown) == 3
    lines = (folder / 'predicted/predictions.jsonl').read_text().splitlines()
    shares = json.loads(lines[0])['shares']
    assert set(shares) <= {'ground', 'building', 'tree'}
    # What is served is what was predicted.
    answer = cv2.imread(str(folder / 'answer.png'), cv2.IMREAD_UNCHANGED)
    expected = cv2.imread(str(folder / 'predicted/class_maps/0.png'), -1)
    assert answer.shape == (64, 80)
    np.testing.assert_array_equal(answer, expected)
    # It started from what was pretrained; the test's log is the later one.
    logs = sorted((folder / 'work_dirs/upernet').glob('*/*.log'))
    assert re.search(
        r'loaded \S*work_dirs/map/epoch_2.pth: \d+ tensors',
        logs[0].read_text(),
    )


def test_a_config_is_edited():
    text = 'a = 1\nb = dict(\n    c=2,\n)\nd = b\n'
    assert edited(text, 'b = [3]') == 'a = 1\nb = [3]\nd = b\n'
    with pytest.raises(AssertionError, match='not in the template'):
        edited(text, 'e = 1')
