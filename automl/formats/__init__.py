"""Renderers of a report: one file a format, each with a `render(report) -> str`."""
