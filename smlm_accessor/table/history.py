"""What was done to a table, kept in its ``attrs`` as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from smlm_accessor._version import __version__
from smlm_accessor.table.attributes import to_json

KEY = "smlm_history"


def record(attrs: Mapping[Any, Any], step: str, /, **parameters: Any) -> dict[Any, Any]:
    """Return attrs with one more step of history; the given ones stay as they are.

    Examples
    --------
    >>> record({}, "simulate_drift", velocity=(1.0, 2.0))["smlm_history"][0]["step"]
    'simulate_drift'
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    entry = {
        "step": step,
        "parameters": json.loads(to_json(given)),
        "package_version": __version__,
    }
    return {**attrs, KEY: [*_entries(attrs), entry]}


def steps(attrs: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Return the recorded steps, oldest first; what others have put among them is left out."""
    return [entry for entry in _entries(attrs) if _is_step(entry)]


def _entries(attrs: Mapping[Any, Any]) -> list[Any]:
    entries = attrs.get(KEY, [])
    return list(entries) if isinstance(entries, list | tuple) else []


def _is_step(entry: Any) -> bool:
    return (
        isinstance(entry, Mapping)
        and isinstance(entry.get("step"), str)
        and isinstance(entry.get("parameters"), Mapping)
    )


def times_corrected(attrs: Mapping[Any, Any]) -> int:
    """Return how often drift was corrected, less the times a correction was undone."""
    count = 0
    for entry in steps(attrs):
        if entry["step"] == "correct" and not entry["parameters"].get("static"):
            count += -1 if entry["parameters"].get("inverse") else 1
    return count
