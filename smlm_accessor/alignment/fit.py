"""The transformation under which two sets of points overlap most, and how precise it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.common_density import N_SUMS, common_sums
from smlm_accessor.kernels.density.tiles import Int32Array, Tiles, sort_into_tiles
from smlm_accessor.kernels.field.blocks import effective_number

_PIXELS_PER_WIDTH = 1.5
_HALF = 4  # pixels of the kernel to either side: 2.7 widths
_BORDER = _HALF + 2
_TILE = {2: 24, 3: 12}  # pixels
_STEPS = 12
# Of a standard deviation: steps that end it at once, and that are good enough after all.
_SMALL, _SMALL_ENOUGH = 0.03, 0.3
_NARROWER = 1.5  # is the next kernel
_NARROWEST = 0.7  # precisions
_NARROWEST_KNOWN = 100.0  # times narrower than the first, where the precision is not known
_MUCH_WIDER = 4.0  # precisions
_WORSE = 1.3
_FEWEST_TILES = 5.0
_BLOCKS = 8
_MARGIN, _WIDEST_MARGIN = 3.0, 0.1  # widths; of the field


@dataclass(frozen=True)
class Fit:
    """``corrected = center + shift + matrix @ (position - center)``.

    Parameters
    ----------
    center, shift : ndarray, shape (d,)
    angle, log_scale : float
        In the plane of x and y.
    covariance : ndarray, shape (p, p)
        Of the shift and, as far as they are fitted, the angle and the logarithm of the scale.
    width : float
        Of the kernel.
    tiles : float
        How many tiles of the field contribute equally.
    overlap : float
        Part of the localizations of both that have some of the other nearby, in the mean of the
        tiles in which there are any.
    """

    center: FloatArray
    shift: FloatArray
    angle: float
    log_scale: float
    covariance: FloatArray
    width: float
    tiles: float
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
    """Two sets of points, one of which is moved until they overlap most.

    Parameters
    ----------
    reference, moving : ndarray, shape (n, d)
    with_rotation, with_scaling : bool
        Fit these besides the shift.
    flattening : float
        Width of the kernel along z over that in x and y.
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

    def settle(self, start: Fit, reach: float, precision: float) -> Fit | None:
        """Narrow the kernel, from the reach down, while that makes the result more precise.

        None if the points have too little in common.
        """
        width = max(reach, 2 * precision) if np.isfinite(precision) else reach
        finest = _NARROWEST * precision if np.isfinite(precision) else reach / _NARROWEST_KNOWN
        best: Fit | None = None
        now, worse = start, 0
        while width >= finest and worse < 2:
            found = self._at(now, width)
            if found is None:
                worse += 1
            else:
                now = found
                trusted = found.tiles >= _FEWEST_TILES
                size = float(found.std[: self.d].max()) if trusted else np.inf
                least = np.inf if best is None else float(best.std[: self.d].max())
                if size < least:
                    best, worse = found, 0
                elif best is not None:
                    worse += size > _WORSE * least
            width /= 2.0 if width > _MUCH_WIDER * precision else _NARROWER
        return best

    def _at(self, start: Fit, width: float) -> Fit | None:
        """Return where a kernel of one width settles; None if it does not."""
        shift, angle, scale = start.shift.copy(), start.angle, start.log_scale
        widths = width * self.axes
        for k in range(_STEPS):
            fit = Fit(start.center, shift, angle, scale, np.zeros((0, 0)), width, 0.0, 0.0)
            tiles, sums = self._sums(fit, widths)
            pull, stiffness, jacobian = self._equations(fit, tiles, sums, widths)
            normal = np.einsum("tcp,tc,tcq->pq", jacobian, stiffness, jacobian)
            each = np.einsum("tcp,tc->tp", jacobian, pull)
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
                return Fit(start.center, shift, angle, scale, covariance, width, n, part)
        return None

    def _sums(self, fit: Fit, widths: FloatArray) -> tuple[Tiles, FloatArray]:
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
        sums = np.zeros((len(tiles.corner), N_SUMS))

        def add(block: IntArray) -> None:
            common_sums(
                *(block, tiles.start, tiles.where, tiles.frame, tiles.own, tiles.size, widths),
                *(_PIXELS_PER_WIDTH, _HALF, _BORDER, sums),
            )

        map_threads(add, tiles.blocks(_BLOCKS))
        return tiles, sums

    def _at_edge(self, fit: Fit, points: FloatArray, width: float) -> Int32Array:
        """Tell which points have an edge of either field within reach, 1 or 0 for each.

        Even background that ends at the same place in both would pull the edges together.
        """
        plane = fit.matrix[:2, :2]
        center, shift = fit.center[:2], fit.shift[:2]
        xy = points[:, :2]
        back = (xy - center - shift) @ np.linalg.inv(plane).T + center
        inside = np.ones(len(xy), dtype=bool)
        for at, (lower, upper) in zip((xy, back), self._fields, strict=True):
            margin = np.minimum(_MARGIN * width, _WIDEST_MARGIN * (upper - lower))
            inside &= ((at >= lower + margin) & (at <= upper - margin)).all(axis=1)
        return (~inside).astype(np.int32)

    def _equations(
        self, fit: Fit, tiles: Tiles, sums: FloatArray, widths: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return pull and stiffness of each tile, and how its place depends on the parameters."""
        d, n = self.d, len(sums)
        pull = sums[:, 1 : 1 + d] / widths
        stiffness = sums[:, 4 : 4 + d] / widths**2
        place = tiles.corner + sums[:, 7 : 7 + d] / np.maximum(sums[:, :1], 1e-300)
        x, y = (place[:, :2] - fit.center[:2] - fit.shift[:2]).T
        jacobian = np.zeros((n, d, len(self.fitted)))
        jacobian[:, np.arange(d), np.arange(d)] = 1.0
        jacobian[:, 0, d], jacobian[:, 1, d] = -y, x
        jacobian[:, 0, d + 1], jacobian[:, 1, d + 1] = x, y
        return pull, stiffness, jacobian[:, :, self.fitted]
