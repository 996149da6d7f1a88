"""Maximum overlap of all localizations."""

from __future__ import annotations

from functools import partial

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import track
from smlm_accessor.kernels.neighbours.nena import precision as usual_precision
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.overlap.solve import NoEvidenceError
from smlm_accessor.methods.overlap.stages import N_STAGES, Estimate, estimate
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length

_UNSURE = 3.0  # precisions
_DEEPER = 2.0  # times as large is the precision along z, if it is not known
_EMPTY = 0.2  # of the usual quality
_NO_EVIDENCE = (
    "Localizations do not lie where others were at other times, so there is no evidence of any "
    "drift. Is the frame column the right one? If there are structures, filter the table for them."
)


@register(
    "overlap",
    targets=("all",),
    chooses_chunks=True,
    checks={"precision": partial(length, remedy="leave it out to have it estimated")},
)
def overlap(
    localizations: ChunkedLocalizations,
    *,
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
    localizations : ChunkedLocalizations
        In two or three dimensions.
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
    >>> from smlm_accessor.methods.api import ChunkedLocalizations
    >>> rng = np.random.default_rng(1)
    >>> molecules = rng.uniform(-500, 500, size=(50, 2))
    >>> frames = np.arange(4000)
    >>> positions = molecules[rng.integers(50, size=4000)] + rng.normal(0, 5, size=(4000, 2))
    >>> positions += 0.01 * frames[:, None]
    >>> found = overlap(ChunkedLocalizations(positions, frames, np.array([0, 4000]), ("x", "y")))
    >>> drift = found.offset[0] - found.offset[-1]
    >>> bool(np.abs(drift - 0.01 * (found.edges[-2] - found.edges[0])).max() < 2)
    True
    """
    if precision is None:
        sigma = usual_precision(
            localizations.positions, localizations.frames, localizations.uncertainty
        )
    else:
        sigma = np.full(localizations.positions.shape[1], precision, dtype=np.float64)
    sigma[2:] = np.where(np.isfinite(sigma[2:]) & (sigma[2:] > 0), sigma[2:], _DEEPER * sigma[0])
    if not (np.isfinite(sigma) & (sigma > 0)).all():
        return Registered.failed(localizations, _NO_EVIDENCE)
    found: Estimate | None = None
    stages = estimate(localizations, sigma, given=localizations.n_chunks > 1, threads=threads)
    try:
        for stage in track(stages, total=N_STAGES, progress=progress, description="overlap"):
            found = stage
    except NoEvidenceError:
        return Registered.failed(localizations, _NO_EVIDENCE)
    assert found is not None
    return _registered(localizations, found, sigma)


def _registered(
    localizations: ChunkedLocalizations, found: Estimate, sigma: FloatArray
) -> Registered:
    windows, state = found.windows, found.state
    assert state.quality is not None
    usual = float(np.median(state.quality))
    valid = np.asarray((state.std < _UNSURE * sigma).all(axis=1))
    chosen = {"precision": [float(s) for s in sigma], **found.chosen}
    if localizations.n_chunks == 1:
        offset = np.where(valid[:, None], -state.level, np.nan)
        std = np.where(valid[:, None], state.std, np.nan)
        jumps = np.array(found.chosen["jumps"], dtype=np.int64)
        return Registered(
            offset, state.quality, valid, None, std, chosen, windows.edges, jumps=jumps
        )
    valid &= state.quality > _EMPTY * usual
    used = np.flatnonzero(np.diff(localizations.bounds))
    k, d = localizations.n_chunks, len(sigma)
    offset, std = np.full((k, d), np.nan), np.full((k, d), np.nan)
    quality, good = np.zeros(k), np.zeros(k, dtype=np.bool_)
    quality[used], good[used] = state.quality, valid
    offset[good], std[good] = -state.level[valid], state.std[valid]
    return Registered(offset, quality, good, None, std, chosen)
