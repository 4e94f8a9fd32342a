"""The options that the results in a folder come from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import FileError, InputError


def read_record(file: Path, what: str) -> dict[str, Any] | None:
    """The options that were recorded; None in a new or empty folder.

    Args:
        file: In the folder of the results.
        what: What they are, for messages, for example ``'run'``.

    Raises:
        FileError: The folder is a file, or holds something else.
    """
    out = file.parent
    if out.exists() and not out.is_dir():
        raise FileError(f'{out} is a file; name another folder with --out')
    if not out.is_dir() or not any(out.iterdir()):
        return None
    try:
        record = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or not record:
        raise FileError(
            f'{out} is not empty and holds no {what} of this command; name '
            'another folder with --out'
        )
    return record


def check_same(out: Path, what: str, old: Mapping, new: Mapping) -> None:
    """Refuse to continue with other options.

    Raises:
        InputError: They differ.
    """
    keys = [k for k in {**old, **new} if old.get(k) != new.get(k)]
    if keys:
        changes = '; '.join(
            'the file of the model was written again'
            if key == 'written'  # a number of nanoseconds
            else f'{key} was {old.get(key)!r}, is {new.get(key)!r}'
            for key in keys
        )
        raise InputError(
            f'{out} holds {what} with other options ({changes}); name another '
            'folder with --out, remove this one, or continue it with the old '
            'options'
        )
