"""The floors of the package: imports only go down.

Every import counts, wherever it stands: at the top of a module, inside a function, or under
``TYPE_CHECKING``, for a name that is known there is known. A module named in a string, as in
``import_module("smlm_accessor.methods.icp")``, counts too, except that a registry may name the
modules that import it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "smlm_accessor"
TESTS = Path(__file__).parent
ROOT = TESTS.parent / PACKAGE
FLOORS: dict[int, tuple[str, ...]] = {
    5: ("", "accessors", "cli", "cli.*", "__main__"),
    4: (
        "correct",
        "correct.*",
        "assess",
        "assess.*",
        "plot",
        "plot.*",
        "report",
        "report.*",
        "tutorial",
    ),
    3: (
        "estimation",
        "estimation.*",
        "alignment",
        "alignment.*",
        "fiducials",
        "fiducials.*",
        "display",
        "display.*",
        "models",
        "models.*",
        "simulate",
        "simulate.*",
        "metrics",
        "images",
        "images.*",
        "io",
        "io.*",
    ),
    2: ("methods", "methods.*"),
    1: ("table", "table.*", "drift", "drift.*", "timeline", "backends", "backends.*"),
    0: ("kernels", "kernels.*", "errors", "options", "_typing", "_version"),
}
MOST_NAMES = 26  # at the top
MOST_FILES = 14  # in a folder, besides __init__.py
ONE_A_FORMAT = "io/formats"
LONGEST = 350  # lines
LONGER: dict[str, str] = {  # file: why it has to be
    "accessors.py": "the signature and docstring of every verb, and nothing else",
}
# Tests mirror the package: kernels/field/blocks.py has tests/kernels/field/test_blocks.py.
MIRRORED = ("estimation", "kernels", "methods")
TESTED_ELSEWHERE: dict[str, str] = {  # compiled loops, and whole methods: tests of them
    "kernels/density/tile_loops.py": "kernels/density/test_tiles.py",
    "kernels/neighbours/nearest_loops.py": "kernels/neighbours/test_nearest.py",
    "kernels/sparse_image/search_loops.py": "kernels/sparse_image/test_search.py",
    "kernels/time_series/trend_loops.py": "kernels/time_series/test_trend.py",
    "methods/api.py": "methods/test_contract.py",
    "methods/rcc/method.py": "methods/test_rcc.py",
}

Modules = dict[str, ast.Module]


def read_package(root: Path) -> Modules:
    """All modules below ``root`` by their name in the package; the package itself is ``""``."""
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return modules


def imported(tree: ast.Module, name: str, modules: Modules) -> set[str]:
    """Full dotted names of the modules that a module imports."""
    is_package = not name or any(other.startswith(f"{name}.") for other in modules)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = [PACKAGE, *filter(None, name.split("."))]
                up = node.level - is_package
                base = ".".join([*here[: len(here) - up], *filter(None, [base])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.add(full if full.removeprefix(f"{PACKAGE}.") in modules else base)
    return found


def named(tree: ast.Module, modules: Modules) -> set[str]:
    """Full dotted names of the modules of this package that a module names in strings."""
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {f"{PACKAGE}.{name}" for name in modules if name} & strings


def imports(modules: Modules, *, strings: bool = True) -> Iterator[tuple[str, str]]:
    """Pairs (module, full name of what it imports)."""
    for name, tree in modules.items():
        targets = imported(tree, name, modules)
        for target in sorted(targets | named(tree, modules) if strings else targets):
            yield name, target


def inner(target: str) -> str | None:
    """Name within the package, or None for another package."""
    if target == PACKAGE:
        return ""
    return target.removeprefix(f"{PACKAGE}.") if target.startswith(f"{PACKAGE}.") else None


def floor(name: str) -> int | None:
    """Floor on which a module lives, None if it is not in the map."""
    floors = (n for n, rooms in FLOORS.items() if any(fnmatch(name, room) for room in rooms))
    return next(floors, None)


def not_in_map(modules: Modules) -> list[str]:
    return [name for name in modules if floor(name) is None]


def going_up(modules: Modules) -> list[str]:
    found = []
    for name, target in imports(modules):
        below = inner(target)
        if below is None:
            continue
        here, there = floor(name), floor(below)
        if here is not None and there is not None and there > here:
            found.append(f"{name} (floor {here}) imports {target} (floor {there})")
    return found


def forbidden(modules: Modules) -> list[str]:
    """Imports of other packages where they have no place."""
    found = []
    for name, target in imports(modules):
        other = target.partition(".")[0]
        here = floor(name)
        if (
            (here in (0, 2) and other in {"pandas", "xarray", "dask"})
            or (other in {"dask", "distributed"} and not fnmatch(f"{name}.", "backends.*"))
            or (other == "matplotlib" and (here is None or here < 4))
        ):
            found.append(f"{name} imports {target}")
    return found


def ring(modules: Modules) -> list[str]:
    """Modules of which each imports the next, and the last is the first; empty if none are so."""
    below: dict[str, set[str]] = {name: set() for name in modules}
    for name, target in imports(modules, strings=False):
        if (there := inner(target)) in modules and there != name:
            below[name].add(there)
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


@pytest.fixture(scope="module")
def package() -> Modules:
    modules = read_package(ROOT)
    assert "errors" in modules, f"no package found at {ROOT}"
    return modules


def test_every_module_is_in_the_map(package: Modules) -> None:
    assert not_in_map(package) == [], "give it a floor in FLOORS"


def test_imports_only_go_down(package: Modules) -> None:
    assert going_up(package) == [], "move what is imported to a floor below, or pass it in"


def test_no_module_imports_itself_by_way_of_others(package: Modules) -> None:
    assert ring(package) == [], "move what both need to a module of its own"


def test_each_floor_knows_only_what_it_may(package: Modules) -> None:
    assert forbidden(package) == [], "pass arrays down; do the rest on a floor above"


def test_files_are_short() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in ROOT.rglob("*.py")
    }
    long = {path: n for path, n in lines.items() if n > LONGEST and path not in LONGER}
    assert long == {}, "split it where its ideas part, or say in LONGER why it has to be so long"
    short = [path for path in LONGER if lines.get(path, 0) <= LONGEST]
    assert short == [], "take it off LONGER"


def test_every_stage_has_tests_of_its_own() -> None:
    modules = {
        str(path.relative_to(ROOT))
        for folder in MIRRORED
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "__init__.py"
    }
    tested = {
        module
        for module in modules
        if (TESTS / module).with_name(f"test_{Path(module).name}").exists()
    }
    missing = modules - tested
    elsewhere = {module for module, file in TESTED_ELSEWHERE.items() if (TESTS / file).exists()}
    assert sorted(missing - elsewhere) == [], "write tests/<folder>/test_<name>.py"
    assert sorted(set(TESTED_ELSEWHERE) - missing) == [], "take it off TESTED_ELSEWHERE"


def test_the_top_is_easy_to_look_over() -> None:
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith("__")}
    assert len(names - {"py.typed"}) <= MOST_NAMES, "put it into a folder that there is"


def test_folders_are_easy_to_look_over() -> None:
    files = Counter(str(path.parent.relative_to(ROOT)) for path in ROOT.rglob("*.py"))
    files.subtract(str(path.parent.relative_to(ROOT)) for path in ROOT.rglob("__init__.py"))
    free = {".", ONE_A_FORMAT}
    many = {folder: n for folder, n in files.items() if n > MOST_FILES and folder not in free}
    assert many == {}, "merge files, or make a folder of those that belong together"


def test_no_class_name_stands_twice(package: Modules) -> None:
    classes = Counter(
        node.name
        for tree in package.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert {name: n for name, n in classes.items() if n > 1} == {}, "rename one, or merge them"


# The checks themselves, on made-up packages.

CLEAN = {
    "": "from smlm_accessor import accessors",
    "accessors": "def drift(self):\n    from smlm_accessor.estimation import drift",
    "estimation": "from smlm_accessor import table\nfrom .methods import api",
    "methods": "",
    "methods.api": "from ..kernels.nearest import nearest",
    "table": "import pandas\nfrom .errors import TableError",
    "kernels": "",
    "kernels.nearest": "import numpy, scipy.spatial",
    "backends": "import dask.dataframe",
    "errors": "",
    "plot": "import matplotlib.pyplot",
}


def parse(**changes: str) -> Modules:
    sources = CLEAN | {name.replace("__", "."): source for name, source in changes.items()}
    return {name: ast.parse(source) for name, source in sources.items()}


def test_a_clean_package_passes() -> None:
    modules = parse()
    assert not_in_map(modules) + going_up(modules) + forbidden(modules) + ring(modules) == []


@pytest.mark.parametrize(
    "source",
    [
        "import smlm_accessor.estimation",
        "from smlm_accessor import estimation",
        "from smlm_accessor.estimation import drift",
        "from . import estimation",
        "from .estimation import drift",
        "def late():\n    from smlm_accessor.estimation import drift",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .estimation import drift",
        "from importlib import import_module\nimport_module('smlm_accessor.estimation')",
    ],
)
def test_an_import_that_goes_up_is_found(source: str) -> None:
    found = going_up(parse(table=source))
    assert found == ["table (floor 1) imports smlm_accessor.estimation (floor 3)"]


def test_the_package_itself_is_above_all() -> None:
    found = going_up(parse(table="from smlm_accessor import __version__"))
    assert found == ["table (floor 1) imports smlm_accessor (floor 5)"]


def test_a_relative_import_from_below_is_found() -> None:
    found = going_up(parse(kernels__nearest="from ..table import read_localizations"))
    assert found == ["kernels.nearest (floor 0) imports smlm_accessor.table (floor 1)"]


def test_an_unknown_module_is_found() -> None:
    assert not_in_map(parse(utils="")) == ["utils"]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kernels__nearest", "import pandas as pd"),
        ("kernels__nearest", "def late():\n    import xarray"),
        ("kernels__nearest", "from dask import array"),
        ("table", "import dask.dataframe as dd"),
        ("estimation", "from distributed import Client"),
        ("estimation", "from matplotlib import pyplot"),
        ("methods", "from pandas import DataFrame"),
    ],
)
def test_a_package_in_the_wrong_place_is_found(module: str, source: str) -> None:
    assert len(forbidden(parse(**{module: source}))) == 1


def test_a_ring_is_found() -> None:
    found = ring(parse(errors="from . import backends", backends="from . import table"))
    assert set(found) == {"errors", "backends", "table"}
    assert found[0] == found[-1]
