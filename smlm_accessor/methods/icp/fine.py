"""The fine pass: all localizations of a chunk, from where the coarse pass put its sample."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours import nearest
from smlm_accessor.kernels.neighbours.block_influence import mean_influence, on_inverse
from smlm_accessor.kernels.neighbours.closest_points import ClosestPointMap, Matching
from smlm_accessor.methods.icp.chunks import IcpChunks, Link
from smlm_accessor.methods.icp.coarse import COARSE_TOLERANCE, coarse_reach

_DISPLACED = 1 / 8  # of the field: structures do not reach so far, and most of the field stays
# Standard deviations by which a chunk has to lie nearer than a displaced one. Of 1440 chunks that
# had nothing in common with the target the largest was 2.6; chunks of clusters and of pores have 6.
# Where few blocks hold all localizations no chunk has as many: part of what it can have.
_CLEAR, _OF_LARGEST = 3.0, 0.8
_LOOKED_AT = 2000  # localizations, for that
_LOST = 0.5  # fewer than this fraction within reach: the coarse pass missed


def fine_pass(chunks: IcpChunks, links: Sequence[Link], reach: float, gain: float) -> None:
    """Register the chunks of links, in parallel, and note their poses."""
    matchings = map_threads(
        lambda link: register_finely(chunks, link, reach, gain),
        links,
        threads=chunks.options.threads,
        progress=chunks.options.progress and chunks.options.target != "all",
        description="icp",
    )
    usual = chunks.usual_fraction(matchings)
    coarse = {chunk: Pose.identity(chunks.n_axes) for chunk in chunks.usable[:1]}
    coarse |= {link.chunk: link.pose for link in links}
    for link, matching in zip(links, matchings, strict=True):
        if link.reference is None or link.reference in chunks.poses:
            chunks.keep(link, matching, usual)
            continue
        # The reference is not registered: the last chunk that is takes its place.
        reference = max(chunks.poses)
        base = coarse[reference]
        start = link.coarse._replace(pose=base.inverse().after(link.pose))
        other = Link(link.chunk, reference, base, start)
        chunks.keep(other, register_finely(chunks, other, reach, gain), usual)


def register_finely(chunks: IcpChunks, link: Link, reach: float, gain: float) -> Matching | None:
    """Register one chunk; with scaling also the reference on the chunk, and take the mean.

    Where no localization has its true partner, a source fits best a little smaller than it is.
    """
    target = chunks.grid(link.reference)
    source = nearest.build(chunks.localizations.chunk(link.chunk))
    pairs = chunks.closest_points(source.positions, target, reach)
    start = link.coarse.pose
    first = pairs(pairs.to_parameters(start))
    if first is None or first.fraction < _LOST:
        pairs.reach = coarse_reach(chunks.options.max_distance)
        most = chunks.options.max_iterations
        nearer = pairs.register(start, max_iterations=most, tolerance=COARSE_TOLERANCE)
        start = nearer.pose if nearer else start
        pairs.reach = reach
    matching = _register(chunks, pairs, start, link.base.after(start), gain)
    if matching is None or not chunks.options.with_scaling:
        return matching
    inverse = chunks.closest_points(target.positions, source, reach)
    back = _register(chunks, inverse, matching.pose.inverse(), link.base, gain)
    return None if back is None else halfway(pairs, matching, back)


def halfway(pairs: ClosestPointMap, matching: Matching, back: Matching) -> Matching:
    """Return the mean of a source on a target and of the target on the source."""
    assert matching.influence is not None
    assert back.influence is not None
    parameters = [pairs.to_parameters(p) for p in (matching.pose, back.pose.inverse())]
    both = [matching.influence, on_inverse(back.pose, back.influence)]
    return matching._replace(
        pose=pairs.to_pose((parameters[0] + parameters[1]) / 2),
        influence=mean_influence(both, [1, 1]),
    )


def _register(
    chunks: IcpChunks, pairs: ClosestPointMap, start: Pose, there: Pose, gain: float
) -> Matching | None:
    """Register pairs whose source lies in the field where ``there`` puts it."""
    gradients = chunks.influence.gradients(pairs, there)
    matching = pairs.register(
        start,
        max_iterations=chunks.options.max_iterations,
        tolerance=chunks.options.tolerance,
        gain=gain,
        average=gradients,
    )
    return matching and matching._replace(
        influence=gradients.influence(matching.pose),
        chance=_chance(pairs, matching.pose),
        nearer=_is_nearer(chunks, pairs, matching.pose, there),
    )


def _chance(pairs: ClosestPointMap, pose: Pose) -> float:
    """Return the mean fraction within reach with the source displaced to four sides."""
    found = [pairs(displaced) for displaced in _displaced(pairs, pose)]
    return float(np.mean([f.fraction if f else 0.0 for f in found]))


def _displaced(pairs: ClosestPointMap, pose: Pose) -> list[FloatArray]:
    """Return the parameters of a pose with the source displaced to four sides."""
    parameters = pairs.to_parameters(pose)
    moves = np.zeros((4, len(parameters)))
    for axis, extent in enumerate(by_column.extent(pairs.source[:, :2])):
        moves[2 * axis : 2 * axis + 2, axis] = -_DISPLACED * extent, _DISPLACED * extent
    return list(parameters + moves)


def _is_nearer(chunks: IcpChunks, pairs: ClosestPointMap, pose: Pose, there: Pose) -> bool:
    """Tell whether a source lies clearly nearer to the target than the source displaced does.

    Each localization counts 1 if its target is nearer than it is with the source displaced to a
    side, and -1 if it is farther; sides on which it leaves the field of the target do not count.
    The z-score is the sum, divided by the root of the sum of the squared sums of field blocks.
    This tells whether structures are found again where the fraction within reach is always 1.
    """
    step = -(-pairs.n // _LOOKED_AT)
    some = chunks.closest_points(pairs.source[::step], pairs.matcher.grid, math.inf)
    target = pairs.matcher.grid.positions[:, :2]
    lower, upper = by_column.lowest(target), by_column.highest(target)
    some(some.to_parameters(pose))
    distance, signs = some.matcher.distance.copy(), np.zeros(some.n)
    for displaced in _displaced(some, pose):
        some(displaced)
        at = some.to_pose(displaced).move(some.source)[:, :2]
        inside = by_column.in_all((at >= lower) & (at <= upper))
        signs += inside * np.sign(some.matcher.distance - distance)
    blocks = chunks.influence.blocks.of(there.move(some.source))
    sums = np.bincount(blocks, signs)
    largest = np.sqrt(effective_number(np.bincount(blocks)))
    return not sums.sum() < min(_CLEAR, _OF_LARGEST * largest) * np.sqrt((sums**2).sum())
