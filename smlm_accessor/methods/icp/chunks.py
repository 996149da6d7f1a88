"""Iterative closest point over chunks: what is registered on what, and from where."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads, track
from smlm_accessor.kernels.frames.sample import whole_frames
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours import nearest
from smlm_accessor.kernels.neighbours.closest_points import (
    GRAIN,
    WINDOW,
    Match,
    Pair,
    fewest_points,
)
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.icp.spread import How, Spread, halfway

_SAMPLE = 1000  # localizations of a chunk in the coarse pass
_COARSE_TOLERANCE = 1e-3
_COARSE_REACH = 10.0  # times max_distance, if that is given
_REACHES = (3.0, 5.0, 10.0, 20.0)  # times the median distance: what max_distance is chosen from
_LOOKS = 5  # chunks it is chosen by
_RECENT = 6  # chunks that tell how a drift goes on
_MOST_GAIN = 30.0
_WORST = 0.5  # of the usual fraction within reach: a chunk below that is not registered
_LOST = 0.5  # fewer than this fraction within reach: the coarse pass missed


class _Link(NamedTuple):
    """A chunk, the chunk it is registered on, and how, coarsely."""

    chunk: int
    reference: int
    coarse: Match


class Registration:
    """All chunks of a table, and where they lie as far as is known.

    Attributes
    ----------
    poses : dict
        Of the chunks that are registered.
    fractions : dict
        Of the localizations of these chunks, those within reach of the target.
    reaches : list of float
        Largest distances that were used.
    n_unconverged : int
        Chunks at which ``max_iterations`` ended it.
    spread : Spread
        How sure the poses are.
    """

    def __init__(self, localizations: ChunkedLocalizations, how: How) -> None:
        self.localizations, self.how = localizations, how
        self.n_axes = len(localizations.components)
        terms = {"with_rotation": how.with_rotation, "with_scaling": how.with_scaling}
        fewest = fewest_points(self.n_axes, **terms)
        self._usable = [int(k) for k in np.flatnonzero(np.diff(localizations.bounds) >= fewest)]
        self._coarse_reach = _COARSE_REACH * (how.max_distance or math.inf)
        self.poses = {k: Pose.identity(self.n_axes) for k in self._usable[:1]}
        self.fractions = dict.fromkeys(self.poses, 1.0)
        self.reaches: list[float] = []
        self.n_unconverged = 0
        self.spread = Spread(localizations, self._usable)
        # For the usual case that all have the same target.
        self._first = nearest.build(localizations.chunk(self._usable[0])) if self._usable else None
        rest = self._usable[1:]
        samples = map_threads(self._sample, rest, threads=how.threads)
        self._samples = dict(zip(rest, samples, strict=True))

    def chain(self, *, previous: bool) -> None:
        """Register on the first chunk, or on the one before: coarsely in turn, then all at once."""
        links, coarse = self._coarse(previous=previous)
        if not links:
            return
        looks = [
            (k, self._target(on), match) for k, on, match in links[:: -(-len(links) // _LOOKS)]
        ]
        reach, gain = self._look(looks)

        def fine(link: _Link) -> Match | None:
            target, base = self._target(link.reference), coarse[link.reference]
            return self._register(link.chunk, target, link.coarse.pose, reach, gain, base)

        how = self.how
        matches = map_threads(
            fine, links, threads=how.threads, progress=how.progress, description="icp"
        )
        usual = float(np.median([match.fraction for match in matches if match] or [0.0]))
        for (chunk, reference, _), found in zip(links, matches, strict=True):
            match = found
            if reference not in self.poses:
                # What this chunk was registered on is lost: take the last one that is not.
                reference = max(self.poses)
                start = coarse[reference].inverse().after(coarse[chunk])
                target, base = self._target(reference), coarse[reference]
                match = self._register(chunk, target, start, reach, gain, base)
            self._keep(chunk, reference, match, usual)

    def grow(self) -> None:
        """Register on all chunks so far, as corrected; one after the other."""
        if not self._usable:
            return
        first, *rest = self._usable
        target, corrected = self._target(first), [self.localizations.chunk(first)]
        progress = self.how.progress
        for chunk in track(rest, total=len(rest), progress=progress, description="icp"):
            coarse = self._place(chunk, target, self._predictions(self.poses, chunk))
            if coarse is None:
                continue
            # The target grows denser: what is far has to be chosen anew.
            reach, gain = self._look([(chunk, target, coarse)])
            base = Pose.identity(self.n_axes)
            match = self._register(chunk, target, coarse.pose, reach, gain, base)
            usual = float(np.median(list(self.fractions.values())[1:] or [0.0]))
            self._keep(chunk, None, match, usual)
            if chunk in self.poses:
                corrected.append(self.poses[chunk].move(self.localizations.chunk(chunk)))
                target = nearest.build(np.concatenate(corrected))

    def _coarse(self, *, previous: bool) -> tuple[list[_Link], dict[int, Pose]]:
        """Follow the samples of the chunks from one to the next."""
        links: list[_Link] = []
        poses = dict(self.poses)
        for chunk in self._usable[1:]:
            reference = max(poses) if previous else self._usable[0]
            if not links or previous:
                target = self._target(reference)
            back = poses[reference].inverse()
            starts = [back.after(pose) for pose in self._predictions(poses, chunk)]
            match = self._place(chunk, target, starts)
            if match is not None:
                links.append(_Link(chunk, reference, match))
                poses[chunk] = poses[reference].after(match.pose)
        return links, poses

    def _predictions(self, poses: dict[int, Pose], chunk: int) -> list[Pose]:
        """Return where a chunk may be: going on from the last or the one before it, or at rest.

        The second, and the median of several velocities, are there so that one chunk gone astray
        does not lead all others after it.
        """
        recent = list(poses)[-_RECENT:]
        frame = np.array(
            [self.localizations.frames[self.localizations.rows(k)].mean() for k in [*recent, chunk]]
        )
        last, before = poses[recent[-1]], poses[recent[-2:][0]]
        if len(recent) == 1 or not (np.diff(frame) > 0).all():
            return [last, before]
        offsets = np.array([poses[k].offset for k in recent])
        velocity = np.median(np.diff(offsets, axis=0) / np.diff(frame[:-1])[:, None], axis=0)
        return [
            Pose(last.matrix, last.offset + velocity * (frame[-1] - frame[-2])),
            Pose(before.matrix, before.offset + velocity * (frame[-1] - frame[-3])),
            last,
        ]

    def _place(self, chunk: int, target: nearest.Grid, starts: list[Pose]) -> Match | None:
        """Register the sample of a chunk coarsely, from the start that is closest."""
        pair = self._pair(self._samples[chunk], target, self._coarse_reach)
        most = self.how.max_iterations
        start = pair.closest(starts)
        match = pair.register(start, max_iterations=most, tolerance=_COARSE_TOLERANCE)
        # Rounded, so that rounding errors do not grow from chunk to chunk.
        return match and match._replace(pose=match.pose.rounded(GRAIN * match.median_distance))

    def _look(self, looks: list[tuple[int, nearest.Grid, Match]]) -> tuple[float, float]:
        """Return the reach by which shifts are found best, and the gain that finds them fast.

        Too small a reach and the target hardly pulls; too large, and what has no partner pulls
        anywhere.
        """
        median = float(np.median([match.median_distance for _, _, match in looks]))
        given = self.how.max_distance
        reaches = np.array(_REACHES) * median if given is None else np.array([given])

        def pull(look: tuple[int, nearest.Grid, Match]) -> tuple[FloatArray, FloatArray]:
            chunk, target, match = look
            pair = self._pair(self._samples[chunk], target, math.inf)
            if median <= pair.resolution:  # copies: nothing to choose
                return np.zeros(len(reaches)), np.zeros(len(reaches))
            return pair.stiffness(match.pose, WINDOW * median, reaches)

        pulls = map_threads(pull, looks, threads=self.how.threads)
        stiffness, variance = np.mean(pulls, axis=0)
        stiff = stiffness > 0
        reach, gain = given or math.inf, 1.0
        if stiff.any():
            best = np.argmin(variance[stiff] / stiffness[stiff] ** 2)
            reach = float(reaches[stiff][best])
            # Never farther than it was: a chunk without structure would take all for its own.
            reach = min(reach, max(self.reaches, default=reach))
            gain = min(max(1.0, 1.0 / float(stiffness[stiff][best])), _MOST_GAIN)
        self.reaches.append(reach)
        return reach, gain

    def _register(
        self, chunk: int, target: nearest.Grid, start: Pose, reach: float, gain: float, base: Pose
    ) -> Match | None:
        """Register all of a chunk, from a place that is roughly right; ``base`` is the target's."""
        source = nearest.build(self.localizations.chunk(chunk))
        pair = self._pair(source.positions, target, reach)
        most = self.how.max_iterations
        begun = pair(pair.to_parameters(start))
        if begun is None or begun.fraction < _LOST:
            pair.reach = self._coarse_reach
            nearer = pair.register(start, max_iterations=most, tolerance=_COARSE_TOLERANCE)
            start = nearer.pose if nearer else start
            pair.reach = reach
        fine = partial(
            Pair.register,
            max_iterations=most,
            tolerance=self.how.tolerance,
            gain=gain,
            smooth=True,
        )
        match = self.spread.watched(fine, pair, start, base.after(start))
        if match is None or not self.how.with_scaling:
            return match
        # Where no point has its true partner, each fits best a little smaller than the other is.
        other = self._pair(target.positions, source, reach)
        back = self.spread.watched(fine, other, match.pose.inverse(), base)
        return halfway(pair, match, back) if back else None

    def _keep(self, chunk: int, reference: int | None, match: Match | None, usual: float) -> None:
        """Note where a chunk lies, unless it fits much worse than usual; None: on all so far."""
        if match is not None and match.fraction >= _WORST * usual:
            self.spread.add(chunk, reference, match, self.poses)
            base = self.poses[self._usable[0] if reference is None else reference]
            self.poses[chunk] = base.after(match.pose)
            self.fractions[chunk] = match.fraction
            self.n_unconverged += not match.converged

    def _pair(self, source: FloatArray, target: nearest.Grid, reach: float) -> Pair:
        rotation, scaling = self.how.with_rotation, self.how.with_scaling
        return Pair(source, target, with_rotation=rotation, with_scaling=scaling, reach=reach)

    def _target(self, chunk: int) -> nearest.Grid:
        if self._first is not None and chunk == self._usable[0]:
            return self._first
        return nearest.build(self.localizations.chunk(chunk))

    def _sample(self, chunk: int) -> FloatArray:
        rows = self.localizations.rows(chunk)
        chosen = whole_frames(self.localizations.frames[rows], _SAMPLE)
        return nearest.build(self.localizations.positions[rows][chosen]).positions
