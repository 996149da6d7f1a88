"""Offsets at the mean frames of chunks, from those of what a method saw of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import IntArray
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.timeline import Timeline, Windows


def at_mean_frames(
    registered: Registered, used: ChunkedLocalizations, chunks: Windows, segment: IntArray
) -> Registered:
    """Return the offsets at the mean frames of all localizations of the chunks.

    A sample, or the events of a table of traces, lie earlier or later in a chunk than its
    localizations do, on average: by a hundredth of its frames, if they are hundreds. Where the
    sample moves by tens of nanometres in a chunk, that is more than the error of the offset. Each
    is moved along the slope of those beside it in its segment.

    Parameters
    ----------
    registered : Registered
    used : ChunkedLocalizations
        What the method was given.
    chunks : Windows
        Of all localizations.
    segment : ndarray of int, shape (n_chunks,)
    """
    seen = registered.frame
    if seen is None:
        if len(used.frames) >= chunks.counts.sum():
            return registered
        seen = Timeline.of(used.frames).cut(chunks.edges).mean_frame
    offset, away = registered.offset.copy(), chunks.mean_frame - seen
    for number in np.unique(segment):
        at = np.flatnonzero(registered.valid & (segment == number))
        if len(at) > 1:
            offset[at] += away[at, None] * np.gradient(offset[at], seen[at], axis=0)
    return replace(registered, offset=offset)
