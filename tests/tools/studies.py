"""The runs of a study, without running it."""

from mmengine.config import Config

from tests.helpers import load_tool


def runs_of(file, *options):
    study = load_tool('study.py')
    args = study.parse_args([str(file), *map(str, options)])
    return study, study.lanes(study.Study(file), args)


def written(run):
    """The config that a run is trained with."""
    run.write()
    assert run.argv()[1] == run.file
    return Config.fromfile(run.file)
