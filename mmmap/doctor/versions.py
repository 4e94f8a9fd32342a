"""Versions of packages: which are wanted, which are installed."""

import importlib.metadata
import operator
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ('runtime', 'mminstall', 'build', 'kernels')
COMPARE = {
    '==': operator.eq,
    '>=': operator.ge,
    '<=': operator.le,
    '<': operator.lt,
    '>': operator.gt,
}


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version: '2.11.0+cu130' -> (2, 11, 0)."""
    match = re.match(r'\d+(\.\d+)*', version)
    return tuple(map(int, match[0].split('.'))) if match else ()


def satisfies(version: str, specifier: str) -> bool:
    """Whether a version lies within a specifier such as '>=80,<81'."""
    for part in filter(None, specifier.split(',')):
        sign, wanted = re.fullmatch(r'([=<>]=?)(.+)', part.strip()).groups()
        pair = release(version), release(wanted)
        width = max(map(len, pair))
        if not COMPARE[sign](*(v + (0,) * (width - len(v)) for v in pair)):
            return False
    return True


def normal(name: str) -> str:
    """A package's name in its one spelling."""
    return re.sub('[-_.]+', '-', name).lower()


def parse_requirement(line: str) -> tuple[str, str] | None:
    """Split 'torch==2.11.0  # why' in name and specifier."""
    match = re.match(r'([\w.-]+)\s*([^#;]*)', line)
    return (normal(match[1]), match[2].strip()) if match else None


def wanted_versions(folder: Path = ROOT / 'requirements') -> dict[str, str]:
    """Package -> specifier.

    From the requirements files of the checkout; where mmmap was installed
    without them, from its metadata, which was made from them.
    """
    if folder.is_dir():
        texts = [(folder / f'{name}.txt').read_text() for name in REQUIREMENTS]
        lines = '\n'.join(texts).splitlines()
    else:
        lines = importlib.metadata.requires('mmmap') or []
    return dict(filter(None, map(parse_requirement, lines)))


def found_versions() -> dict[str, str]:
    """Package -> version; the first on the path is the one imported."""
    found = {}
    for dist in importlib.metadata.distributions():
        if dist.metadata['Name']:
            found.setdefault(normal(dist.metadata['Name']), dist.version)
    return found
