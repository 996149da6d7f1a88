"""The coarse pass: a sample of each chunk is followed from one chunk to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.methods.icp.chunks import IcpChunks, Link

COARSE_TOLERANCE = 1e-3
_COARSE_REACH = 10.0  # times max_distance, if that is given
_RECENT = 6  # chunks that tell how a drift goes on


def coarse_reach(max_distance: float | None) -> float:
    """Return how far targets may be in the coarse pass; any distance if nothing is given."""
    return _COARSE_REACH * (max_distance or math.inf)


def coarse_pass(chunks: IcpChunks, batch: Sequence[int]) -> list[Link]:
    """Return where the chunks of a batch roughly lie on their references.

    Each begins at the predicted pose that is closest to its reference. A chunk that has too little
    within reach is left out.
    """
    options, poses, links = chunks.options, dict(chunks.poses), list[Link]()
    target = None
    for chunk in batch:
        reference = {"first": chunks.usable[0], "previous": max(poses), "all": None}[options.target]
        base = Pose.identity(chunks.n_axes) if reference is None else poses[reference]
        if target is None or options.target == "previous":
            target = chunks.grid(reference)
        back = base.inverse()
        recent = list(poses)[-_RECENT:]
        times = np.array([chunks.mean_frame(k) for k in [*recent, chunk]])
        starts = [back.after(p) for p in predict_poses([poses[k] for k in recent], times)]
        reach = coarse_reach(options.max_distance)
        pairs = chunks.closest_points(chunks.samples[chunk], target, reach)
        matching = pairs.register(
            pairs.closest(starts),
            max_iterations=options.max_iterations,
            tolerance=COARSE_TOLERANCE,
        )
        if matching is not None:
            links.append(Link(chunk, reference, base, matching))
            poses[chunk] = links[-1].pose
    return links


def predict_poses(recent: Sequence[Pose], times: FloatArray) -> list[Pose]:
    """Return where a chunk may be: the last pose, or the one before, plus velocity times time.

    The velocity is the median over the recent chunks, and the last pose without velocity is the
    third prediction: so one chunk that is wrong does not lead all others after it. ``times`` are
    the mean frames of the recent chunks, at least one, and of the one that is predicted.
    """
    last, before = recent[-1], recent[-2:][0]
    steps = np.diff(times)
    if len(recent) == 1 or not (steps > 0).all():
        return [last, before]
    moves = np.diff([pose.offset for pose in recent], axis=0)
    velocity = np.median(moves / steps[:-1, None], axis=0)
    return [
        Pose(last.matrix, last.offset + velocity * steps[-1]),
        Pose(before.matrix, before.offset + velocity * (times[-1] - times[-3])),
        last,
    ]
