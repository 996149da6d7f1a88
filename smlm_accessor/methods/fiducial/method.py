"""Drift from fiducial markers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels import by_column
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.fiducial.motion import CommonMotion, choose_windows, common_motion
from smlm_accessor.methods.fiducial.traced import beads_of
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length, number
from smlm_accessor.timeline import Timeline

_NO_BEADS = (
    "No beads were found, that is places with a localization in at least {:.0%} of the frames; "
    "say where they are (fiducials=, radius=), or use another method, for example 'rcc'."
)
_MOST_NAMED = 5  # beads, in a warning
_NOT_SEEN = "No bead is seen there in at least half of the frames."


@register(
    "fiducial",
    targets=("all",),
    chooses_chunks=True,
    samples="time",
    merges_traces=False,
    checks={
        "radius": length,
        "presence": partial(number, above=0, most=1, remedy="it is a part of the frames"),
    },
)
def fiducial(
    localizations: ChunkedLocalizations,
    *,
    fiducials: npt.ArrayLike | None = None,
    radius: float | None = None,
    presence: float = 0.8,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Register chunks by beads that are seen in nearly all frames.

    Beads are found as spots that have a localization in most frames of a short window, and
    followed from window to window, also over a jump of the stage and where some are lost for a
    while. In every frame the nearest localization within a radius is the bead's. Where the table
    says which trace a localization is of (monitoring beads of MINFLUX), traces that last are the
    beads, each with times of its own.

    The common motion of all beads and their places are then solved for together by weighted least
    squares. The weight of a bead in a window is ``1 / (jitter / count + wander)``, with the
    variance ``wander`` of its own motion, along each axis; so a bead that appears, is lost or moves
    by itself makes no step. Differences of two beads hold no drift: from the variances of all pairs
    follow those of each, as in a three-cornered hat [1]_. They are a white part and a random walk.
    Beads have them in common, but for those without which the others fit better than by chance:
    these are left out one at a time, get variances of their own, and are loose if these are larger.

    Does badly with few beads that do not stick to the sample. With a single bead, its own motion
    and the drift cannot be separated; with two, nothing tells which of them moves.

    Parameters
    ----------
    fiducials : array_like, shape (n, 2) or (n, 3), or DataFrame, optional
        Where beads are in the first frames, in the units of the table, or what
        ``table.smlm.find_fiducials()`` gave, or rows of it. By default they are found.
    radius : float, optional
        How far from where it is expected a localization of a bead may be. By default five times
        the localization precision, and more if too few beads are found so.
    presence : float, default 0.8
        Part of the frames in which a bead has to be seen, unless ``fiducials`` are given.

    Returns
    -------
    Registered
        ``quality`` is the number of beads that are seen in a chunk. Chunks in half of whose frames
        no bead is seen are invalid. ``offset_std`` is from the jitter of the beads and their own
        motion: against the mean of the table it is larger at both ends. ``chosen`` holds the places
        of the beads (in the units of the table, as they are in the beginning), their weights, which
        add up to 1, the part of the frames in which each is seen, the frames per chunk, jumps (the
        first frame after each), ``own_motion`` of each bead along each axis (one standard deviation
        over all time), which of them are ``loose``, and the numbers of their traces if they are
        known.

    References
    ----------
    .. [1] Gray and Allan, Proc. 28th Frequency Control Symp., 243 (1974),
       https://doi.org/10.1109/FREQ.1974.200027

    Examples
    --------
    >>> import numpy as np
    >>> from smlm_accessor.methods.api import ChunkedLocalizations
    >>> rng = np.random.default_rng(1)
    >>> frames = np.repeat(np.arange(1000), 2)
    >>> beads = np.tile([[20.0, 30.0], [70.0, 10.0]], (1000, 1))
    >>> drift = np.stack([frames * 0.01, np.sin(frames / 200)], axis=1)
    >>> positions = beads + drift + rng.normal(0, 0.1, (2000, 2))
    >>> bounds = np.array([0, 1000, 2000])
    >>> found = fiducial(ChunkedLocalizations(positions, frames, bounds, ("x", "y")))
    >>> (found.offset[1, 0] - found.offset[0, 0]).round(1)
    np.float64(-5.0)
    """
    if fiducials is not None and hasattr(fiducials, "columns"):
        fiducials, radius = places_in(fiducials, radius)
    given = None if fiducials is None else _positions(localizations, fiducials)
    beads = beads_of(localizations, given=given, radius=radius, presence=presence)
    if not len(beads.paths):
        reason = _NO_BEADS.format(presence) if given is None else _NOT_SEEN
        return Registered.failed(localizations, reason)
    timeline = Timeline.of(localizations.frames, localizations.jumps)
    edges = jumps = None
    if localizations.n_chunks > 1:
        windows = timeline.cut(localizations.frame_edges())
    else:
        windows, jumps = choose_windows(localizations.positions, beads, timeline)
        edges = windows.edges
    motion = common_motion(
        localizations.positions, beads, windows, threads=threads, progress=progress
    )
    wide = by_column.extent(localizations.positions) > 0
    std = np.sqrt(np.where(wide & (motion.variance > 0), motion.variance, np.nan))
    center = 0.0 if localizations.center is None else localizations.center
    chosen: dict[str, Any] = {
        "beads": (motion.place + center).tolist(),
        "weights": motion.weight.tolist(),
        "presences": beads.presence.tolist(),
        "radius": beads.paths.radius,
        "own_motion": np.sqrt(motion.wander).tolist(),
        "loose": np.flatnonzero(motion.loose).tolist(),
    }
    if beads.trace is not None:
        chosen["traces"] = beads.trace.tolist()
    if edges is not None and jumps is not None:
        chosen["frames_per_chunk"] = float(np.median(np.diff(edges)))
        chosen["jumps"] = jumps.tolist()
    return Registered(
        -motion.drift + 0.0, motion.n_beads, motion.valid, None, std, chosen, edges,
        "" if motion.valid.all() else _NOT_SEEN, jumps, _named(motion, chosen),
    )  # fmt: skip


