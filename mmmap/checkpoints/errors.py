"""What is raised where a checkpoint is unusable."""

from ..errors import UserError


class CheckpointError(UserError, RuntimeError):
    """A checkpoint that cannot be used, with what was wrong with it."""
