"""Parameters and history of the page, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from smlm_accessor.models import Drift, DriftModel, transformations_of
from smlm_accessor.table import attributes

_LONGEST = 300  # characters of a value


def parameters(drift: Drift, by: str | None, outside: str | None) -> list[tuple[str, str]]:
    """Return how drift was estimated, modelled and evaluated."""
    source = transformations_of(drift)
    attrs = drift.attrs
    found: dict[str, Any] = {name: attrs.get(name) for name in ("method", "target", "origin")}
    found |= _flat(attributes.parameters(source))
    if isinstance(drift, DriftModel):
        found |= _flat(json.loads(str(attrs["model"])), "model, ")
    found |= {"by": by, "outside": outside, "estimated with version": attrs.get("package_version")}
    return [(name, value_text(v)) for name, v in found.items() if v is not None]


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{before}{name}, ")
        else:
            found[f"{before}{name}"] = value
    return found


def value_text(value: Any) -> str:
    """Write a value of JSON for a reader.

    Examples
    --------
    >>> value_text(True), value_text([1, 2.50]), value_text({"amplitude": 5})
    ('yes', '1, 2.5', 'amplitude 5')
    """
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, Mapping):
        text = ", ".join(f"{name} {value_text(v)}" for name, v in value.items())
    elif isinstance(value, list | tuple) and not value:
        text = "none"
    elif isinstance(value, list | tuple):
        inner = [f"({value_text(v)})" if isinstance(v, list) else value_text(v) for v in value]
        text = ", ".join(inner)
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def history_rows(steps: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return each step, its parameters, and the version that did it."""
    rows = []
    for entry in steps:
        told = {name: v for name, v in entry["parameters"].items() if v is not None}
        text = "; ".join(f"{name} {value_text(_read(value))}" for name, value in told.items())
        rows.append((str(entry["step"]), text, str(entry.get("package_version", ""))))
    return rows


def _read(value: Any) -> Any:
    """Return what a string holds, if that is a mapping in JSON."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            pass
    return value
