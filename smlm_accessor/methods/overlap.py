"""Maximum overlap of all localizations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.blocks import track
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels.nena import precision as usual_precision
from smlm_accessor.methods._overlap_movie import N_STAGES, Estimate, estimate
from smlm_accessor.methods._overlap_solve import NoEvidenceError
from smlm_accessor.methods._registry import ChunkedPoints, Registered, check_target, register

_UNSURE = 3.0  # precisions
_DEEPER = 2.0  # times as large is the precision along z, if it is not known
_EMPTY = 0.2  # of the usual quality
_NO_EVIDENCE = (
    "Localizations do not lie where others were at other times, so there is no evidence of any "
    "drift. Is the frame column the right one? If there are structures, filter the table for them."
)


@register("overlap", targets=("all",), chooses_chunks=True)
def overlap(
    points: ChunkedPoints,
    *,
    target: str = "all",
    precision: float | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Find the drift at which localizations lie best on those of all other times.

    The cost is that of [1]_: localizations of a molecule at different times should lie on each
    other, as far as the localization precision allows. It is solved in a new way. Localizations of
    one blink are put together first: they are one observation of where a molecule is. The density
    of all others, those of the same blink left out, then pulls at each, and how the pull changes
    when it is moved says how much it is worth. Pull and worth add up over short segments; a curve
    through them, whose level and slope wander as fast as the data say (by marginal likelihood),
    gives the drift; and so on until nothing moves. The start is the coarse drift of `aim`, and
    jumps of the stage are found and left free.

    Does badly where nothing comes back, as with molecules that are seen once, far from each other;
    and where structures repeat at distances of a few precisions.

    Parameters
    ----------
    points : ChunkedPoints
        In two or three dimensions.
    target : {"all"}
        All localizations are compared with all.
    precision : float, optional
        Localization precision. By default from the uncertainty column; without one, from
        molecules that are seen in successive frames; without such, from the smallest structures.
    threads : int, optional
        All cores by default. The result does not depend on it.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    Registered
        If the user gave no chunks, the segments are so short that a sixth of the time over which
        the curve averages passes in each. ``offset_std`` is the standard deviation of the curve.
        ``quality`` is the mean curvature of the density at the localizations of a segment, in units
        of the kernel's width: near 1 for molecules far apart, 0 for background, and less than 0 for
        what lies beside the structures. Chunks with less than a fifth of the median, and those
        known worse than three precisions, are invalid. ``chosen`` holds precision, width of the
        kernel, how long blinks last, over how many frames the curve averages, the rates of the
        curve (variance per frame that level and slope gain), the factor of the noise that was found
        beyond what the sums promise, jumps (the first frame after each) and the coarse drift's
        choices.

    Raises
    ------
    OptionError
        If an option is out of its range.

    Notes
    -----
    About 60 bytes per localization. A localization without uncertainty counts like the others; with
    it, as one over its square.

    References
    ----------
    .. [1] Cnossen et al., Opt. Express 29, 27961 (2021), https://doi.org/10.1364/OE.426620

    Examples
    --------
    >>> import numpy as np
    >>> from smlm_accessor.methods._registry import ChunkedPoints
    >>> rng = np.random.default_rng(1)
    >>> molecules = rng.uniform(-500, 500, size=(50, 2))
    >>> frames = np.arange(4000)
    >>> positions = molecules[rng.integers(50, size=4000)] + rng.normal(0, 5, size=(4000, 2))
    >>> positions += 0.01 * frames[:, None]
    >>> found = overlap(ChunkedPoints(positions, frames, np.array([0, 4000]), ("x", "y")))
    >>> drift = found.offset[0] - found.offset[-1]
    >>> bool(np.abs(drift - 0.01 * (found.edges[-2] - found.edges[0])).max() < 2)
    True
    """
    check_target("overlap", target)
    if precision is not None and not 0 < precision < np.inf:
        raise OptionError(
            f"precision={precision!r} must be a positive length; leave it out to have it estimated"
        )
    extent = np.ptp(points.positions, axis=0) if len(points.positions) else np.zeros(2)
    axes = np.flatnonzero(extent > 0)
    if len(axes) < 2:
        return _nothing(points)
    if len(axes) < points.positions.shape[1]:
        # Without extent there is no drift along an axis: it is left out, and its offset is 0.
        flat = overlap(points.along(axes), precision=precision, threads=threads, progress=progress)
        return _widened(flat, axes)
    if precision is None:
        sigma = usual_precision(points.positions, points.frames, points.uncertainty)
    else:
        sigma = np.full(len(axes), precision, dtype=np.float64)
    sigma[2:] = np.where(np.isfinite(sigma[2:]) & (sigma[2:] > 0), sigma[2:], _DEEPER * sigma[0])
    if not (np.isfinite(sigma) & (sigma > 0)).all():
        return _nothing(points)
    found: Estimate | None = None
    stages = estimate(points, sigma, given=points.n_chunks > 1, threads=threads)
    try:
        for stage in track(stages, total=N_STAGES, progress=progress, description="overlap"):
            found = stage
    except NoEvidenceError:
        return _nothing(points)
    assert found is not None
    return _registered(points, found, sigma)


def _registered(points: ChunkedPoints, found: Estimate, sigma: FloatArray) -> Registered:
    timeline, state = found.timeline, found.state
    assert state.quality is not None
    usual = float(np.median(state.quality))
    valid = np.asarray((state.std < _UNSURE * sigma).all(axis=1))
    chosen = {"precision": [float(s) for s in sigma], **found.chosen}
    if points.n_chunks == 1:
        offset = np.where(valid[:, None], -state.level, np.nan)
        std = np.where(valid[:, None], state.std, np.nan)
        jumps = np.array(found.chosen["jumps"], dtype=np.int64)
        return Registered(
            offset, state.quality, valid, None, std, chosen, timeline.edges(), jumps=jumps
        )
    valid &= state.quality > _EMPTY * usual
    used = np.flatnonzero(np.diff(points.bounds))
    k, d = points.n_chunks, len(sigma)
    offset, std = np.full((k, d), np.nan), np.full((k, d), np.nan)
    quality, good = np.zeros(k), np.zeros(k, dtype=np.bool_)
    quality[used], good[used] = state.quality, valid
    offset[good], std[good] = -state.level[valid], state.std[valid]
    return Registered(offset, quality, good, None, std, chosen)


def _widened(registered: Registered, axes: IntArray) -> Registered:
    """Return the transformations with all three axes again."""
    assert registered.offset_std is not None
    k = len(registered.offset)
    offset = np.where(registered.valid[:, None], 0.0, np.full((k, 3), np.nan))
    std = np.full((k, 3), np.nan)
    offset[:, axes], std[:, axes] = registered.offset, registered.offset_std
    return replace(registered, offset=offset, offset_std=std)


def _nothing(points: ChunkedPoints) -> Registered:
    """Return that no chunk could be registered."""
    k, d = points.n_chunks, points.positions.shape[1]
    nothing = np.full((k, d), np.nan)
    none = np.zeros(k, dtype=np.bool_)
    return Registered(
        nothing,
        np.zeros(k),
        none,
        None,
        nothing.copy(),
        reason=_NO_EVIDENCE,
        edges=points.edges if k == 1 else None,
    )
