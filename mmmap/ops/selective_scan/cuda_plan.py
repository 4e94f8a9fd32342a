"""The launch configuration of the CUDA scan.

Letters: B batch, D channels, L tokens, N states.
"""

from typing import NamedTuple

# State sizes of the templates; smaller ones are padded with zeros.
STATES = (4, 8, 16, 32, 64)
# Tokens between the states that are stored for the backward pass.
CHUNK = 16
# Sequences that fill a large GPU, times lanes and segments.
_ENOUGH = 132 * 512


class Plan(NamedTuple):
    """The configuration of a launch.

    Args:
        state: N of the template.
        lanes: Threads that share a sequence in the forward pass.
        warps: Warps of a block in the backward pass.
        segments: Number of segments of the tokens.
        segment: Tokens of a segment.
    """

    state: int
    lanes: int
    warps: int
    segments: int
    segment: int

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of a block, forward and backward."""
        return 64 // self.lanes * 2, self.warps * (128 // self.state) * 2

    @property
    def forward_blocks(self) -> int:
        """Blocks per multiprocessor for which registers are reserved."""
        return {16: 6, 8: 8}.get(self.state // self.lanes, 10)

    @property
    def backward_bytes(self) -> int:
        """Shared memory of a block in the backward pass."""
        _, channels = self.channels
        staged = 2 * self.state + 6 * channels
        sums = self.warps * 2 * self.state
        kept = (CHUNK // 4 - 1) * 2 * 4 * 32 * self.warps
        return 4 * (CHUNK * (staged + sums) + kept)


def plan(sequences: int, length: int, state: int, shared: int) -> Plan:
    """Choose lanes and segments that fill the GPU.

    Args:
        sequences: B * D.
        length: L.
        state: N.
        shared: Bytes of shared memory that a block may have.
    """
    padded = next(n for n in STATES if n >= state)
    most = min(padded // 4, 4)
    segments = 1
    while sequences * most * segments < _ENOUGH and length >= 256 * segments:
        segments *= 2
    lanes = max(padded // 16, 1)
    while lanes < most and sequences * segments * lanes < _ENOUGH:
        lanes *= 2
    # Whole chunks, and whole tiles of the kernels.
    segment = -(-length // (32 * segments)) * 32
    warps = {4: 2, 64: 8}.get(padded, 4)
    made = Plan(padded, lanes, warps, -(-length // segment), segment)
    while made.backward_bytes > shared:
        made = made._replace(warps=made.warps // 2)
    return made
