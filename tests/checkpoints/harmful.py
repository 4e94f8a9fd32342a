"""Checkpoints that would run a command if they were unpickled."""

import os

import torch

COMMAND = 'touch harm'


class Command:
    def __reduce__(self):
        return os.system, (COMMAND,)


def harmful(weights, path):
    """Write weights with a command among them."""
    torch.save(dict(state_dict=weights, meta=dict(time=Command())), path)
    return path
