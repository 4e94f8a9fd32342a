"""What the demo and the studies share: runs side by side, their tables."""
