"""Selective scan of Mamba-1, one direction or both.

Letters: B batch, D channels, L tokens, N state size, G groups of channels.

    h[t] = exp(delta[t] * A) * h[t - 1] + delta[t] * B[t] * u[t]
    y[t] = (C[t] . h[t] + D * u[t]) * silu(z[t])
"""

from .interface import selective_scan, selective_scan_bidirectional

__all__ = ['selective_scan', 'selective_scan_bidirectional']
