"""Conformance suites for families, engines, formats and modalities, shipped so that a plug-in's author can run them."""
