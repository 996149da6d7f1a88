"""What stands in several files about a release agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

import smlm_accessor

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"dask[dataframe]": "dask-core", "matplotlib": "matplotlib-base"}


def _bounds(requirements: list[str]) -> dict[str, str]:
    found = (re.match(r"([\w.\[\]-]+?)\s*>=\s*([\d.]+)$", one) for one in requirements)
    return {CONDA_NAMES.get(one[1], one[1]): one[2] for one in found if one}


def test_the_recipe_needs_what_the_package_needs() -> None:
    recipe = (ROOT / ".ci" / "conda" / "meta.yaml").read_text(encoding="utf-8")
    recipe = re.sub(r"\{%.*?%\}\n", "", recipe, flags=re.DOTALL)
    told = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "x", recipe))
    extras = PROJECT["optional-dependencies"]
    needed = {**_bounds(PROJECT["dependencies"]), "python": "3.11"}
    assert _bounds(told["requirements"]["run"]) == needed
    optional = [*extras["hdf5"], *extras["zarr"], *extras["distributed"]]
    assert _bounds(told["requirements"]["run_constrained"]) == _bounds(optional)


def test_the_citation_and_the_changelog_name_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == smlm_accessor.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{smlm_accessor.__version__}] - {citation['date-released']}" in changes


def test_the_workflow_publishes_without_a_token() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text(encoding="utf-8"))
    publish = workflow["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert all("with" not in step or "password" not in step["with"] for step in publish["steps"])