def _named(motion: CommonMotion, chosen: dict[str, Any]) -> str:
    """Return a sentence that names the beads that are loose, empty if none is."""
    loose = np.flatnonzero(motion.loose)
    if not len(loose):
        return ""
    far = np.sqrt(motion.wander[:, :2].mean(axis=1))
    usual = float(np.median(far[~motion.loose]))
    numbers = chosen.get("traces", range(len(far)))
    places = [", ".join(f"{c:.0f}" for c in place) for place in chosen["beads"]]
    each = [f"bead {numbers[k]} at ({places[k]}) by {far[k]:.3g}" for k in loose[:_MOST_NAMED]]
    more = f" and {len(loose) - _MOST_NAMED} more" if len(loose) > _MOST_NAMED else ""
    return (
        f"{len(loose)} of {len(far)} beads move by themselves: {'; '.join(each)}{more}, along x or "
        f"y, in the units of the table; the others by {usual:.2g}. They count little "
        f"({motion.weight[loose].sum():.1%} of the weight)."
    )


def places_in(beads: Any, radius: float | None = None) -> tuple[FloatArray, float | None]:
    """Return the places in a table of beads, shape (n, 2), and the radius it says."""
    if not {"x", "y"} <= set(beads.columns):
        raise OptionError(
            f"fiducials must have columns x and y; this table has {', '.join(map(str, beads))}. "
            "beads = table.smlm.find_fiducials() makes one"
        )
    if not len(beads):
        raise OptionError(
            "fiducials is a table without rows: no bead was found, or none was left by a selection"
        )
    if radius is None and "radius" in beads.columns:
        radius = float(beads["radius"].max())
    return beads[["x", "y"]].to_numpy(dtype=np.float64), radius


def _positions(localizations: ChunkedLocalizations, fiducials: npt.ArrayLike) -> FloatArray:
    """Return x and y of the beads about the centre of the table."""
    d = localizations.positions.shape[1]
    given = np.asarray(fiducials, dtype=np.float64)
    if given.ndim != 2 or not len(given) or given.shape[1] not in (2, d):
        raise OptionError(
            f"fiducials must be positions of shape (n, {d}), one row for each bead; "
            f"got shape {given.shape}"
        )
    if not np.isfinite(given).all():
        raise OptionError("fiducials must be finite positions; some are NaN or infinite")
    if localizations.center is not None:
        given = given - localizations.center[: given.shape[1]]
    return np.asarray(given[:, :2])
