"""Foreign weights: converters and parity with their makers' numbers."""
