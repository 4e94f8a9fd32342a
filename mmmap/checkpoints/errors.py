"""The error raised when a checkpoint is unusable."""

from ..errors import UserError


class CheckpointError(UserError, RuntimeError):
    """A checkpoint is unusable; the message says why."""
