"""Sphinx: MyST pages, the furo theme; nothing is fetched while building."""

from __future__ import annotations

from automl import __version__

project = "automl"
author = "The automl authors"
copyright = "The automl authors"  # noqa: A001 - the name Sphinx asks for
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"automl {version}"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = False
