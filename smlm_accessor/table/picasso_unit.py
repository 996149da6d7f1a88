"""The unit of a table with Picasso's names: camera pixels before 1.0, nm from 1.0 on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray

# A localization is precise to a fraction of a camera pixel (of 100 nm or so), and to 1 nm at best.
_BOUNDARY = 1.0
_WIDEST = 20_000  # camera pixels; no camera has as many in a row
_SAMPLE = 100_000  # rows


def unit_by_precision(
    table: pd.DataFrame, precisions: Sequence[Hashable], positions: Sequence[Hashable]
) -> str | None:
    """Return pixel or nm if the precisions tell which, else None.

    Three quarters of them have to be on one side of 1, and no position beyond any camera.

    Examples
    --------
    >>> table = pd.DataFrame({"x": [12.0, 30.0], "lpx": [0.05, 0.1]})
    >>> unit_by_precision(table, ["lpx"], ["x"]), unit_by_precision(table, ["x"], ["x"])
    ('pixel', 'nm')
    """
    rows = table.iloc[:: max(1, len(table) // _SAMPLE)]
    values = _finite(rows, precisions)
    if not len(values):
        return None
    low, high = np.quantile(values, [0.25, 0.75])
    if high < _BOUNDARY:
        fits = np.abs(_finite(rows, positions)).max(initial=0) < _WIDEST
        return "pixel" if fits else None
    return "nm" if low > _BOUNDARY else None


def _finite(table: pd.DataFrame, labels: Sequence[Hashable]) -> FloatArray:
    columns = [pd.to_numeric(table[label], errors="coerce") for label in labels]
    values = np.concatenate([c.to_numpy(dtype=np.float64, na_value=np.nan) for c in columns])
    return np.asarray(values[np.isfinite(values)])
