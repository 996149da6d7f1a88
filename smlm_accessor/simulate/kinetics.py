"""When emitters are on: a process of two states, dark and bright."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.options import number, require_feasible

BINDINGS_PER_SITE = 10.0
SETTLING_TIMES = 10  # correlation between one emitter and the next: exp(-10)


def bright_frames(
    n_emitters: int,
    n_frames: int,
    *,
    mean_on: float,
    mean_off: float,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Draw the frames in which each emitter is bright, ordered by emitter, then by frame.

    Bright and dark times are geometric, at least one frame each, with means ``mean_on`` and
    ``mean_off``; with an infinite ``mean_on`` emitters are always bright. The process is in its
    steady state from the first frame on; a bright time may have begun before the movie or outlast
    it.
    """
    if np.isinf(mean_on):
        return np.repeat(np.arange(n_emitters), n_frames), np.tile(np.arange(n_frames), n_emitters)
    # One process runs through all emitters in turn. A pause between them, long enough for it to
    # forget, makes them independent and lets the first one start in the steady state.
    forgets = mean_on if np.isinf(mean_off) else mean_on * mean_off / (mean_on + mean_off)
    pause = int(np.ceil(SETTLING_TIMES * forgets))
    period = pause + n_frames
    start, length = _bright_times(n_emitters * period, mean_on, mean_off, rng)
    before = np.cumsum(length) - length
    times = np.arange(int(length.sum())) + np.repeat(start - before, length)
    emitters, frames = np.divmod(times, period)
    frames -= pause
    seen = (frames >= 0) & (emitters < n_emitters)
    return emitters[seen], frames[seen]


def _bright_times(
    until: int, mean_on: float, mean_off: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Return start and length of the bright times that begin before ``until``."""
    starts, lengths = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    now = 0 if np.isfinite(mean_off) else until
    while now < until:
        expected = (until - now) / (mean_on + mean_off)
        n = int(expected + 5 * np.sqrt(expected)) + 16
        bright = rng.geometric(1 / mean_on, n)
        stop = now + np.cumsum(rng.geometric(1 / mean_off, n) + bright)
        starts.append(stop - bright)
        lengths.append(bright)
        now = int(stop[-1])
    start, length = np.concatenate(starts), np.concatenate(lengths)
    keep = start < until
    return start[keep], length[keep]


def dark_time(
    n_emitters: int,
    n_frames: int,
    *,
    mean_on_frames: float,
    bindings_per_site: float | None,
    localizations_per_frame: float | None,
    background_fraction: float,
) -> float:
    """Return the mean number of dark frames that gives what is asked for.

    With ``b`` bindings of an emitter in ``n`` frames, of ``on`` frames each, it is ``n / b - on``.
    Raises `OptionError` if both numbers are given, or emitters would have to be bright too often.
    """
    if bindings_per_site is not None and localizations_per_frame is not None:
        raise OptionError(
            "give only one of bindings_per_site and localizations_per_frame; got "
            f"{bindings_per_site!r} and {localizations_per_frame!r}"
        )
    if mean_on_frames == np.inf:
        if bindings_per_site is not None or localizations_per_frame is not None:
            raise OptionError(
                "with mean_on_frames=inf every emitter is bright in every frame; leave out "
                "bindings_per_site and localizations_per_frame"
            )
        require_feasible(n_emitters * n_frames, "take fewer n_frames")
        return 0.0
    on = number("mean_on_frames", mean_on_frames, least=1)
    if localizations_per_frame is None:
        given = BINDINGS_PER_SITE if bindings_per_site is None else bindings_per_site
        bindings = number("bindings_per_site", given, least=0)
        limit = f"bindings_per_site can be {n_frames / (on + 1):.3g} at most"
    else:
        bright = number("localizations_per_frame", localizations_per_frame, least=0)
        bright *= 1 - background_fraction
        bindings = bright * n_frames / on / max(n_emitters, 1)
        most = n_emitters * on / (on + 1) / (1 - background_fraction)
        limit = f"localizations_per_frame can be {most:.3g} at most"
    require_feasible(n_emitters * bindings * on, "take fewer n_frames or bindings_per_site")
    if n_emitters == 0 or bindings == 0:
        return np.inf
    off = n_frames / bindings - on
    if off < 1:
        raise OptionError(
            f"{n_emitters} emitters, bright for {on:g} frames and dark for one at least, cannot be "
            f"bright so often in {n_frames} frames: {limit}"
        )
    return off
