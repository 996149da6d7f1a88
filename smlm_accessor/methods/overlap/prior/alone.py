"""The drift that is known beforehand, where localizations have no evidence of any."""

from __future__ import annotations

import numpy as np

from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.first_drift import chunks_of, told_chunks
from smlm_accessor.methods.overlap.prior.knots import Prior, short_windows, trends_of

_NOTE = (
    "Localizations do not lie where others were at other times, so they have no evidence of any "
    "drift: what comes back is the prior."
)


def prior_alone(localizations: ChunkedLocalizations, rows: WeightedLocalizations) -> Registered:
    """Return the trend through what is known beforehand, and that it is all there is."""
    prior = Prior.of(localizations.prior, rows.timeline)
    k, d = localizations.n_chunks, localizations.positions.shape[1]
    if prior is None:
        return Registered.failed(localizations, _NOTE)
    given = k > 1
    windows = chunks_of(localizations, rows.timeline) if given else short_windows(rows.timeline)
    level, found = trends_of(prior, windows)
    valid = np.asarray(np.isfinite(found).all(axis=1))
    offset, std = (np.where(valid[:, None], one, np.nan) for one in (-level, found))
    if not given:
        return Registered(
            *(offset, np.zeros(len(windows)), valid, None, std, {}, windows.edges), note=_NOTE
        )
    used = told_chunks(localizations)
    offsets, stds = np.full((2, k, d), np.nan)
    offsets[used], stds[used] = offset, std
    good = np.zeros(k, dtype=np.bool_)
    good[used] = valid
    return Registered(offsets, np.zeros(k), good, None, stds, note=_NOTE)
