"""A few of the kills of the campaign; docs/results/faults.md has them all."""

import sys

import pytest

from tests.forks import command


@pytest.mark.slow
@pytest.mark.parametrize(
    ('library', 'processes', 'kills'),
    [('mmpretrain', 1, 2), ('mmseg', 1, 2), ('mmdet', 2, 1)],
)
def test_killed_and_resumed_as_if_never_stopped(library, processes, kills):
    done = command(
        *(sys.executable, '-m', 'tests.faults.campaign'),
        *('--libraries', library, '--processes', processes),
        *('--kills', kills),
        forked=False,  # it forks and kills by itself
    )
    assert done.returncode == 0, done.stderr
    row = [cell.strip() for cell in done.stdout.splitlines()[-1].split('|')]
    assert row[1:4] == [library, str(processes), str(kills)]
    assert row[5] == '0'  # runs with other weights
