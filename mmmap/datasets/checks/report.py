"""What a check found: findings that a person can act on, and numbers."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from ...errors import UserError

ERROR, WARNING = 'error', 'warning'
MOST_ROWS = 40  # classes in a table
NUM_NAMED = 5  # names in a sentence before "and ... more"


class DataError(UserError, RuntimeError):
    """Data that a config needs and that is missing or wrong."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or unusual.

    Attributes:
        severity: ``'error'`` if training would fail or learn something else
            than was meant, ``'warning'`` if it may be as intended.
        where: A file, a file with a line or an id, or a setting of the
            config.
        what: What came, and what was expected.
        do: What to do about it.
        skippable: Whether it is of one sample, which training can skip.
    """

    severity: str
    where: str
    what: str
    do: str = ''
    skippable: bool = False

    def __str__(self):
        advice = f' -> {self.do}' if self.do else ''
        return f'{self.where}: {self.what}{advice}'


@dataclass
class Report:
    """What is in one data set, or in the config itself.

    Attributes:
        title: What was checked.
        split: ``'train'``, ``'val'``, ``'test'``; empty for the config.
        counts: Numbers of what was found, by name.
        tables: More numbers, by name: classes, sizes, boxes, ...
        findings: In the order in which they were found.
    """

    title: str
    split: str = ''
    counts: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def error(
        self, where, what: str, do: str = '', skippable: bool = False
    ) -> None:
        """Note what makes the data, or one sample, unusable."""
        found = Finding(ERROR, str(where), what, do, skippable)
        self.findings.append(found)

    def warn(self, where, what: str, do: str = '') -> None:
        """Note what may be as intended, but should be known."""
        self.findings.append(Finding(WARNING, str(where), what, do))

    @classmethod
    def refused(cls, title: str, problem: str) -> 'Report':
        """A report of nothing but one error."""
        return cls(title, findings=[Finding(ERROR, title, problem)])

    @property
    def errors(self) -> list[Finding]:
        """The findings that make the data unusable."""
        return [f for f in self.findings if f.severity == ERROR]

    @property
    def warnings(self) -> list[Finding]:
        """The findings that may be as intended."""
        return [f for f in self.findings if f.severity == WARNING]

    def expect(self, **numbers: int) -> None:
        """Note an error for each count that differs from ``numbers``."""
        for name, found in self.counts.items():
            expected = numbers.get(name, found)
            if found != expected:
                what = f'{found:,} {name} found, {expected:,} expected'
                self.error(self.title, what)

    def as_dict(self) -> dict:
        """All of it, for JSON."""
        return asdict(self)

    def numbers(self) -> str:
        """What was counted, as text."""
        counts = [f'{n:,} {name}' for name, n in self.counts.items()]
        head = f'{self.title}: {", ".join(counts) or "nothing to count"}'
        if self.split:
            head = f'{self.split}: {head}'
        return '\n'.join([head, *_table_lines(self.tables)])

    def __str__(self):
        found = [f'  {f.severity}: {f}' for f in self.findings]
        return '\n'.join([self.numbers(), *found])


def some_of(names: Iterable) -> str:
    """The first few names, and how many more there are."""
    names = [str(name) for name in names]
    rest = len(names) - NUM_NAMED
    more = f' and {rest:,} more' if rest > 0 else ''
    return ', '.join(names[:NUM_NAMED]) + more


def _table_lines(tables: dict) -> list[str]:
    """The tables as lines of text: one number each, or a row a class."""
    lines = []
    for name, table in tables.items():
        if name == 'classes':
            lines += _class_lines(table)
        else:
            row = ', '.join(f'{key} {value}' for key, value in table.items())
            lines.append(f'  {name}: {row}')
    return lines


def _class_lines(classes: dict) -> list[str]:
    """Counts and shares, aligned."""
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
