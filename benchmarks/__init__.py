"""Measurements of the whole command, each with the figure it must reach. Run with `python -m benchmarks`."""
