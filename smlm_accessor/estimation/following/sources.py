"""What can be followed: tables one after the other, a file that grows, a table that is replayed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from smlm_accessor.errors import SmlmError
from smlm_accessor.estimation.following.follower import Follower
from smlm_accessor.options import number

_SECONDS, _ROWS = 10.0, 10_000  # from one look at a file, and in one update of a table


def follow(
    source: str | PathLike[str] | pd.DataFrame | Iterable[pd.DataFrame] | None = None,
    *,
    every: float | None = None,
    patience: float = 60.0,
    growth: float = 1.5,
    wait: bool = True,
    **options: Any,
) -> Follower | Iterator[Follower]:
    """Return a follower, or give it after each update; see `smlm_accessor.follow`."""
    follower = Follower(growth=growth, wait=wait, **options)
    if source is None:
        return follower
    if isinstance(source, str | PathLike):
        seconds = number("every", _SECONDS if every is None else every, above=0.0)
        tables = _growing(Path(source), seconds, number("patience", patience, least=0.0))
    elif isinstance(source, pd.DataFrame):
        n = max(int(number("every", _ROWS if every is None else every, least=1.0)), 1)
        tables = (source.iloc[first : first + n] for first in range(0, len(source), n))
    else:
        tables = iter(source)
    return _followed(follower, tables)


def _followed(follower: Follower, tables: Iterable[pd.DataFrame]) -> Iterator[Follower]:
    for table in tables:
        follower.update(table)
        yield follower


def _growing(path: Path, seconds: float, patience: float) -> Iterator[pd.DataFrame]:
    """Yield the rows that a file has more at each look.

    While a program writes, a file may not be readable; the next look may find it so.
    """
    from smlm_accessor.io import read

    n_seen, size, since = 0, -1, time.monotonic()
    while True:
        found = path.stat().st_size if path.exists() else -1
        table = None
        if found != size:
            try:
                table = read(path)
                size = found
            except (SmlmError, OSError):
                if time.monotonic() - since > patience:
                    raise
        if table is not None and len(table) > n_seen:
            new = table.iloc[n_seen:]
            new.attrs = table.attrs
            n_seen, since = len(table), time.monotonic()
            yield new
        elif time.monotonic() - since > patience:
            return
        time.sleep(seconds)
