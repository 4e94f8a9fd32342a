"""Adds the repository's other documents to the site, and fits the links.

The documents link to each other, and to files of the repository, by relative
paths, as a code host shows them. On the site, READMEs outside ``docs`` become
pages under their own paths, and links to what is no page lose their target.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

REPO = Path(__file__).resolve().parents[1]
OTHERS = (
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'configs/**/README.md',
    'packages/*/README.md',
)
FENCE = re.compile(r'^```.*?^```$', re.M | re.S)
# Links and images.
LINK = re.compile(r'(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)')


def on_files(files, config):
    """Add the documents outside ``docs``."""
    for pattern in OTHERS:
        for path in sorted(REPO.glob(pattern)):
            name = path.relative_to(REPO).as_posix()
            text = path.read_text()
            files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Point each relative link at a page of the site, or remove it."""
    uri = page.file.src_uri
    outside = page.file.generated_by is not None
    source = uri if outside else f'docs/{uri}'

    def fitted(match):
        mark, text, target = match.groups()
        link, _, anchor = target.partition('#')
        if re.match(r'\w+:', target) or not link:
            return match[0]
        path = posixpath.join(posixpath.dirname(source), link)
        path = posixpath.normpath(path)
        for name in (path.removeprefix('docs/'), f'{path}/README.md'):
            if files.get_file_from_path(name):
                link = posixpath.relpath(name, posixpath.dirname(uri) or '.')
                end = f'#{anchor}' if anchor else ''
                return f'{mark}[{text}]({link}{end})'
        if path == 'README.md':
            link = posixpath.relpath('index.md', posixpath.dirname(uri) or '.')
            return f'[{text}]({link})'
        if not (REPO / path).exists():
            raise FileNotFoundError(f'{source} links to {path}')
        return text if '`' in text else f'`{posixpath.basename(path)}`'

    parts, end = [], 0
    for fence in FENCE.finditer(markdown):
        parts.append(LINK.sub(fitted, markdown[end : fence.start()]))
        parts.append(fence[0])
        end = fence.end()
    return ''.join([*parts, LINK.sub(fitted, markdown[end:])])
