"""The settings of Sphinx, by which `make docs` makes the site.

Its source is the whole repository, so that a link between two files of it leads to the same place on the site.
"""

import stamp2vec

project = "Stamp2vec"
copyright = "the Stamp2vec authors"  # noqa: A001 - Sphinx's name
version = release = stamp2vec.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/python/*.md",
    "docs/decisions/*.md",
    "clients/README.md",
    "training/README.md",
    "bench/README.md",
]
exclude_patterns = [".*", "build", "findings", "k8s", "out", "services", "stamp2vec", "tests", "weights"]
templates_path = ["_templates"]

myst_heading_anchors = 3

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
default_role = "code"  # docstrings have names in single backticks

html_theme = "furo"
html_title = f"Stamp2vec {release}"
html_additional_pages = {"index": "redirect.html"}
html_copy_source = False
html_show_sphinx = False
