"""Localizations as arrays that are taken, joined and sorted together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels import by_column


@dataclass(frozen=True)
class LocalizationArrays:
    """Localizations in any order.

    Parameters
    ----------
    positions : ndarray, shape (n, d), C order
        Coordinates; NaN where missing.
    frames : ndarray, shape (n,)
        Frame of each localization.
    uncertainty : ndarray, shape (n, d), optional
        Localization precision; NaN for a component without.
    group : ndarray, shape (n,), optional
        A number for each localization, such as that of its field block or chunk.
    trace : ndarray, shape (n,), optional
        A number for each localization, the same within a trace; negative where it is not known.

    Examples
    --------
    >>> some = LocalizationArrays(np.array([[3.0, 0], [1, 0], [2, 0]]), np.array([1, 0, 0]))
    >>> some.sorted().positions[:, 0], some.take(some.frames == 0).frames
    (array([1., 2., 3.]), array([0, 0]))
    """

    positions: FloatArray
    frames: IntArray
    uncertainty: FloatArray | None = field(default=None, kw_only=True)
    group: IntArray | None = field(default=None, kw_only=True)
    trace: IntArray | None = field(default=None, kw_only=True)

    @property
    def finite(self) -> BoolArray:
        """Which rows have all coordinates, shape (n,)."""
        return by_column.all_finite(self.positions)

    @property
    def usable(self) -> BoolArray | slice:
        """The same, or all rows without a look at each."""
        return slice(None) if np.isfinite(self.positions.sum()) else self.finite

    def take(self, rows: BoolArray | IntArray | slice) -> Self:
        """Return some of the localizations."""
        if not isinstance(rows, slice):  # by number: by far the quickest where there are columns
            rows = np.flatnonzero(rows) if rows.dtype == bool else rows

        def some(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return values[rows] if isinstance(rows, slice) else values.take(rows, axis=0)

        return replace(
            self,
            positions=some(self.positions),
            frames=some(self.frames),
            uncertainty=None if self.uncertainty is None else some(self.uncertainty),
            group=None if self.group is None else some(self.group),
            trace=None if self.trace is None else some(self.trace),
        )

    def sorted(self) -> Self:
        """Return the same in the order of frames and of coordinates, which are finite.

        Sums over them are then the same to the last digit, whatever the order of rows was.
        """
        from smlm_accessor.kernels.frames.order import in_order  # brings a compiler

        return self.take(in_order(self.frames, self.positions))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Put several together; what is known of them besides is that of the first."""
        first = parts[0]
        if len(parts) == 1:
            return first
        return replace(
            first,
            positions=np.concatenate([part.positions for part in parts]),
            frames=np.concatenate([part.frames for part in parts]),
            uncertainty=_joined([part.uncertainty for part in parts]),
            group=_joined([part.group for part in parts]),
            trace=_joined([part.trace for part in parts]),
        )


def _joined(parts: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None
