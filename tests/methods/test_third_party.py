"""A method of another package, installed beside this one, is held to what ours are held to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = """
import numpy as np, pandas as pd, smlm_accessor
rng = np.random.default_rng(1)
sites = rng.uniform(0, 500, (40, 2))[rng.integers(40, size=4000)]
x, y = (sites + rng.normal(0, 3, (4000, 2))).T
table = pd.DataFrame({"frame": np.arange(4000), "x": x, "y": y})
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like site-packages, with what an installer makes of the package."""
    source, folder = TESTS / "third_party", tmp_path_factory.mktemp("site-packages")
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(source / "smlm_steady", folder / "smlm_steady")
    info = folder / f"smlm_steady-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(TESTS.parent), str(installed)])
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
    )


def require(installed: Path, code: str) -> None:
    result = run(installed, "-c", TABLE + code)
    assert result.returncode == 0, result.stderr


def test_its_options_are_checked_and_recorded_like_ours(installed: Path) -> None:
    require(
        installed,
        """
import json
drift = table.smlm.drift(method="steady", n_chunks=4, reach=20)
assert drift.valid.all() and abs(drift.offset).max() < 1
assert json.loads(drift.attrs["parameters"])["reach"] == 20
for wrong in ({"reach": -1, "reech": 1}, {"target": "next"}):
    try:
        table.smlm.drift(method="steady", **wrong)
    except smlm_accessor.OptionError as error:
        said = str(error)
    else:
        raise AssertionError(wrong)
    if "reech" in wrong:
        assert "reach=-1 must be a positive length" in said, said
        assert "'steady' has no option 'reech'" in said, said
        assert "reach=None: How far the sample moves at most." in said, said
    else:
        assert "target='next' is not known" in said, said
""",
    )


def test_it_is_documented_like_ours_and_not_imported_for_it(installed: Path) -> None:
    require(
        installed,
        """
import sys
doc = table.smlm.drift.__doc__
assert 'Options of method="cc"' in doc and "subpixel : bool" in doc
options = doc.partition('Options of method="steady"')[2]
assert "reach : float, optional" in options and "threads" not in options, options
assert "smlm_steady.method" not in sys.modules and "numba" not in sys.modules
""",
    )


def test_an_entry_point_without_a_method_is_an_error_that_says_what_to_do(installed: Path) -> None:
    require(
        installed,
        """
try:
    table.smlm.drift(method="nothing")
except smlm_accessor.OptionError as error:
    said = str(error)
assert "smlm_steady does not register a method 'nothing': decorate" in said, said
""",
    )


def test_it_passes_the_contract_of_all_methods(installed: Path) -> None:
    contract = str(TESTS / "methods" / "test_contract.py")
    result = run(installed, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", contract,
                 "-k", "steady")  # fmt: skip
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout
