"""The rows of a part of a table, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class RowBlocks:
    """A part of a table that is read while it is gone through, at least one block of rows.

    The ``example`` has the columns and attrs of each block, and no rows; blocks carry no attrs, all
    of which pandas copies with everything it makes of them.
    """

    example: pd.DataFrame
    read: Callable[[], Iterator[pd.DataFrame]]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Read the blocks, one after the other."""
        return self.read()


#: What a step over rows takes that needs them block by block only.
Rows = pd.DataFrame | RowBlocks
