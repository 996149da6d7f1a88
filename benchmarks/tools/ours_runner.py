"""smlm_accessor, by its verbs."""

from __future__ import annotations

from typing import Any

import pandas as pd

import smlm_accessor  # noqa: F401 - registers .smlm

PACKAGES = ("smlm-accessor", "numpy", "scipy", "pandas", "numba")


def prepare(columns: dict[str, Any], precision: Any) -> Any:
    """Return the table as it is: nothing of what the benchmark knows of the precision."""
    return pd.DataFrame(columns)


def correct(data: Any, method: str, settings: dict[str, Any]) -> Any:
    """Return the corrected table."""
    return data.smlm.correct(data.smlm.drift(method=method, **settings))


def positions(result: Any, axes: str) -> Any:
    """Return the corrected coordinates, shape (n, d)."""
    return result[list(axes)].to_numpy(dtype=float)
