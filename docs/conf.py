"""Sphinx configuration. The reference pages are written from the plugins' own declarations before each build."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "crystalbench"
author = "the crystalbench developers"
copyright = f"2026, {author}"
version = release = installed("crystalbench")

extensions = ["mathml", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": False}
add_module_names = False
napoleon_google_docstring = False
# Documents of the repository are included as they are; their links lead to files that are no pages.
suppress_warnings = ["myst.xref_missing", "myst.header"]

html_theme = "furo"
html_math_renderer = "mathml"
html_title = "crystalbench"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b6e69", "color-brand-content": "#0b6e69"},
    "dark_css_variables": {"color-brand-primary": "#5cc4bb", "color-brand-content": "#5cc4bb"},
}


def setup(app: object) -> None:
    from write_reference import write_reference

    write_reference(HERE / "reference")
