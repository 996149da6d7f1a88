"""What is known about a dask DataFrame without reading its rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.backends.dask.partitions import bare_fragment, origin


@dataclass(frozen=True)
class PartitionFacts:
    """What the footers of Parquet files, or a pandas table at the root, tell.

    ``fragments`` are those of the Parquet files, empty if the rows come from elsewhere; ``frame``
    is the table in memory that was cut into partitions. Columns that are ``changed`` are not as
    they were there.
    """

    n_rows: int | None = None
    fragments: Sequence[Any] = ()
    frame: pd.DataFrame | None = None
    changed: frozenset[Hashable] = frozenset()

    def range_of(self, label: Hashable) -> tuple[float, float] | None:
        """Return the lowest and highest value of a column; None if they are not known."""
        if label in self.changed:
            return None
        if self.frame is not None:
            return _range_in_memory(self.frame, label)
        low, high = np.inf, -np.inf
        for fragment in self.fragments:
            for group in fragment.row_groups:
                known = (group.statistics or {}).get(label)
                if group.num_rows == 0:
                    continue
                if known is None or known.get("min") is None or known.get("max") is None:
                    return None
                low, high = min(low, known["min"]), max(high, known["max"])
        return (low, high) if low <= high else None


def facts(table: Any) -> PartitionFacts:
    """Return what is known about the rows of a dask DataFrame."""
    root, changed = origin(table)
    name = type(root).__name__
    known = name.startswith("ReadParquet") or name in ("FromPandas", "FromPandasDivisions")
    if not known or root.operand("_partitions") is not None:
        return PartitionFacts()
    if not name.startswith("ReadParquet"):
        frame = root.operand("frame")._data
        return PartitionFacts(len(frame), frame=frame, changed=changed)
    fragments = [] if root.operand("filters") else _fragments(root)
    if not fragments:
        return PartitionFacts()
    try:
        n_rows = sum(group.num_rows for fragment in fragments for group in fragment.row_groups)
    except (OSError, ValueError):  # who reads the file will say which it is
        return PartitionFacts()
    return PartitionFacts(n_rows, fragments, changed=changed)


def _fragments(root: Any) -> list[Any]:
    info = root._dataset_info
    if "fragments" in info:
        return [bare_fragment(wrapped) for wrapped in info["fragments"]]
    return list(info["ds"].get_fragments()) if "ds" in info else []


def _range_in_memory(frame: pd.DataFrame, label: Hashable) -> tuple[float, float] | None:
    values: Any
    if label in frame.columns:
        values = frame[label]
    elif label in frame.index.names:
        values = frame.index.get_level_values(label).to_series()  # type: ignore[arg-type]
    else:
        return None
    if not len(values) or not pd.api.types.is_any_real_numeric_dtype(values.dtype):
        return None
    low, high = values.min(), values.max()
    return None if pd.isna(low) else (float(low), float(high))
