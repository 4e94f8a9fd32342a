"""Write the files that depend on configs/rows.yml, for `make configs`.

From that table and the configs themselves: the metafiles and model-index.yml,
the tables of the READMEs of configs/ and of docs/results (between a line
`<!-- table: ID -->` and one `<!-- end -->`), and the lines of the configs'
headers from "# Paper:" to the command.
"""

import argparse
import logging
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

from mmmap import cli


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    return cli.command_parser(__doc__).parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
import yaml
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

REPO = Path(__file__).resolve().parents[1]
TABLE = REPO / 'configs/rows.yml'
MARKED = re.compile(r'(<!-- table: (\S+) -->\n).*?(?=<!-- end -->)', re.S)
HEADER = re.compile(
    r'# Paper: .*?\n#\n(?:#   [^\n]*\n)+#\n# Options: README\.md\.\n', re.S
)
HEAD = '| {} | paper | ours | config | command |\n|---|---|---|---|---|\n'
RESULTS = (
    '| config | metric | paper | ours | hardware | time | commit |\n'
    '|---|---|---|---|---|---|---|\n'
)


class Row(NamedTuple):
    """A config of the table, with the settings of its section."""

    folder: str
    config: str
    label: str
    collection: str
    unit: str
    table: str
    paper: float | str | None = None
    note: str | None = None
    ours: float | None = None
    hardware: str = ''
    time: str = ''
    commit: str = ''
    result: dict | None = None
    then: bool = False
    like: bool = False

    @property
    def path(self) -> str:
        """The file, from the root of the repository."""
        return f'configs/{self.folder}/{self.config}.py'


@cache
def table() -> dict:
    """The content of configs/rows.yml."""
    return yaml.safe_load(TABLE.read_text())


@cache
def rows() -> list[Row]:
    """All rows, in order; those that repeat a number are copies."""
    found = []
    for folder, content in table()['folders'].items():
        for part in content['tables']:
            shared = dict(part, folder=folder, table=part['id'])
            for name in ('id', 'head', 'rows'):
                del shared[name]
            found += [Row(**shared | _known(row)) for row in part['rows']]
    numbers = {row.config: row for row in found if not row.like}
    return [_repeated(row, numbers) if row.like else row for row in found]


def _known(row: dict) -> dict:
    if 'like' in row:
        return dict(row, config=row['like'], like=True)
    return row


def _repeated(row: Row, numbers: dict[str, Row]) -> Row:
    first = numbers[row.config]
    return row._replace(paper=first.paper, ours=first.ours)


@cache
def config_of(path: str) -> Config:
    """A parsed config; do not change it."""
    return Config.fromfile(REPO / path)


@cache
def parameters(path: str) -> int:
    """The size of a config's model, built on the meta device."""
    config = config_of(path)
    init_default_scope(config.default_scope)
    with torch.device('meta'):
        model = MODELS.build(config.model)
    return sum(p.numel() for p in model.parameters())


def pretrained(path: str) -> str | None:
    """The config whose checkpoint another one starts from."""
    init = config_of(path).model.backbone.get('init_cfg') or {}
    checkpoint = init.get('checkpoint')
    return checkpoint and Path(checkpoint).parent.name


def command(row: Row) -> str:
    """The command that trains a row; two if fine-tuning follows."""
    if row.folder == 'points':
        return f'`python tools/train.py {row.path}`'
    first = f'`tools/dist_train.sh {row.path} 8`'
    if not row.then:
        return first
    backbone = row.config.split('_')[1]
    fine = f'configs/{row.folder}/{backbone}-amp-ft-400e_in1k.py'
    fine = fine.replace(f'{backbone}-', f'{backbone}_8xb128-')
    epochs = config_of(row.path).train_cfg.max_epochs
    return (
        f'{first}, then `tools/dist_train.sh {fine} 8 '
        f'--work-dir work_dirs/ft_{row.config} '
        '--cfg-options model.backbone.init_cfg.checkpoint='
        f'work_dirs/{row.config}/epoch_{epochs}.pth`'
    )


def tables(folder: str) -> dict[str, str]:
    """The tables of a README, by name."""
    texts = {}
    for part in table()['folders'][folder]['tables']:
        lines = []
        for row in rows():
            if (row.folder, row.table) == (folder, part['id']):
                place = f'[config]({row.config}.py)', command(row)
                if row.like:
                    place = 'above', ''
                lines.append(_line(row.label, *_numbers(row), *place))
        texts[part['id']] = HEAD.format(part['head']) + ''.join(lines)
    return texts


def _numbers(row: Row) -> tuple[str, str]:
    numbers = (row.paper, '-'), (row.ours, '')
    return tuple(no if n is None else str(n) for n, no in numbers)


def _line(*cells: str) -> str:
    return f'| {" | ".join(cells)} |\n'.replace('|  |', '| |')


