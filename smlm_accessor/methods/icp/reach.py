"""Up to which distance neighbours count."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.neighbours.closest_points import WINDOW
from smlm_accessor.methods.icp.chunks import IcpChunks, Link

_REACHES = (3.0, 5.0, 10.0, 20.0)  # times the median distance: what is tried
_LINKS = 5  # chunks by which it is chosen
_MOST_GAIN = 30.0  # of the first step of the fine pass, over that of the plain iteration


def choose_reach(chunks: IcpChunks, links: Sequence[Link]) -> tuple[float, float]:
    """Return the reach with which shifts are most precise, and the gain of the iteration there.

    An iteration takes back the part ``slope`` of a displacement, with a variance of the residual:
    the variance of a shift is ``variance / slope**2``. Within too small a reach the slope is small;
    within too large a one, localizations without a partner add variance. The gain is ``1 / slope``.
    """
    given = chunks.options.max_distance
    some = links[:: -(-len(links) // _LINKS)]
    median = float(np.median([link.coarse.median_distance for link in some]))
    reaches = np.array(_REACHES) * median if given is None else np.array([given])

    def slopes(link: Link) -> tuple[FloatArray, FloatArray]:
        target = chunks.grid(link.reference)
        pairs = chunks.closest_points(chunks.samples[link.chunk], target, math.inf)
        if median <= pairs.resolution:  # copies: nothing to choose
            return np.zeros(len(reaches)), np.zeros(len(reaches))
        return pairs.slopes(link.coarse.pose, WINDOW * median, reaches)

    slope, variance = np.mean(map_threads(slopes, some, threads=chunks.options.threads), axis=0)
    reach, gain = given or math.inf, 1.0
    known = slope > 0
    if known.any():
        best = np.argmin(variance[known] / slope[known] ** 2)
        # Never farther than before: a chunk without structure would take all for its own.
        reach = min(float(reaches[known][best]), *chunks.reaches, math.inf)
        gain = min(max(1.0, 1.0 / float(slope[known][best])), _MOST_GAIN)
    chunks.reaches.append(reach)
    return reach, gain
