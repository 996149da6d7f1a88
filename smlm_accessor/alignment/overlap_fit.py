"""The transformation under which two sets of localizations overlap most, and its covariance.

The overlap is the sum of a Gaussian kernel over all pairs of one localization of each set. It is
maximized by Newton's method: gradient and information add up over tiles of the field.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smlm_accessor._typing import FloatArray, Int32Array, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.sums import N_COMMON_SUMS, common_sums
from smlm_accessor.kernels.density.tiles import Tiles, sort_into_tiles
from smlm_accessor.kernels.field.blocks import away_from_edges
from smlm_accessor.kernels.field.jackknife import effective_number

_PIXELS_PER_WIDTH = 1.5
_HALF = 4  # pixels of the kernel to either side: 2.7 widths
_BORDER = _HALF + 2
_TILE = {2: 24, 3: 12}  # pixels
_STEPS = 12  # of Newton, at most
# Steps, in standard deviations: those that end the iteration, and those that do at its last step.
_SMALL, _SMALL_ENOUGH = 0.03, 0.3
_NARROWER = 1.5  # times narrower is the next kernel; twice while much wider than the precision
_NARROWEST = 0.7  # precisions is the last kernel
_NARROWEST_KNOWN = 100.0  # times narrower than the first, where the precision is not known
_MUCH_WIDER = 4.0  # precisions
_WORSE = 1.3  # times the least standard error: twice in a row, and narrower kernels are no better
_FEWEST_BLOCKS = 5.0  # of the field, effectively: for a covariance that is trusted
_BLOCKS = 8  # of tiles, for threads; the same for any number of threads
_MARGIN = 3.0  # of the edge, in widths of the kernel


@dataclass(frozen=True)
class Alignment:
    """``corrected = center + shift + matrix @ (position - center)``.

    ``angle`` and ``log_scale`` are in the plane of x and y; ``covariance``, (p, p), is that of the
    shift and, as far as they are fitted, of these. ``width`` is that of the kernel, ``n_blocks``
    the effective number of field blocks (Kish) that contribute, and ``overlap`` the part of the
    localizations of both that have some of the other nearby, in the mean of the field blocks in
    which there are any.
    """

    center: FloatArray
    shift: FloatArray
    angle: float
    log_scale: float
    covariance: FloatArray
    width: float
    n_blocks: float
    overlap: float

    @property
    def matrix(self) -> FloatArray:
        """Return the matrix, shape (d, d)."""
        d = len(self.shift)
        c, s = np.cos(self.angle), np.sin(self.angle)
        out = np.eye(d)
        out[:2, :2] = np.exp(self.log_scale) * np.array([[c, -s], [s, c]])
        return out

    @property
    def std(self) -> FloatArray:
        """Return the standard deviations of all that is fitted."""
        return np.sqrt(np.diag(self.covariance))


class OverlapFit:
    """Two sets of localizations, (n, d), one of which is moved until they overlap most.

    ``flattening`` is the width of the kernel along z over that in x and y.
    """

    def __init__(
        self,
        reference: FloatArray,
        moving: FloatArray,
        *,
        with_rotation: bool,
        with_scaling: bool,
        flattening: float = 1.0,
    ) -> None:
        self.reference, self.moving = reference, moving
        self.d = reference.shape[1]
        self.fitted = np.array([True] * self.d + [with_rotation, with_scaling])
        self.axes = np.ones(self.d)
        self.axes[2:] = flattening
        n = len(reference) + len(moving)
        self._table = (np.arange(n) >= len(reference)).astype(np.int32)
        self._fields = [(p[:, :2].min(axis=0), p[:, :2].max(axis=0)) for p in (reference, moving)]
        self._ones = np.ones(n, np.float32)

    def solve(self, start: Alignment, reach: float, precision: float) -> Alignment | None:
        """Narrow the kernel, from the reach down, while that makes the standard errors smaller.

        None if the two sets have too little in common.
        """
        width = max(reach, 2 * precision) if np.isfinite(precision) else reach
        finest = _NARROWEST * precision if np.isfinite(precision) else reach / _NARROWEST_KNOWN
        best: Alignment | None = None
        now, worse = start, 0
        while width >= finest and worse < 2:
            found = self._at(now, width)
            if found is None:
                worse += 1
            else:
                now = found
                trusted = found.n_blocks >= _FEWEST_BLOCKS
                size = float(found.std[: self.d].max()) if trusted else np.inf
                least = np.inf if best is None else float(best.std[: self.d].max())
                if size < least:
                    best, worse = found, 0
                elif best is not None:
                    worse += size > _WORSE * least
            width /= 2.0 if width > _MUCH_WIDER * precision else _NARROWER
        return best

    def _at(self, start: Alignment, width: float) -> Alignment | None:
        """Return the alignment of most overlap for one width of the kernel; None if there is none.

        The covariance is a sandwich of the inverse information around the scatter of the gradients
        of tiles.
        """
        shift, angle, scale = start.shift.copy(), start.angle, start.log_scale
        widths = width * self.axes
        for k in range(_STEPS):
            fit = replace(start, shift=shift, angle=angle, log_scale=scale, width=width)
            tiles, sums = self._sums(fit, widths)
            gradient, information, jacobian = self._equations(fit, tiles, sums, widths)
            normal = np.einsum("tcp,tc,tcq->pq", jacobian, information, jacobian)
            each = np.einsum("tcp,tc->tp", jacobian, gradient)
            overlap = sums[:, 0]
            if not overlap.sum() > 0:
                return None
            weakest = np.linalg.eigvalsh(normal)[0]
            if not weakest > 0:
                return None
            step = np.linalg.solve(normal, each.sum(axis=0))
            longest = float((np.abs(step[: self.d]) / widths).max())
            step /= max(longest, 1.0)
            all_steps = np.zeros(len(self.fitted))
            all_steps[self.fitted] = step
            shift = shift + all_steps[: self.d]
            angle += float(all_steps[self.d])
            scale += float(all_steps[self.d + 1])
            inverse = np.linalg.inv(normal)
            n = effective_number(overlap)
            covariance = inverse @ (each.T @ each) @ inverse * n / max(n - 1, 0.5)
            deviation = np.sqrt(np.diag(covariance))
            small = _SMALL if k < _STEPS - 1 else _SMALL_ENOUGH
            if (np.abs(step) <= np.maximum(small * deviation, 1e-12)).all():
                part = float(overlap.sum() / len(self._ones))
                fit = replace(fit, shift=shift, angle=angle, log_scale=scale)
                return replace(fit, covariance=covariance, n_blocks=n, overlap=part)
        return None

    def _sums(self, fit: Alignment, widths: FloatArray) -> tuple[Tiles, FloatArray]:
        moved = (self.moving - fit.center) @ fit.matrix.T + fit.center + fit.shift
        points = np.concatenate([self.reference, moved])
        pixel = widths / _PIXELS_PER_WIDTH
        tiles = sort_into_tiles(
            points,
            self._table + 2 * self._at_edge(fit, points, float(widths[0])),
            self._ones,
            np.zeros((4, self.d)),
            size=_TILE[self.d] * pixel,
            halo=_BORDER * pixel,
        )
        sums = np.zeros((len(tiles.corner), N_COMMON_SUMS))

        def add(block: IntArray) -> None:
            common_sums(
                *(block, tiles.start, tiles.where, tiles.frame, tiles.own, tiles.size, widths),
                *(_PIXELS_PER_WIDTH, _HALF, _BORDER, sums),
            )

        map_threads(add, tiles.blocks(_BLOCKS))
        return tiles, sums

    def _at_edge(self, fit: Alignment, points: FloatArray, width: float) -> Int32Array:
        """Return 1 for localizations near an edge of either field, 0 for others."""
        plane = fit.matrix[:2, :2]
        center, shift = fit.center[:2], fit.shift[:2]
        xy = points[:, :2]
        back = (xy - center - shift) @ np.linalg.inv(plane).T + center
        inside = np.ones(len(xy), dtype=bool)
        for at, (lower, upper) in zip((xy, back), self._fields, strict=True):
            inside &= away_from_edges(at, lower, upper, _MARGIN * width)
        return (~inside).astype(np.int32)

    def _equations(
        self, fit: Alignment, tiles: Tiles, sums: FloatArray, widths: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return gradient and information of each tile, and the derivatives of its position."""
        d, n = self.d, len(sums)
        gradient = sums[:, 1 : 1 + d] / widths
        information = sums[:, 4 : 4 + d] / widths**2
        position = tiles.corner + sums[:, 7 : 7 + d] / np.maximum(sums[:, :1], 1e-300)
        x, y = (position[:, :2] - fit.center[:2] - fit.shift[:2]).T
        jacobian = np.zeros((n, d, len(self.fitted)))
        jacobian[:, np.arange(d), np.arange(d)] = 1.0
        jacobian[:, 0, d], jacobian[:, 1, d] = -y, x
        jacobian[:, 0, d + 1], jacobian[:, 1, d + 1] = x, y
        return gradient, information, jacobian[:, :, self.fitted]
