"""Adaptive intersection maximization."""

from __future__ import annotations

from typing import Any

import numpy as np

from smlm_accessor.backends import track
from smlm_accessor.kernels.neighbours.nena import precision as usual_precision
from smlm_accessor.methods.aim.dependence import dependence
from smlm_accessor.methods.aim.fit import Fit, evidence_of, of_chunks, of_time, settled
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.coarse.throughout import coarse
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length, optional_count

_ROUNDS = 5
# Precisions that segments, and chunks, may still move by when it is done. Large chunks are a large
# part of what they are fitted into, and there are few.
_STILL = (0.2, 0.0)
_REASON = (
    "What these localizations have in common with the others does not stand out from chance; "
    "longer chunks, or a sample that blinks at the same places again, would help."
)


@register(
    "aim",
    targets=("all",),
    chooses_chunks=True,
    checks={"intersect_distance": length, "frames_per_segment": optional_count},
)
def aim(
    localizations: ChunkedLocalizations,
    *,
    intersect_distance: float | None = None,
    frames_per_segment: int | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Register segments of time by maximizing their intersection with all others.

    Does badly where hardly any place is seen twice, and on structures that look the same at every
    shift; within a segment, where drift is a straight line.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        In two or three dimensions.
    intersect_distance : float, optional
        Edge of the cells that are intersected, in x and y. By default twice the localization
        precision. Along z it is as much longer as localizations are less precise.
    frames_per_segment : int, optional
        By default as many as promise the least error of the curve through the segments. Has no
        meaning where the caller gives chunks.
    threads : int, optional
        All cores by default. The result does not depend on it.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    Registered
        ``quality`` is how far the number of molecules that share a key with all others stands out
        from that at other shifts, in standard deviations of chance; where the method chooses the
        segments it is that of the coarse segment each begins in. ``offset_std`` is what the
        positions of the segment's own localizations contribute; as these depend on each other, in
        blinks, it is made larger by as much as squares of the field show. ``chosen`` holds the
        precision, the distance, the length of the segments, and jumps (the first frame after each).

    Raises
    ------
    OptionError
        If an option is out of its range.

    Notes
    -----
    As in the paper, coordinates are cut into cells, a segment is compared with the image of all
    that is already registered, then with all others without itself. What differs: a cell keeps
    the sum of places within it, so that the last step is Newton's for the likelihood of positions
    under the density of the others, and no digits are lost to cells. Of several shifts that match
    the likeliest by continuity is taken, so that a lattice is followed. Segments that do not match
    are looked for farther away, then joined. Several lengths are followed; that of which the image
    is sharpest is the start. The final length is the one whose curve predicts every other short
    segment best.

    References
    ----------
    Ma et al., Sci. Adv. 10, eadm7765 (2024), https://doi.org/10.1126/sciadv.adm7765

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> sites = rng.uniform(-2000, 2000, size=(100, 2))
    >>> frames = np.repeat(np.arange(500), 10)
    >>> positions = sites[rng.integers(100, size=5000)] + rng.normal(0, 5, size=(5000, 2))
    >>> positions += 0.1 * frames[:, None]
    >>> localizations = ChunkedLocalizations(positions, frames, np.array([0, 5000]), ("x", "y"))
    >>> found = aim(localizations)
    >>> bool(found.valid.all()), len(found.offset) == len(found.edges) - 1
    (True, True)
    """
    if intersect_distance is not None and localizations.positions.shape[1] == 2:
        sigma = np.full(2, intersect_distance / 2)
    else:
        sigma = usual_precision(
            localizations.positions, localizations.frames, localizations.uncertainty
        )
    if intersect_distance is not None:
        sigma = sigma * (intersect_distance / 2 / np.sqrt(sigma[0] * sigma[1]))
    found = coarse(localizations, sigma, threads=threads)
    chosen: dict[str, Any] = {"precision": [float(s) for s in sigma], **found.chosen}
    chosen["intersect_distance"] = float(2 * np.sqrt(sigma[0] * sigma[1]))
    fit = Fit(localizations, sigma, threads)
    edges, before = None, None
    if localizations.n_chunks > 1:
        motion, quality = of_chunks(localizations, found, fit)
    else:
        edges, motion = of_time(localizations, found, fit, chosen, frames_per_segment)
        quality = evidence_of(found, edges)
    variance = np.full_like(motion.drift, np.nan)
    for _ in track(range(_ROUNDS), total=_ROUNDS, progress=progress, description="aim"):
        if settled(motion, before, _STILL[localizations.n_chunks > 1] * sigma):
            continue
        before = motion
        motion, variance = fit.round(motion)
    d = localizations.positions.shape[1]
    valid = np.isfinite(motion.drift[:, :d]).all(axis=1)
    valid &= valid.sum() > 1
    variance = variance * dependence(fit, motion)
    std = np.where(valid[:, None], np.sqrt(variance[:, :d]), np.nan)
    return Registered(
        np.where(valid[:, None], 0.0 - motion.drift[:, :d], np.nan),
        quality,
        valid,
        offset_std=np.where(std > 0, std, np.nan),
        chosen=chosen,
        edges=edges,
        reason="" if valid.all() else _REASON,
        jumps=found.jumps if edges is not None else None,
    )