def results() -> str:
    """The table of docs/results: the rows that have been measured."""
    lines = [
        _line(
            f'`{row.path}`',
            row.unit,
            *_numbers(row),
            row.hardware,
            row.time,
            row.commit,
        )
        for row in rows()
        if not row.like and row.ours is not None
    ]
    return RESULTS + ''.join(lines) if lines else 'None yet.\n'


def header(row: Row) -> str:
    """The lines of a config's header from the paper's number on."""
    parts = ['no such result' if row.paper is None else str(row.paper)]
    if isinstance(row.paper, float):
        parts[0] += f' {row.unit}'
    parts += ['after fine-tuning'] if row.then else []
    parts += [row.note] if row.note else []
    took = f'Expected time: {row.time or "not measured"}.'
    lines = wrap(f'Paper: {", ".join(parts)}.', 77)
    if len(f'{lines[-1]} {took}') <= 77:
        took = f'{lines.pop()} {took}'
    lines.append(took)
    run = f'tools/dist_train.sh {row.path} 8'
    if row.folder == 'points':
        run = f'python tools/train.py {row.path}'
    if len(run) > 75:
        start, rest = run.rsplit(' configs/', 1)
        indent = '    ' if len(rest) < 63 else ''
        run = f'{start} \\\n#   {indent}configs/{rest}'
    head = ''.join(f'# {line}\n' for line in lines)
    return f'{head}#\n#   {run}\n#\n# Options: README.md.\n'


class _Dumper(yaml.SafeDumper):
    """YAML with lists indented below their names."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def metafile(folder: str) -> str:
    """The metafile of a folder."""
    content = table()['folders'][folder]
    own = [row for row in rows() if row.folder == folder and not row.like]
    listed = dict(
        Collections=[_collection(c) for c in content['collections']],
        Models=[_entry(row, own) for row in own],
    )
    text = yaml.dump(listed, Dumper=_Dumper, sort_keys=False, width=1000)
    return f'# Written by `make configs` from configs/rows.yml.\n{text}'


def _collection(given: dict) -> dict:
    return {
        'Name': given['name'],
        'Metadata': {
            'Architecture': list(given['architecture']),
            'Training Techniques': list(given['techniques']),
            'Training Data': given['data'],
        },
        'Paper': dict(table()['papers'][given['paper']]),
        'README': 'README.md',
    }


def _entry(row: Row, others: list[Row]) -> dict:
    config = config_of(row.path)
    loop, length = config.train_cfg, 'Epochs'
    if 'max_iters' in loop:
        length = 'Iterations'
    meta = {
        length: loop.get('max_epochs', loop.get('max_iters')),
        'Batch Size': config.auto_scale_lr.base_batch_size,
        'Parameters': parameters(row.path),
    }
    start = pretrained(row.path)
    if start:
        meta['Pretrained Model'] = start
    metric = row.result and row.result['metric']
    if metric and row.paper is not None:
        meta[f'{metric} of the Paper'] = row.paper
    entry = {
        'Name': row.config,
        'In Collection': row.collection,
        'Config': row.path,
        'Metadata': meta,
    }
    after = [o.config for o in others if pretrained(o.path) == row.config]
    if after:
        entry['Downstream'] = after
    entry['Results'] = None
    if row.result:
        entry['Results'] = [
            {
                'Dataset': row.result['data'],
                'Task': row.result['task'],
                'Metrics': {metric: row.ours},
            }
        ]
    return entry


def folder_files(folder: str) -> Iterator[tuple[Path, str]]:
    """Each file of a folder of configs, with the text it should have."""
    place = REPO / 'configs' / folder
    yield place / 'metafile.yml', metafile(folder)
    yield _marked(place / 'README.md', tables(folder))
    for row in rows():
        if row.folder == folder and not row.like:
            yield _headed(row)


def other_files() -> Iterator[tuple[Path, str]]:
    """The same for files outside these folders."""
    imports = (f'  - configs/{f}/metafile.yml\n' for f in table()['folders'])
    yield REPO / 'model-index.yml', f'Import:\n{"".join(imports)}'
    yield _marked(REPO / 'docs/results/README.md', dict(results=results()))


def _headed(row: Row) -> tuple[Path, str]:
    path = REPO / row.path
    return path, HEADER.sub(lambda _: header(row), path.read_text(), count=1)


def _marked(path: Path, texts: dict[str, str]) -> tuple[Path, str]:
    text = path.read_text()
    return path, MARKED.sub(lambda m: m[1] + texts[m[2]], text)


def run(args: argparse.Namespace) -> None:
    """Write the files that differ, and print their names."""
    # Building the models logs a lot.
    logging.disable(logging.WARNING)
    folders = (folder_files(folder) for folder in table()['folders'])
    for path, text in chain(*folders, other_files()):
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            print(path.relative_to(REPO))


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
