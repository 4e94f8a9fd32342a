"""What the documents name exists, and their examples run."""

import contextlib
import functools
import io
import re
import runpy
import shlex
import sys
from pathlib import Path
from unittest import mock

import pytest

from mmmap.commands.main import main
from tests.helpers import FENCE, REPO, blocks

DOCUMENTS = sorted(
    path
    for pattern in ('*.md', 'docs/**/*.md', 'configs/**/*.md')
    for path in REPO.glob(pattern)
)
# What runs and users make.
MADE = ('work_dirs', 'data', '.venv', 'skipped_files.txt')
MADE += ('val.txt', 'config.py')  # of a run
OWN = 'configs/own/'  # the tutorial's
SUFFIXES = {'.cff', '.cfg', '.md', '.py', '.sh', '.toml', '.txt', '.yml'}


def ids(path):
    return str(path.relative_to(REPO))


every_document = pytest.mark.parametrize('path', DOCUMENTS, ids=ids)


def spans(path):
    """What stands in backticks, outside of blocks."""
    text = FENCE.sub('', path.read_text())
    return [s.replace('\n', ' ') for s in re.findall(r'`([^`]+)`', text)]


def commands(path):
    """The commands in a document, each a list of words."""
    lines = []
    for code in blocks(path, 'bash') + blocks(path, 'sh'):
        lines += code.replace('\\\n', ' ').splitlines()
    found = [shlex.split(line, comments=True) for line in lines]
    for span in spans(path):
        with contextlib.suppress(ValueError):  # a lone quote: no command
            found.append(shlex.split(span))
    for words in found:
        while words and re.fullmatch(r'[A-Z_]+=.*', words[0]):
            del words[0]
        if words:
            yield words


def exists(name, document):
    """Whether a path is there, from the root or the document's folder."""
    for root in (REPO, document.parent):
        if (root / name).exists() or ('*' in name and any(root.glob(name))):
            return True
    return '/' not in name and any(
        found
        for folder in ('mmmap', 'configs', 'tools', 'tests', 'docs')
        for found in (REPO / folder).rglob(name)
    )


def is_path(text):
    """Whether a span names something of the repository."""
    if not re.fullmatch(r'[\w.*-]+(/[\w.*-]+)*/?', text):
        return False
    first = text.split('/')[0]
    if first in MADE or f'{text}/'.startswith(OWN):
        return False
    if '/' in text:
        return (REPO / first).exists()
    return Path(text).suffix in SUFFIXES and Path(text).stem != ''


def slug(headline):
    """The anchor that a headline has on a code host."""
    kept = re.sub(r'[^\w\- ]', '', headline.strip().lower())
    return kept.replace(' ', '-')


def targets():
    text = (REPO / 'Makefile').read_text()
    return set(re.findall(r'^([a-z-]+):', text, re.M))


@functools.lru_cache
def help_of(script):
    """What a tool says about its options."""
    path, output = REPO / script, io.StringIO()
    search = [str(path.parent), *sys.path]
    with (
        mock.patch.object(sys, 'argv', [str(path), '--help']),
        mock.patch.object(sys, 'path', search),
        contextlib.redirect_stdout(output),
        pytest.raises(SystemExit) as stopped,
    ):
        runpy.run_path(str(path), run_name='__main__')
    assert not stopped.value.code, f'{script} --help failed'
    return output.getvalue()


def tool_of(words):
    """The Python tool that a command runs, if it runs one."""
    if Path(words[0]).name.startswith('python') and len(words) > 1:
        words = words[1:]
        if words[:2] == ['-m', 'mmmap.doctor']:
            return 'mmmap/doctor/__main__.py'
    name = words[0]
    if re.fullmatch(r'tools/(dist|slurm)_(train|test)\.sh', name):
        return f'tools/{Path(name).stem.split("_")[1]}.py'
    return name if re.fullmatch(r'tools/.+\.py', name) else None


def test_there_are_documents():
    names = {ids(path) for path in DOCUMENTS}
    assert {
        'README.md',
        'CONTRIBUTING.md',
        'CHANGELOG.md',
        'docs/architecture.md',
        'docs/coming_from.md',
        'docs/guides/pretraining.md',
        'docs/migration.md',
        'docs/reproduction.md',
        'docs/troubleshooting.md',
        'docs/tutorial.md',
        'docs/results/README.md',
        'configs/README.md',
        'configs/demo/README.md',
    } <= names


