"""Maximum overlap of the localizations of different times."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.backends import ProgressBar
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.density.pair_kernel import SAID
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.coarse.throughout import registered_coarsely
from smlm_accessor.methods.overlap.between_times import (
    Connection,
    DriftOfWindows,
    drift_of_windows,
)
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.evidence import MOST, UNSURE, judged
from smlm_accessor.methods.overlap.first_drift import FEW, first_drift, told_chunks
from smlm_accessor.methods.overlap.iteration import (
    DriftEstimate,
    NoEvidenceError,
)
from smlm_accessor.methods.overlap.jumps.errors import jump_errors
from smlm_accessor.methods.overlap.motions.choice import TRANSFORMATIONS
from smlm_accessor.methods.overlap.motions.turns import with_transformation
from smlm_accessor.methods.overlap.prior.alone import prior_alone
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.methods.overlap.refinement import refined
from smlm_accessor.methods.precision import precision_along
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length, require_choice
from smlm_accessor.timeline import Windows

_EMPTY = 0.2  # of the usual quality; chunks with less are not valid
# Probability by chance of what a coarse drift shows: with more, a better one is not looked for.
_PERHAPS = 0.05
_NO_EVIDENCE = (
    "Localizations do not lie where others were at other times, so there is no evidence of any "
    "drift. Are there enough of them? Is the column of frames or times the right one? If most are "
    "background, filter the table for structures."
)


def _coarsely(
    localizations: ChunkedLocalizations,
    *,
    precision: float | None = None,
    transformation: str = "shift",
    threads: int | None = None,
    **others: Any,
) -> Registered:
    """Return the coarse drift; of a sample that does more than move, it would tell nothing."""
    if transformation not in ("shift", "auto"):
        return Registered.failed(localizations)
    sigma = precision_along(localizations, precision)
    return registered_coarsely(localizations, sigma, threads=threads)


@register(
    "overlap",
    targets=("all",),
    chooses_chunks=True,
    coarse=_coarsely,
    takes_start=True,
    takes_prior=True,
    checks={
        "precision": partial(length, remedy="leave it out to have it estimated"),
        "transformation": partial(require_choice, choices=TRANSFORMATIONS),
    },
)
def overlap(
    localizations: ChunkedLocalizations,
    *,
    precision: float | None = None,
    transformation: str = "shift",
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    r"""Find the drift at which localizations of different times overlap best.

    The cost is that of [1]_, the logarithm of the density of all other events at each, summed; it
    is maximized in another way. From a coarse drift, localizations of one blink are merged into
    one event, for they observe the position of a molecule once. With positions less the drift so
    far, in precisions, an event ``i`` lies in the density of the events ``j`` of other times, those
    that could be of the same blink left out: ``f_i = sum_j K(E_ij) / sqrt(prod S_ij)``. Here ``E =
    sum(d**2 / S)`` is the squared distance, over the variance ``S = factor * (v_i + v_j) + spread``
    of the two events, ``v = 1 / weight``; and ``K`` is near ``exp(-E / 2)``. The steps are:

    1. The gradient ``g`` of ``log(floor + f)`` and its curvature ``c = -dg/dx`` add up over short
       windows. ``sum(g) / sum(c)`` is how far a window has to move, and ``sum(c)**2 / sum(g**2)``
       is the information of it: one over its variance. The curvature is what so many pairs have on
       average, at times that are alike: with more background, more of them are by chance.
    2. A trend through the windows is the drift. Level, slope and acceleration are random walks,
       with rates and a factor of the noise from the marginal likelihood; a straight line, unless a
       curve is worth its rates [2]_. Steps 1 and 2 take turns until nothing moves.
    3. Jumps of the sample are where the values before and after predict levels that differ more
       than chance explains (chi-squared). Each is in the median of the possible frames, by the
       likelihood ``sum(log(1 + f / floor))`` of localizations, and by blinks that go on from one
       frame to the next where they were, or a step away. The trend starts anew there.
    4. Where the structure repeats, parts of the movie may lie a period off. The ends of a lattice
       tell: if events of one side of a cut fit the map of the other side clearly better one period
       away, they are moved. Where molecules live for a short time, others beside them take their
       places; there, the drift steps where pairs of events that are near in time differ more often
       by a shift than by the opposite one (4.5 standard deviations), and than by nothing.
    5. Steps 1 and 2 go on with the ``factor``, ``spread`` and ``floor`` of the largest information.
       The spread is 4 squared precisions at first, by which the drift may be wrong (64 and 16 come
       before if they promise more information), and then 0, or 1 where the localizations of a blink
       share an error. Events as precise as each other get the common weight ``sum(c) / sum(g**2)``.
    6. What is rather noise in the slopes of the segments is taken off [3]_, all of it if they are
       not worth their number [2]_: where nothing moves, most often no drift is left.

    Does badly where nothing comes back, as with molecules that are seen once, far from each other;
    and where structures repeat at distances of a few precisions and no end of them is seen.

    Parameters
    ----------
    precision : float, optional
        Localization precision. By default from the uncertainty column; without one, from
        molecules that are seen in successive frames; without such, from the smallest structures.
    transformation : {"shift", "rigid", "similarity", "affine", "local", "auto"}, default "shift"
        What the sample does over time: it only moves; it also turns; grows; and shears; or it
        flows: shifts differ smoothly over the field, as the data say by polynomials up to the third
        order, or not at all. ``"auto"`` takes the least free one that has all that is not chance
        (probability 0.001, judged on field blocks that were not used).

    Returns
    -------
    Registered
        If the user gave no chunks, they are so short that a sixth of the time over which the trend
        averages passes in each. ``offset_std`` is the standard deviation against the mean of the
        table: of the trend, and where molecules bleach, of the joint drift, below; no less than is
        usual near a time, though a line that crosses the mean is certain there. Beside a jump it
        holds that the frame of the jump may be another one. ``quality`` is the information of a
        chunk over what its events would have if the emitters were known: near 1 for molecules far
        apart, 0 for background, and less than 0 for what lies beside the structures. Invalid are
        chunks known worse than three precisions (but for the frame of a jump), runs of chunks that
        lie on nothing where the usual quality would have been seen, and of given chunks those with
        less than a fifth of the median quality. No chunk is valid where chance gives as much
        curvature in one of a thousand tables, with the coarse drift, nor with the refined one; it
        is told from the scatter over blocks of the field.
        ``chosen`` holds precision, factor, spread and floor of the density,
        how long blinks last, over how many frames the trend averages, its rates (variance per frame
        that level, slope and acceleration gain), the factor of the noise that was found beyond what
        the sums promise, jumps (the first frame after each) and the choices of the coarse drift;
        of a prior, by which factor its standard deviations are larger than it says.

    Notes
    -----
    What windows of time know of each other, of 125 to 500: event :math:`j` has the responsibility
    :math:`r_{ij} / S_{ij}` and the curvature :math:`r_{ij} / S_{ij} - r'_{ij} d^2 / S_{ij}^2 +
    r_{ij} d g_i / S_{ij}` at event :math:`i`, whose mean is 0 for pairs by chance. They add up to
    :math:`R_{st}` and :math:`C_{st}` for two windows. The share :math:`\rho = C / R`, of pairs
    that are of one molecule, falls with the lag in time where molecules bleach: then errors add up
    like a random walk. Where earlier and later windows know each other less than 0.8 times as if it
    did not fall, or where turns have not come to rest, all windows are solved together, with the
    information :math:`L = \mathrm{diag}(W 1) - W`, :math:`W_{st} = \rho_{st}^2 R_{st} / \kappa`,
    the gradient weighted by :math:`\rho_{st}`, and random walks of level or slope, averaged over
    their rates by the marginal likelihood. Errors of molecules that are paired with others beside
    them are not independent: slow changes count as much less as squares of the field agree less on
    them than :math:`L` says. Windows near each other that contradict a straight line which all
    agree on have the say: late molecules may lie on early ones of the next layer of a structure.

    Parts of the table share no more than chance gives (probability 0.01, times the positions at
    which they could have been placed): where what windows before and after share ends, and between
    segments on either side of a far step of the drift. A part is laid on the largest at the shift,
    among all, at which images of both have most in common; steps 1 to 3 follow, and the test again.
    Parts that still share nothing are not valid, and the warning names their frames.

    A prior is a second value of windows, with variances of its own, and a constant that is not
    known; its information :math:`\mathrm{diag}(w) - w w^T / \sum w` adds to :math:`L`. Its
    variances are larger if what windows show by themselves contradicts them (probability 0.001).

    A sample that turns, grows or shears has parameters :math:`p_k` with generators :math:`G_k`
    about the centre of the table, and corrected positions are :math:`\exp(-\sum_k p_k G_k) (x -
    drift)`. Field blocks :math:`b` with the mean position :math:`x_b` move by :math:`v_b = G_k x_b`
    less its mean, weighted by their curvature; then :math:`\sum_b g_b v_b` is the gradient of the
    parameter and :math:`\sum_b c_b v_b^2` its curvature, in up to 200 windows, and a trend through
    their steps is the parameter over time, as for the shift. Both take turns until they rest. It
    goes on through jumps, which are those of the shift. Where a kernel that is wider by ten
    precisions still sees such a motion, parts of the field went further than the density of events
    reaches, and all is done again, with kernels wider by ten and three precisions first; if it is
    still seen then, a warning says so. ``offset_std`` is that of the centre; ``rotation_std`` and
    ``log_scale_std`` come with it.

    Of a sample that flows, the parameters are the coefficients of Legendre polynomials over the
    field, up to the highest order that tells something: combined by a Cholesky factor of their
    products over the blocks, so that :math:`\sum_b c_b v_b w_b = 0` for two of them, and without
    the mean. Then each is found by itself. What is left is looked at again, since a far motion
    hides terms of higher orders.

    About 110 to 200 bytes per localization, most of them of small tables. A localization without
    uncertainty counts like the others; with it, as one over its square.

    References
    ----------
    .. [1] Cnossen et al., Opt. Express 29, 27961 (2021), https://doi.org/10.1364/OE.426620
    .. [2] Akaike, IEEE Trans. Autom. Control 19, 716 (1974),
       https://doi.org/10.1109/TAC.1974.1100705
    .. [3] Efron and Morris, J. Am. Stat. Assoc. 68, 117 (1973),
       https://doi.org/10.1080/01621459.1973.10481350

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
    d = localizations.positions.shape[1]
    axes = np.flatnonzero(by_column.extent(localizations.positions) > 0)
    if len(axes) < 2:
        return Registered.failed(localizations, _NO_EVIDENCE)
    if len(axes) < d:  # x or y; the runner sees to z
        found = overlap(
            localizations.along(axes),
            precision=precision,
            transformation=transformation,
            threads=threads,
            progress=progress,
        )
        return found.widened(axes, d)
    sigma = precision_along(localizations, precision)
    with ProgressBar(3, shown=progress, description="overlap") as bar:
        try:
            return _estimate(localizations, sigma, transformation, threads, bar)
        except NoEvidenceError:
            if localizations.prior is None:
                return Registered.failed(localizations, _NO_EVIDENCE)
            return prior_alone(localizations, WeightedLocalizations.of(localizations, sigma))


