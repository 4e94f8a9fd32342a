"""The report on a data set: what was counted, and what is wrong."""

from dataclasses import asdict, dataclass, field

from ...errors import UserError
from ...wording import counted

ERROR, WARNING = 'error', 'warning'
MOST_ROWS = 40  # classes in a table
_SINGULAR = dict(
    images='image',
    clouds='cloud',
    classes='class',
    annotations='annotation',
    categories='category',
)


class DataError(UserError, RuntimeError):
    """Data of a config that are missing or wrong."""


@dataclass(frozen=True)
class Finding:
    """One problem of a data set or config.

    Attributes:
        severity: ``'error'`` if training would fail or learn the wrong
            thing, ``'warning'`` if it may be intended.
        where: A file, perhaps with a line or an id, or a setting of the
            config.
        what: What was found, and what was expected.
        do: What to do about it.
        skippable: Whether training can skip the samples.
        files: All files with this problem, if it was found in files.
    """

    severity: str
    where: str
    what: str
    do: str = ''
    skippable: bool = False
    files: tuple[str, ...] = ()

    def __str__(self):
        advice = f' -> {self.do}' if self.do else ''
        return f'{self.where}: {self.what}{advice}'


@dataclass
class Report:
    """Counts and findings of one data set, or of the config.

    Attributes:
        title: What was checked.
        split: ``'train'``, ``'val'``, ``'test'``; empty for the config.
        counts: How many images, objects, ... there are.
        tables: More numbers by name: classes, sizes, ...
        findings: The problems, in the order of the checks.
    """

    title: str
    split: str = ''
    counts: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def error(self, where, what: str, do: str = '', **more) -> None:
        """Add an error; ``more`` as for :class:`Finding`."""
        self.findings.append(Finding(ERROR, str(where), what, do, **more))

    def warn(self, where, what: str, do: str = '', **more) -> None:
        """Add a warning; ``more`` as for :class:`Finding`."""
        self.findings.append(Finding(WARNING, str(where), what, do, **more))

    @classmethod
    def refused(cls, title: str, problem: str) -> 'Report':
        """A report with a single error."""
        return cls(title, findings=[Finding(ERROR, title, problem)])

    @property
    def errors(self) -> list[Finding]:
        """The errors."""
        return [f for f in self.findings if f.severity == ERROR]

    @property
    def warnings(self) -> list[Finding]:
        """The warnings."""
        return [f for f in self.findings if f.severity == WARNING]

    def expect(self, **numbers: int) -> None:
        """Add an error for each count that differs from ``numbers``."""
        for name, found in self.counts.items():
            expected = numbers.get(name, found)
            if found != expected:
                what = f'{_count(found, name)} found, {expected:,} expected'
                self.error(self.title, what)

    def as_dict(self) -> dict:
        """The whole report, for JSON."""
        return asdict(self)

    def numbers(self) -> str:
        """Counts and tables as text."""
        counts = [_count(n, name) for name, n in self.counts.items()]
        head = f'{self.title}: {", ".join(counts) or "nothing to count"}'
        if self.split:
            head = f'{self.split}: {head}'
        return '\n'.join([head, *_table_lines(self.tables)])

    def __str__(self):
        found = [f'  {f.severity}: {f}' for f in self.findings]
        return '\n'.join([self.numbers(), *found])


def _count(number: int, name: str) -> str:
    return counted(number, _SINGULAR.get(name, name), name)


def _table_lines(tables: dict) -> list[str]:
    """The tables as text: a line each; for classes, a line per class."""
    lines = []
    for name, table in tables.items():
        if name == 'classes':
            lines += _class_lines(table)
        else:
            row = ', '.join(f'{key} {value}' for key, value in table.items())
            lines.append(f'  {name}: {row}')
    return lines


def _class_lines(classes: dict) -> list[str]:
    """Counts and shares in aligned columns."""
    if not classes:
        return []
    columns = list(next(iter(classes.values())))
    width = max(len('class'), *map(len, classes))
    head = ''.join(f'{name:>12}' for name in columns)
    lines = [f'  {"class":{width}}{head}']
    for name, row in classes.items():
        cells = [_cell(key, row[key]) for key in columns]
        lines.append(f'  {name:{width}}' + ''.join(f'{c:>12}' for c in cells))
    if len(classes) <= MOST_ROWS:
        return lines
    rest = len(classes) - MOST_ROWS
    return [*lines[: MOST_ROWS + 1], f'  and {rest:,} more, see --json']


def _cell(name: str, value: float) -> str:
    return f'{value:.2%}' if name == 'share' else f'{value:,}'
