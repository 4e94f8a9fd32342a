"""The table of the doctor and its remedies, as text."""

from .diagnosis import Row
from .versions import ROOT

STATES = {'ok': 'ok', 'note': 'note', 'wrong': 'WRONG'}


def table(rows: list[Row]) -> str:
    """The rows in columns, with a headline for each section."""
    cells = [row[1:4] + (STATES[row.state],) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines, section = [], None
    for row, texts in zip(rows, cells):
        if row.section != section:
            section = row.section
            lines += ['', section]
        padded = [f'{text:<{width}}' for text, width in zip(texts, widths)]
        lines.append(f'  {"  ".join(padded)}  {row.why}'.rstrip())
    return '\n'.join(lines[1:])


def remedies(rows: list[Row]) -> str:
    """What to type, the wrong things first, each command once."""
    lines, seen = [], set()
    for state, title in (('wrong', 'To fix:'), ('note', 'Optional:')):
        chosen = [row for row in rows if row.state == state and row.fix]
        lines += ['', title] if chosen else []
        for row in chosen:
            if row.fix not in seen:
                lines += [f'  {row.name}: {row.why}', f'    {row.fix}']
            seen.add(row.fix)
    return '\n'.join(lines)


def report(rows: list[Row]) -> str:
    """The table, the remedies and the verdict, as text."""
    wrong = sum(row.state == 'wrong' for row in rows)
    text = f'{table(rows)}\n{remedies(rows)}\n'
    if not wrong:
        return f'{text}\nAll that is required works.'
    text += f'\n{wrong} of {len(rows)} things are wrong.'
    if (ROOT / 'Makefile').exists():
        text += ' To fix all of them in .venv: make repair'
    return text
