"""What a table of localizations holds, in a few lines."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smlm_accessor import history
from smlm_accessor.errors import TableError
from smlm_accessor.table import read_localizations


def summary(table: pd.DataFrame) -> str:
    """Return a few lines that say what was found in a table.

    Examples
    --------
    >>> print(summary(pd.DataFrame({"x [nm]": [0.0, 5.0], "y [nm]": [1.0, 2.0], "frame": [3, 9]})))
    Localization table (ThunderSTORM names)
      localizations  2
      frames         3 to 9, 0.286 localizations per frame
      x              0 to 5 nm, from 'x [nm]'
      y              1 to 2 nm, from 'y [nm]'
    """
    localizations = read_localizations(table, need_frames=False)
    columns = localizations.columns
    n = len(table)
    rows = [("localizations", f"{n:,}")]
    missing = n - int(localizations.finite.sum())
    if missing:
        rows.append(("without position", f"{missing:,}"))
    if columns.frame is None:
        rows.append(("frames", "no column found; see smlm_accessor.set_columns"))
    elif n:
        first, last = int(localizations.frames.min()), int(localizations.frames.max())
        per_frame = n / (last - first + 1)
        rows.append(("frames", f"{first} to {last}, {per_frame:.3g} localizations per frame"))
    for j, (component, label) in enumerate(columns.positions.items()):
        values = localizations.positions[localizations.finite, j]
        extent = f"{values.min():.6g} to {values.max():.6g}" if len(values) else "empty"
        unit = f" {columns.length_unit}" if columns.length_unit else ""
        rows.append((component, f"{extent}{unit}, from {label!r}"))
    if localizations.uncertainty is not None:
        lateral = localizations.uncertainty[:, :2]
        lateral = lateral[np.isfinite(lateral)]
        if len(lateral):
            rows.append(("precision", f"{np.median(lateral):.3g} (median)"))
    if columns.length_unit is None:
        rows.append(("length unit", "unknown; set_columns(table, unit='nm') names it"))
    done = [entry["step"] for entry in history.steps(table.attrs)]
    if done:
        rows.append(("history", ", ".join(done)))
    width = max(len(name) for name, _ in rows) + 2
    lines = [f"  {name:<{width}}{text}" for name, text in rows]
    return "\n".join([f"Localization table ({columns.convention} names)", *lines])


def safe_summary(table: pd.DataFrame) -> str:
    """Return the summary, or what keeps it from being made: a repr must not raise."""
    try:
        return summary(table)
    except TableError as error:
        return f"Localization table\n  {error}"
