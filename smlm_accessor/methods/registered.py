"""What a method returns: one transformation for each chunk."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.kernels.geometry.smooth_field import SmoothField
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.table.clock import Clock

if TYPE_CHECKING:  # brings numba
    from smlm_accessor.kernels.time_series.trend import Rates


@dataclass(frozen=True)
class Registered:
    """One transformation per chunk: ``corrected = matrix @ position + offset``.

    Parameters
    ----------
    offset : ndarray, shape (n_chunks, d)
        NaN where ``valid`` is False.
    quality : ndarray, shape (n_chunks,)
        Higher is better; each method says what it is.
    valid : ndarray of bool, shape (n_chunks,)
    matrix : ndarray, shape (n_chunks, d, d), optional
        Identity if not given.
    offset_std : ndarray, shape (n_chunks, d), optional
        One standard deviation.
    chosen : dict
        What the method chose from the data, plain JSON values.
    edges : ndarray, shape (n_chunks + 1,), optional
        Frame edges of the chunks, if the method chose them.
    reason : str
        Why chunks are not valid, one sentence, if the method knows.
    runs : ndarray, shape (n, 2), optional
        First and last frame of the runs of frames that stand in the reason in the place of ``{}``.
    jumps : ndarray, shape (n_jumps,), optional
        First frame after each jump that the method knows of; chunks begin there.
    note : str
        What the user has to know of a result that is valid, one sentence.
    pose_std : dict of str to ndarray of shape (n_chunks,) or (n_chunks, 3)
        ``rotation_std``, in radians, of three axes in 3D, and ``log_scale_std``, as far as the
        method knows them.
    local, local_std : ndarray, shape (n_chunks, n_terms, d), optional
        Coefficients of shifts that differ over the ``field``, which are added to positions after
        the offset; and one standard deviation of each. Without matrices only.
    field : SmoothField, optional
    frame : ndarray, shape (n_chunks,), optional
        Mean frame of what was registered in each chunk, if it is not the localizations.

    Examples
    --------
    >>> offset = np.array([[0.0, 0.0], [-3.0, 1.0]])
    >>> two = Registered(offset, quality=np.ones(2), valid=np.array([True, True]))
    >>> two.widened(np.array([0, 1]), 3).offset[1].tolist()
    [-3.0, 1.0, 0.0]
    """

    offset: FloatArray
    quality: FloatArray
    valid: BoolArray
    matrix: FloatArray | None = None
    offset_std: FloatArray | None = None
    chosen: dict[str, Any] = dataclasses.field(default_factory=dict)
    edges: IntArray | None = None
    reason: str = ""
    jumps: IntArray | None = None
    note: str = ""
    pose_std: dict[str, FloatArray] = dataclasses.field(default_factory=dict)
    runs: IntArray | None = None
    local: FloatArray | None = None
    local_std: FloatArray | None = None
    field: SmoothField | None = None
    frame: FloatArray | None = None

    @classmethod
    def failed(
        cls,
        localizations: ChunkedLocalizations,
        reason: str = "",
        chosen: dict[str, Any] | None = None,
        quality: FloatArray | None = None,
    ) -> Registered:
        """Return that no chunk could be registered, and why."""
        k, d = localizations.n_chunks, localizations.positions.shape[1]
        edges = localizations.frame_edges() if k == 1 and len(localizations.frames) else None
        return cls(
            offset=np.full((k, d), np.nan),
            quality=np.zeros(k) if quality is None else quality,
            valid=np.zeros(k, dtype=np.bool_),
            offset_std=np.full((k, d), np.nan),
            chosen=chosen or {},
            edges=edges,
            reason=reason,
        )

    @classmethod
    def at_rest(cls, localizations: ChunkedLocalizations) -> Registered:
        """Return no drift for all chunks that have localizations."""
        k, d = localizations.n_chunks, localizations.positions.shape[1]
        valid = localizations.counts > 0
        return cls(
            offset=np.where(valid[:, None], np.zeros((k, d)), np.nan),
            quality=np.where(valid, 0.0, np.nan),
            valid=valid,
            offset_std=np.full((k, d), np.nan),
        )

    def widened(self, axes: IntArray, d: int) -> Registered:
        """Return the same with ``d`` axes; along those that are not in ``axes`` nothing moves."""
        k = len(self.offset)
        offset = np.where(self.valid[:, None], 0.0, np.full((k, d), np.nan))
        offset[:, axes] = self.offset
        std, matrix = None, None
        if self.offset_std is not None:
            std = np.full((k, d), np.nan)
            std[:, axes] = self.offset_std
        if self.matrix is not None:
            matrix = np.where(self.valid[:, None, None], np.eye(d), np.nan)
            matrix[:, axes[:, None], axes] = self.matrix
        pose_std = {} if d == 3 else self.pose_std  # of other axes
        wide = replace(self, offset=offset, offset_std=std, matrix=matrix, pose_std=pose_std)
        if self.field is None or self.local is None or self.local_std is None:
            return wide
        unknown = np.full((k, len(self.field.terms), d), np.nan)
        still = np.where(self.valid[:, None, None], 0.0, unknown)
        local, local_std = still, still.copy()
        local[:, :, axes], local_std[:, :, axes] = self.local, self.local_std
        return replace(wide, local=local, local_std=local_std, field=self.field.widened(axes, d))

    def in_frames(self, count: FrameCount) -> Registered:
        """Return the same in the frames of the table, from those that were counted."""
        if count.is_own:
            return self
        return replace(
            self,
            edges=None if self.edges is None else count.frame(self.edges),
            jumps=None if self.jumps is None else count.frame(self.jumps),
            runs=None if self.runs is None else count.frame(self.runs),
            chosen=_in_frames(self.chosen, count),
        )


# The variance that a drift gains is per frame; that of its slope, which is per frame itself, per
# frame cubed; and so on.
POWERS = {"bend_per_frame": 3, "jerk_per_frame": 5}


def rates_of(chosen: Mapping[str, Any], clock: Clock, unit: float) -> list[Rates]:
    """Return the rates of the trend of each component; of none, if they are not told.

    They are told in the unit of a clock, and returned for numbers of which each is ``unit`` counts
    of it.

    Examples
    --------
    >>> from smlm_accessor.table.clock import FRAMES, SECONDS
    >>> said = {"walk_per_second": [2.0], "bend_per_second": [0.0], "jerk_per_second": [0.0]}
    >>> rates_of(said, SECONDS, 50_000), rates_of(said, FRAMES, 1)
    ([(0.1, 0.0, 0.0)], [])
    """
    per, found = clock.per_unit / unit, []
    for name in ("walk", "bend", "jerk"):
        told = chosen.get(f"{name}_per_{'second' if clock.is_time else 'frame'}", [])
        found.append((np.array(told) / per ** POWERS.get(f"{name}_per_frame", 1)).tolist())
    return list(zip(*found, strict=True))


def _in_frames(chosen: Mapping[str, Any], count: FrameCount) -> dict[str, Any]:
    """Return what a method chose, lengths and rates in the frames of the table."""
    result: dict[str, Any] = {}
    for name, value in chosen.items():
        if isinstance(value, Mapping):
            result[name] = _in_frames(value, count)
        elif name == "jumps":
            result[name] = count.frame(np.array(value, dtype=np.int64)).tolist()
        elif name.endswith("_per_frame"):
            result[name] = (np.asarray(value) / count.unit ** POWERS.get(name, 1)).tolist()
        elif "frames" in name:
            result[name] = (np.asarray(value) * count.unit).tolist()
        else:
            result[name] = value
    return result
