"""Work_dirs as mmengine leaves them, without training."""

import json


def start_of(work_dir, name, lines, config=None, log=''):
    """Write one start of a run: what it logged, and its config."""
    folder = work_dir / name / 'vis_data'
    folder.mkdir(parents=True)
    text = ''.join(
        line if isinstance(line, str) else json.dumps(line) + '\n'
        for line in lines
    )
    (folder / 'scalars.json').write_text(text)
    (folder.parent / f'{name}.log').write_text(log)
    if config is not None:
        (folder / 'config.py').write_text(config)
    return folder.parent


def step(number, loss, epoch=None, **others):
    """A line of training."""
    line = dict(loss=loss, iter=number, step=number, **others)
    return line if epoch is None else line | dict(epoch=epoch)