def _estimate(
    localizations: ChunkedLocalizations,
    sigma: FloatArray,
    transformation: str,
    threads: int | None,
    bar: ProgressBar,
) -> Registered:
    given = localizations.n_chunks > 1
    rows = WeightedLocalizations.of(localizations, sigma)
    first = first_drift(localizations, rows, sigma, threads)
    bar.advance()
    if (first.estimate.chance > _PERHAPS).any():
        raise NoEvidenceError
    found = refined(first, localizations, rows, sigma, threads)
    evident = (first.estimate.chance <= FALSE_ALARM).all()
    first, windows, density, prior, estimate, frames_per_chunk = found
    if not evident and (estimate.chance > FALSE_ALARM).any():
        raise NoEvidenceError
    bar.advance()
    moved, what, note = with_transformation(transformation, estimate, windows, density, rows, prior)
    bar.advance()
    estimate, density, rows, motion = moved
    seen = judged(density, estimate.drift, windows.timeline, every=density.one_in(FEW))
    on_nothing = estimate.nothing[windows.of_frame] | seen.ends_on_nothing
    told = estimate, windows, density, first.connection, on_nothing, prior
    joint = drift_of_windows(*told, given=given)
    by_jumps = jump_errors(estimate.drift, windows, density, rows)
    chosen: dict[str, Any] = {
        "precision": sigma.tolist(),
        **dict(zip(SAID, density.kernel, strict=True)),
        "blink_frames": first.events.lifetime,
        "smoothing_frames": joint.smoothing_time,
        "noise_factor": [float(t.noise) for t in estimate.trends],
        "walk_per_frame": [float(t.walk) for t in estimate.trends],
        "bend_per_frame": [float(t.bend) for t in estimate.trends],
        "jerk_per_frame": [float(t.jerk) for t in estimate.trends],
        "coarse": first.chosen,
        **what,
    }
    if prior is not None:
        chosen["prior_std_factor"] = np.sqrt(prior.factor).tolist()
    if not given:
        chosen["frames_per_chunk"] = frames_per_chunk
        chosen["jumps"] = windows.timeline.jumps.tolist()
    results = joint, by_jumps, first.connection, prior
    nothing = windows.mean(on_nothing.astype(np.float64)) > MOST
    registered = _registered(localizations, estimate, nothing, windows, results, chosen)
    if motion is None:
        return registered
    registered = replace(registered, note=" ".join(filter(None, (registered.note, note))))
    used = told_chunks(localizations) if given else np.arange(len(windows))
    return motion.applied_to(registered, used, windows.mean_frame)


