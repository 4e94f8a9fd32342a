"""What is raised where weights cannot be had."""


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used, with what was wrong with it."""
