"""Print the oldest versions that pyproject.toml allows, as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def constraints(project: Path) -> list[str]:
    """Return ``name==version`` for each lower bound of what is needed to run; extras of tests not.

    Tools of the tests may be new: only what the package itself uses is held.
    """
    told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = told["optional-dependencies"]
    wanted = [*told["dependencies"], *extras["hdf5"], *extras["zarr"], *extras["distributed"]]
    found = (re.match(r"([A-Za-z0-9_.-]+)(?:\[.*\])?>=([0-9.]+)$", one) for one in wanted)
    return [f"{one[1]}=={one[2]}" for one in found if one]


if __name__ == "__main__":
    print("\n".join(constraints(Path(__file__).parents[1] / "pyproject.toml")))