def _registered(
    localizations: ChunkedLocalizations,
    estimate: DriftEstimate,
    nothing: BoolArray,
    windows: Windows,
    results: tuple[DriftOfWindows, FloatArray, Connection, Prior | None],
    chosen: dict[str, Any],
) -> Registered:
    """Return the drift of windows as offsets of chunks, and which of them are valid."""
    given, (found, by_jumps, known, prior) = localizations.n_chunks > 1, results
    precise = (found.std < UNSURE * np.array(chosen["precision"])).all(axis=1)
    seen = ~nothing
    if given:
        seen &= estimate.quality > _EMPTY * np.median(estimate.quality)
    if prior is not None:
        by_prior = prior.spanned(windows.timeline)
        known = known.spanned(by_prior)
        seen |= windows.mean(by_prior.astype(np.float64)) > 0
    connected = windows.mean((known.part != 0).astype(np.float64)) == 0
    valid = np.asarray(connected & seen & precise)
    offset = np.where(valid[:, None], -found.level, np.nan)
    std = np.where(valid[:, None], np.sqrt(found.std**2 + by_jumps), np.nan)
    reason = known.reason(windows.timeline)
    reason["note"] = "" if prior is None else prior.note(localizations.components)
    if not given:
        return Registered(
            *(offset, estimate.quality, valid, None, std, chosen, windows.edges),
            jumps=windows.timeline.jumps,
            **reason,
        )
    k, d = localizations.n_chunks, offset.shape[1]
    used = told_chunks(localizations)
    offsets, stds = np.full((2, k, d), np.nan)
    quality, good = np.zeros(k), np.zeros(k, dtype=np.bool_)
    offsets[used], stds[used], quality[used], good[used] = offset, std, estimate.quality, valid
    return Registered(offsets, quality, good, None, stds, chosen, **reason)
