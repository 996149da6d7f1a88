"""The site of documentation: `sphinx-build -W docs docs/_build/html`, see CONTRIBUTING.md.

Nothing is fetched from the network, at build time or at view time. `SMLM_DOCS=quick` does not
execute the notebooks, which the tests do anyway.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]  # the checkout, not an installed copy
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
os.environ.pop("MPLBACKEND", None)  # notebooks have their own, which shows figures in the page
os.environ.setdefault("SMLM_SHARED_DATA", str(HERE.parents[1] / "shared" / "data"))  # of a notebook

import matplotlib

import smlm_accessor

matplotlib.use("Agg")

# Notebooks are pages, too; Sphinx wants them below its own folder.
(HERE / "notebooks").mkdir(exist_ok=True)
for notebook in (HERE.parent / "notebooks").glob("*.ipynb"):
    shutil.copyfile(notebook, HERE / "notebooks" / notebook.name)

project = "smlm_accessor"
author = "smlm_accessor developers"
copyright = f"2026, {author}"
release = version = smlm_accessor.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",  # each name links to its source, on a page of the site
    "sphinx_autosummary_accessors",
    "numpydoc",
    "myst_nb",
    "sphinx_gallery.gen_gallery",
    "matplotlib.sphinxext.plot_directive",
    "mathml",
    "from_code",
    "offline",
]
sys.path.append(str(HERE / "methods"))  # what draws the figures of the pages
import sphinx_autosummary_accessors

templates_path = ["_templates", sphinx_autosummary_accessors.templates_path]
exclude_patterns = [
    "_build",
    "gallery/*",
    "examples/*.ipynb",
    "_templates",
    "_ext",
]
nitpicky = False

# Pages in Markdown, and notebooks.
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "off" if os.environ.get("SMLM_DOCS") == "quick" else "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # no scripts from the network
suppress_warnings = ["mystnb.unknown_mime_type"]

# Reference.
autosummary_generate = True
autodoc_typehints = "none"  # docstrings say the types
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
default_role = "code"

# Pictures.
plot_include_source = False
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 110)]
sphinx_gallery_conf = {
    "examples_dirs": [str(HERE / "gallery")],
    "gallery_dirs": ["examples"],
    "filename_pattern": r"/plot_",
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 10_000,
    "matplotlib_animations": False,
    "write_computation_times": False,
    "parallel": int(os.environ.get("SMLM_DOCS_JOBS", "1")),
    "thumbnail_size": (320, 224),
    "backreferences_dir": None,
    "reset_modules": ("matplotlib",),
}
warnings.filterwarnings("ignore", message=".*non-interactive.*", category=UserWarning)
warnings.filterwarnings("ignore", message="Unknown section Options Of Method", category=UserWarning)

html_theme = "pydata_sphinx_theme"
html_title = "smlm_accessor"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "examples/index": []}
