"""Every public name says what it takes, gives and raises, in which units, with an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import smlm_accessor
from smlm_accessor import accessors, drift, io, models, simulate
from smlm_accessor.assess import Assessment
from smlm_accessor.correct.files import correct_files
from smlm_accessor.io.registry import Format
from smlm_accessor.methods import api, registry
from smlm_accessor.methods.documentation import parameters_in

VERBS = {
    "table": accessors.LocalizationAccessor,
    "drift": accessors.DriftAccessor,
    "stack": accessors.StackAccessor,
}
# Made from the parameters of another function, which describes them.
AS_THERE = {"simulate_drift": "table.smlm.simulate_drift"}
FROM_RUNNER = ("localizations", "threads", "progress", "self")
# A number, unless it counts or is a part, has a unit, or says of what it is a multiple.
UNITS = re.compile(
    r"unit|\bnm\b|frame|radian|second|pixel|precision|part|fraction|deviation|times|factor|"
    r"As in|number|less than this|range|extent|degree|weight|photons",
    re.IGNORECASE,
)


def _of_class(name: str, holder: type) -> Iterator[tuple[str, Any]]:
    for verb in vars(holder):
        if not verb.startswith("_"):
            yield f"{name}.smlm.{verb}", getattr(holder, verb)


def _public() -> dict[str, Any]:
    """Return every public function and class that is no error, by name."""
    found = {k: v for name, holder in VERBS.items() for k, v in _of_class(name, holder)}
    tops = {name: getattr(smlm_accessor, name) for name in smlm_accessor.__all__}
    found |= {name: v for name, v in tops.items() if not isinstance(v, str)}
    found |= {name: getattr(simulate, name) for name in simulate.__all__}
    names = ("DriftModel", "ComponentFit", "Spline", "Polynomial", "Linear", "Constant")
    found |= {f"models.{name}": getattr(models, name) for name in (*names, "Uncorrected")}
    found |= {f"method {n}": registry.get(n).function for n in registry.names() if n in OURS}
    found |= {"correct_files": correct_files, "format_names": io.format_names}
    found |= {"drift.build": drift.build, "register": registry.register, "Format": Format}
    found |= {name: getattr(api, name) for name in ("Method", "Registered", "ChunkedLocalizations")}
    found |= {"Assessment": Assessment}
    return {
        name: one
        for name, one in found.items()
        if not (isinstance(one, type) and issubclass(one, Exception))
    }


OURS = ("overlap", "aim", "rcc", "fiducial", "cc", "icp")
PUBLIC = _public()


def _doc(one: Any) -> str:
    return inspect.getdoc(one.fget if isinstance(one, property) else one) or ""


def _sections(one: Any) -> list[str]:
    return re.findall(r"^(\w[\w ]*)\n-+$", _doc(one), re.MULTILINE)


def _parameters(one: Callable[..., Any]) -> list[str]:
    if isinstance(one, property):
        return []
    return [p for p in inspect.signature(one).parameters if p not in FROM_RUNNER]


def without_example(one: Any) -> bool:
    return "Examples" not in _sections(one)


def without_result(one: Any) -> bool:
    if isinstance(one, type | property):
        return False
    gives = inspect.signature(one).return_annotation
    return gives not in (None, "None") and "Returns" not in _sections(one)


def undescribed(one: Any) -> list[str]:
    lines = {entry.partition("\n")[0] for entry in parameters_in(_doc(one)).values()}
    told = {n.strip(" *") for line in lines for n in line.partition(" :")[0].split(",")}
    return [name for name in _parameters(one) if name not in told]


def _entries(one: Any) -> dict[str, str]:
    """Return what is said of each parameter, and of the result."""
    doc = _doc(one)
    _, _, result = doc.partition("\nReturns\n-------\n")
    given = re.split(r"\n\n\w[\w ]*\n-+\n", result)[0]
    return {**parameters_in(doc), "what it returns": given.strip()}


def without_unit(one: Any) -> list[str]:
    return [
        name
        for name, entry in _entries(one).items()
        if re.search(r"(: (tuple of )?|^)float", entry.partition("\n")[0])
        and not UNITS.search(entry)
    ]


def without_shape(one: Any) -> list[str]:
    heads = {name: entry.partition("\n")[0] for name, entry in _entries(one).items()}
    return [name for name, head in heads.items() if "ndarray" in head and "shape" not in head]


def without_error(one: Any) -> bool:
    """Whether its docstring has no section of the errors that it raises."""
    cannot_fail = isinstance(one, type | property) or one is io.format_names
    named = re.search(r"\nRaises\n------\n[\w, ]*(Option|Table|File|Drift|Stack)Error", _doc(one))
    return not cannot_fail and named is None


def test_there_are_public_names() -> None:
    assert len(PUBLIC) > 55


@pytest.mark.parametrize(
    "missing", [without_example, without_result, undescribed, without_unit, without_shape]
)
def test_nothing_is_missing(missing: Callable[[Any], Any]) -> None:
    found = {name: missing(one) for name, one in PUBLIC.items() if name not in AS_THERE}
    assert {name: what for name, what in found.items() if what} == {}


def test_each_says_which_errors_there_are() -> None:
    of_runner = tuple(f"method {n}" for n in OURS)  # it checks the options of all methods
    free = {*AS_THERE, *of_runner}
    assert [n for n, one in PUBLIC.items() if n not in free and without_error(one)] == []


def test_all_that_the_reference_lists_is_counted() -> None:
    pages = (Path(__file__).parents[1] / "docs" / "reference").glob("*.md")
    listed = re.compile(r"^(?:\.\. auto(?:function|class):: |   )([\w.]+)$", re.MULTILINE)
    found = [name for page in pages for name in listed.findall(page.read_text(encoding="utf-8"))]
    there = {name.rpartition(".")[2] for name in found}
    assert len(there) > 55
    assert there - {n.rpartition(".")[2].removeprefix("method ") for n in PUBLIC} == set()


def test_each_method_names_its_source() -> None:
    sources = {n: re.search(r"doi\.org|DOI 10\.", _doc(PUBLIC[f"method {n}"])) for n in OURS}
    assert [name for name, source in sources.items() if source is None] == []