@every_document
def test_relative_links_lead_somewhere(path):
    text = FENCE.sub('', path.read_text())
    dead = []
    for link in re.findall(r'\]\(([^)\s]+)\)', text):
        if re.match(r'\w+:', link):
            continue
        file, _, anchor = link.partition('#')
        target = (path.parent / file) if file else path
        if not target.exists():
            dead.append(link)
        elif anchor:
            headlines = re.findall(r'^#+ (.+)$', target.read_text(), re.M)
            if anchor not in map(slug, headlines):
                dead.append(link)
    assert not dead


@every_document
def test_paths_in_backticks_exist(path):
    named = [text for text in spans(path) if is_path(text)]
    assert [text for text in named if not exists(text, path)] == []


def wrong_with(words):
    """What a command names that is not there."""
    if words[0] == 'make':
        goals = [word for word in words[1:] if '=' not in word]
        yield from (f'make {g}' for g in goals if g not in targets())
        if goals != ['demo']:
            return
        # ARGS of the demo reach its tool.
        given = [w[5:] for w in words if w.startswith('ARGS=')]
        words = ['tools/demo.py', *' '.join(given).split()]
    if re.fullmatch(r'tools/.+\.(py|sh)', words[0]):
        yield from (w for w in words[:1] if not (REPO / w).is_file())
    if words[0] == 'mmmap' and len(words) > 1:
        yield from wrong_with_command(words)
    tool = tool_of(words)
    if tool is None:
        return
    if not (REPO / tool).is_file():
        yield tool
        return
    for word in words[1:]:
        option = re.match(r'--[a-z][\w-]*', word)
        if option and not re.search(f'{option[0]}(?![\\w-])', help_of(tool)):
            yield f'{tool} {word}'
        if re.fullmatch(rf'(?!{OWN})configs/.+\.py', word):
            yield from [] if (REPO / word).is_file() else [word]


def wrong_with_command(words):
    """The options of ``mmmap`` that are not there."""
    output = io.StringIO()
    with (
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        try:
            main([words[1], '--help'])
        except SystemExit as end:
            if end.code:
                yield ' '.join(words[:2])
    for word in words[2:]:
        option = re.match(r'--[a-z][\w-]*', word)
        if option and not re.search(
            f'{option[0]}(?![\\w-])', output.getvalue()
        ):
            yield f'mmmap {words[1]} {word}'


@every_document
def test_commands_exist_with_their_options(path):
    wrong = [w for words in commands(path) for w in wrong_with(words)]
    assert not wrong


@pytest.mark.parametrize(
    'command',
    [
        'make nothing',
        'make demo ARGS=--nothing',
        'tools/dist_nothing.sh CONFIG 8',
        'tools/dist_train.sh configs/nothing.py 8',
        'tools/dist_test.sh CONFIG CHECKPOINT 8 --resume',
        'python tools/nothing.py',
        'python tools/test.py CONFIG CHECKPOINT --show',
        'python -m mmmap.doctor --nothing',
        'mmmap nothing photos',
        'mmmap segment --nothing',
    ],
)
def test_the_command_check_notices(command):
    assert list(wrong_with(command.split()))


def test_the_command_check_sees_the_readme_s_commands():
    found = [' '.join(words) for words in commands(REPO / 'README.md')]
    for wanted in ('make demo', 'make test', 'make doctor'):
        assert wanted in found
    tools = {tool_of(words) for words in commands(REPO / 'README.md')}
    assert {'tools/train.py', 'tools/test.py'} <= tools
    assert '--show-dir' in help_of('tools/test.py')
    assert '--no-such-option' not in help_of('tools/test.py')


def test_example_of_the_operators_runs():
    (example,) = blocks(REPO / 'docs/guides/gpu.md', 'python')
    assert 'selective_scan(' in example
    exec(example, {})


def test_the_readme_is_short():
    lines = (REPO / 'README.md').read_text().splitlines()
    assert len(lines) <= 150


def test_documents_name_no_place_of_a_machine():
    for path in DOCUMENTS:
        found = re.findall(r'(?:/work|/home|/root|/tmp)/\S*', path.read_text())
        assert not found, path


def test_the_site_lists_every_document():
    nav = (REPO / 'mkdocs.yml').read_text().split('nav:')[1].split('hooks:')[0]
    listed = re.findall(r'[\w/-]+\.md', nav)
    assert len(listed) == len(set(listed))
    expected = {ids(path).removeprefix('docs/') for path in DOCUMENTS}
    package = 'packages/mmcv-ops-torchvision/README.md'
    assert {*listed} == expected - {'README.md'} | {package}
