"""Converters of published weights, and parity with published code."""
