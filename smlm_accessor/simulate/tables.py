"""The tables that simulations return: Locan's names, and a history of what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift.spec import COMPONENTS
from smlm_accessor.table import history


def make_table(
    positions: FloatArray,
    *,
    frames: IntArray | None = None,
    uncertainty: FloatArray | None = None,
    **others: npt.NDArray[Any],
) -> pd.DataFrame:
    """Return a table with frame, position_x .., uncertainty_x .. and others, as far as given."""
    columns: dict[str, npt.NDArray[Any]] = {} if frames is None else {"frame": frames}
    for prefix, values in (("position", positions), ("uncertainty", uncertainty)):
        if values is not None:
            columns |= {f"{prefix}_{COMPONENTS[j]}": values[:, j] for j in range(values.shape[1])}
    return pd.DataFrame(columns | others)


def remember(table: pd.DataFrame, step: str, given: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table with the simulation as its only history.

    ``step`` names the function that simulates; ``given`` are its first ``locals()``, its arguments.
    """
    shape = {name: given[name] for name in given if name not in ("blinking", "seed")}
    parameters = {**shape, **given.get("blinking", {}), "seed": given["seed"]}
    table.attrs = history.record({}, step, **parameters)
    return table
