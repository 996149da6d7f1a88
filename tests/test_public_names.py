"""Every public name says what it takes, gives and raises, in which units, with an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import smlm_accessor
from smlm_accessor import accessors, drift, io, models, simulate
from smlm_accessor.correct.files import correct_files
from smlm_accessor.methods import registry
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
    found |= {"drift.build": drift.build, "register": registry.register}
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


def without_unit(one: Any) -> list[str]:
    entries = parameters_in(_doc(one))
    return [
        name
        for name, entry in entries.items()
        if re.search(r": (tuple of )?float", entry.partition("\n")[0]) and not UNITS.search(entry)
    ]


def without_shape(one: Any) -> list[str]:
    entries = parameters_in(_doc(one))
    return [
        n for n, e in entries.items() if "ndarray" in (h := e.split("\n")[0]) and "shape" not in h
    ]


def without_error(name: str, one: Any) -> bool:
    """Whether neither it nor the class of its verb says which errors there are."""
    told = _doc(one)
    if name.startswith("method "):
        return False  # options are checked by the runner, for all methods
    if ".smlm." in name:
        told += _doc(VERBS[name.partition(".")[0]])
        told += "StackError" if name.startswith("stack") else ""
    cannot_fail = isinstance(one, type) or set(_parameters(one)) <= {"written"}
    return not cannot_fail and re.search(r"(Option|Table|File|Drift|Stack)Error", told) is None


def test_there_are_public_names() -> None:
    assert len(PUBLIC) > 55


@pytest.mark.parametrize(
    "missing", [without_example, without_result, undescribed, without_unit, without_shape]
)
def test_nothing_is_missing(missing: Callable[[Any], Any]) -> None:
    found = {name: missing(one) for name, one in PUBLIC.items() if name not in AS_THERE}
    assert {name: what for name, what in found.items() if what} == {}


def test_each_says_which_errors_there_are() -> None:
    assert [n for n, one in PUBLIC.items() if n not in AS_THERE and without_error(n, one)] == []


def test_each_method_names_its_source() -> None:
    sources = {n: re.search(r"doi\.org|DOI 10\.", _doc(PUBLIC[f"method {n}"])) for n in OURS}
    assert [name for name, source in sources.items() if source is None] == []
