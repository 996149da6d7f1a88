"""Shift localizations to where a smoothed reference image is highest under them.

The correlation of two images is the sum, over the localizations of one, of the other smoothed. Near
its maximum it can be had that way with one large image instead of a pair of transforms for each
chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy import fft

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.correlation.correlation import HIGH_PASS, LAST_STEP
from smlm_accessor.kernels.correlation.peak_precision import PeakMatch
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.field.jackknife import influence
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import RIM, Image, Spectrum, count_into
from smlm_accessor.kernels.sorting import sorted_rows

_MAX_STEPS = 8
_LONGEST_STEP = 0.5  # smoothing lengths
# Smoothing lengths: how the slope changes is not looked at again after a shorter step. Over so many
# it changes by some 0.2 %, as it is largest near the maximum.
_LINEAR = 0.03
_AT_ONCE = 2**16  # localizations under which a thread sums at a time, about
_ROWS = 64  # of a transform that a thread multiplies at a time: a megabyte of 2048 columns
_AT_REST = np.zeros((1, 1, 2))


def slope_grid(
    lower: FloatArray, upper: FloatArray, *, bin_size: float, smoothing: float
) -> PixelGrid:
    """Lay a grid over a field, with room for the smoothing only."""
    room = np.full(2, 2 * HIGH_PASS * smoothing)
    return make_grid(lower, upper, bin_size=bin_size, smoothing=smoothing, max_shift=room)


class SlopeImage:
    """Slope, along both axes, of the smoothed image of a reference, on a grid from `slope_grid`.

    With ``pairs``, `PeakMatch.pair_variance` is prepared, too. ``workers`` are threads, and
    ``run`` may be a `map` that has some; they do not change the result.
    """

    def __init__(
        self,
        positions: FloatArray,
        grid: PixelGrid,
        smoothing: float,
        *,
        pairs: bool = False,
        workers: int = 1,
        run: Callable[..., Iterable[Any]] = map,
    ) -> None:
        self.grid, self.smoothing, self._workers, self._run = grid, smoothing, workers, run
        # One complex plane, in place, as no other array is so large: in the end its real part is
        # the slope along the first axis, its imaginary part that along the second.
        plane = np.zeros(grid.padded, dtype=np.complex64)
        count_into(plane.view(np.float32).reshape(-1), positions, grid, (2 * grid.padded[1], 2))
        counts = self._sums(self._channels(plane), Points.of([positions], grid, run), _AT_REST)
        spectrum = fft.fft2(plane, workers=workers, overwrite_x=True)
        self._pairs = self._pair_map(spectrum.copy()) if pairs else None
        # Even background has a slope at the edges of the field.
        first, last = (p / p.sum() for p in grid.profiles)
        even = self._background(counts)[0]
        down = (even * fft.fft(first, grid.padded[0])).astype(np.complex64)
        across = fft.fft(last, grid.padded[1]).astype(np.complex64)

        def slopes(rows: slice, u: Image, v: Image) -> None:
            some = spectrum[rows]
            some -= down[rows, None] * across
            some *= _gaussian(smoothing, u, v) - _gaussian(HIGH_PASS * smoothing, u, v)
            some *= 1j * u - v

        for half, n in zip((spectrum, spectrum.T), grid.padded, strict=True):
            half[n // 2 : n // 2 + 1 - n % 2] = 0  # of no slope: the highest frequency has no sign
        self._slopes = self._map(spectrum, slopes)
        image = self._slopes.reshape(grid.bins[0], -1, 2)[:, : grid.bins[1]]
        rows = np.einsum("i,ijc->jc", first.astype(np.float32), image)
        self._mean: FloatArray = last @ rows.astype(np.float64)

    def match(self, positions: FloatArray, blocks: FieldBlocks | None = None) -> PeakMatch | None:
        """Find the shift of localizations; see `match_each`."""
        return self.match_each([positions], blocks)[0]

    def match_each(
        self, parts: Sequence[FloatArray], blocks: FieldBlocks | None = None
    ) -> list[PeakMatch | None]:
        """Find the shift of each part, from zero to the maximum next to it (Newton's method).

        Its variance is the sum of the squared slopes under the localizations over the squared
        curvature. It has no quality; without blocks, it has no influence. None if there is no
        maximum nearby.
        """
        points = Points.of(parts, self.grid, self._run)
        active = np.array(self.grid.bins) > 1
        shift, curvature = np.zeros((len(parts), 2)), np.full((len(parts), 2), np.nan)
        moving, found = list(range(len(parts))), list[int]()
        jacobians, longest = np.zeros((len(parts), 2, 2)), np.inf
        for _ in range(_MAX_STEPS):
            at = np.full_like(shift, np.nan)  # where nothing is summed
            at[moving] = shift[moving]
            if longest > _LINEAR:
                slopes, jacobians = self._slopes_and_jacobians(points, at)
            else:
                slopes = self._slopes_under(points, at[:, None])[:, 0]
            still, longest = list[int](), 0.0
            for i in moving:
                jacobian = jacobians[i][np.ix_(active, active)]
                if not np.linalg.eigvalsh(jacobian + jacobian.T)[0] > 0:
                    continue
                step = np.zeros(2)
                step[active] = -np.linalg.solve(jacobian, slopes[i, active])
                length = float(np.abs(step).max()) / self.smoothing
                shift[i] += step * min(1.0, _LONGEST_STEP / max(length, _LONGEST_STEP))
                curvature[i, active] = np.diag(jacobian)
                (found if length < LAST_STEP else still).append(i)
                longest = max(longest, length)
            moving = still
            if not moving:
                break
        return self._matches(points, shift, curvature, sorted(found), blocks)

    def _matches(
        self,
        points: Sequence[Points],
        shift: FloatArray,
        curvature: FloatArray,
        found: list[int],
        blocks: FieldBlocks | None,
    ) -> list[PeakMatch | None]:
        at = np.full_like(shift, np.nan)
        at[found] = shift[found]
        squares, influences = self._by_block(points, at, curvature, blocks)
        pairs = np.full_like(shift, np.nan)
        if self._pairs is not None:
            pairs = self._sums(self._pairs, points, at[:, None]).total[:, 0]
        matches: list[PeakMatch | None] = [None] * len(shift)
        for i in found:
            own, of_pair = np.maximum([squares[i], pairs[i]], 0.0) / curvature[i] ** 2
            matches[i] = PeakMatch(shift[i], own, of_pair, np.nan, influences[i])
        return matches

    def influence(
        self, positions: FloatArray, shift: FloatArray, blocks: FieldBlocks
    ) -> FloatArray:
        """Return how a shift would change without each block, shape (n_blocks, 2)."""
        points = Points.of([positions], self.grid, self._run)
        _, jacobian = self._slopes_and_jacobians(points, shift[None])
        curvature = np.diagonal(jacobian, axis1=1, axis2=2)
        return np.asarray(self._by_block(points, shift[None], curvature, blocks)[1][0])

    def _by_block(
        self,
        points: Sequence[Points],
        shift: FloatArray,
        curvature: FloatArray,
        blocks: FieldBlocks | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the squared slopes under each part, (k, 2), and the influence of each block."""
        k, n, known = len(shift), 1, np.nan_to_num(shift)
        if blocks is not None:
            n = blocks.n

            def of_block(some: Points) -> Points:
                block = blocks.of(some.positions - known[some.part])
                return replace(some, part=some.part * n + block)

            points = list(self._run(of_block, points))
        sums = self._sums(self._slopes, points, np.repeat(shift, n, axis=0)[:, None])
        slope, squares = (values[:, 0].reshape(k, n, 2) for values in (sums.total, sums.squares))
        counts = sum(np.bincount(some.part, minlength=k * n) for some in points)
        share = np.reshape(counts, (k, n, 1))
        slope -= share / share.sum(axis=1, keepdims=True) * slope.sum(axis=1, keepdims=True)
        curvature = np.where(np.array(self.grid.bins) > 1, curvature, 0.0)
        influences = np.stack([influence(*one) for one in zip(slope, curvature, strict=True)])
        return squares.sum(axis=1), influences

    def _slopes_and_jacobians(
        self, points: Sequence[Points], shift: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the slope under each shifted part, (k, 2), and its change, (k, 2, 2), with it."""
        width = 0.5 * self.grid.bin_size
        steps = width * np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]])
        slope = self._slopes_under(points, shift[:, None] + steps)
        return slope[:, 0], (slope[:, 1:3] - slope[:, 3:]).swapaxes(1, 2) / (2 * width)

    def _slopes_under(self, points: Sequence[Points], shifts: FloatArray) -> FloatArray:
        """Return the sum under each part, less that under evenly spread ones; as the shifts."""
        sums = self._sums(self._slopes, points, shifts)
        return np.asarray(sums.total - self._background(sums)[..., None] * self._mean)

    def _sums(self, image: Image, points: Sequence[Points], shifts: FloatArray) -> ImageSums:
        """Return `sums_under` localizations, some of them at a time."""
        found = list(self._run(lambda some: sums_under(image, self.grid, some, shifts), points))
        return ImageSums(*(sum(values) for values in zip(*found, strict=True)))

    def _background(self, sums: ImageSums) -> FloatArray:
        """Count the localizations, if all the field were as dense as its rim; for each shift."""
        wide = int((np.array(self.grid.upper) > np.array(self.grid.lower)).sum())
        return np.asarray((sums.within - sums.inner) / (1 - (1 - 2 / RIM) ** wide))

    def _map(self, spectrum: Spectrum, change: Callable[[slice, Image, Image], None]) -> Image:
        """Change rows of a spectrum, in place, and return the two channels of its image.

        What changes them takes which rows, and the angular frequencies along each axis.
        """
        u, v = (
            2 * np.pi * fft.fftfreq(n, self.grid.bin_size).astype(np.float32)
            for n in self.grid.padded
        )
        some = [slice(i, i + _ROWS) for i in range(0, len(u), _ROWS)]
        list(self._run(lambda rows: change(rows, u[rows, None], v), some))
        return self._channels(fft.ifft2(spectrum, workers=self._workers, overwrite_x=True))

    def _channels(self, plane: Spectrum) -> Image:
        """Return a complex image as one with two channels, of the rows that the field has."""
        return plane[: self.grid.bins[0]].view(np.float32).reshape(-1, 2)

    def _pair_map(self, spectrum: Spectrum) -> Image:
        """Sum over the reference of the squared slope that each localization makes."""
        # Of a Gaussian, in closed form; sharing among pixels, twice, has made it wider.
        s2 = self.smoothing**2 + self.grid.bin_size**2 / 3
        scale, half = np.float32(self.grid.bin_size**2 / (8 * np.pi * s2**2)), np.float32(s2 / 2)

        def squares(rows: slice, u: Image, v: Image) -> None:
            spectrum[rows] *= scale * _gaussian(np.sqrt(s2 / 2), u, v)
            spectrum[rows] *= (1 - half * u * u) + 1j * (1 - half * v * v)

        return self._map(spectrum, squares)


def _gaussian(smoothing: float, rows: Image, columns: Image) -> Image:
    variance = np.float32(smoothing**2)
    out: Image = np.exp(-0.5 * variance * rows**2) * np.exp(-0.5 * variance * columns**2)
    return out


@dataclass(frozen=True)
class Points:
    """Localizations in the order of the pixels they lie in, and the part that each belongs to.

    What is summed under all of them, part by part, is read once, in the order in which it lies in
    memory. A large image is not in the cache of a processor.
    """

    positions: FloatArray
    part: IntArray

    @classmethod
    def of(
        cls,
        parts: Sequence[FloatArray],
        grid: PixelGrid,
        run: Callable[..., Iterable[Any]] = map,
    ) -> list[Points]:
        """Put parts together, each of shape (n, 2), and return some at a time."""
        positions = np.concatenate(parts)
        part = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
        pixel = np.zeros(len(positions), np.int64)
        for axis, n in enumerate(grid.bins):  # one by one: less memory
            pixel *= n
            pixel += np.floor((positions[:, axis] - grid.corner[axis]) / grid.bin_size).astype(int)
        order, _ = sorted_rows(pixel)
        some = np.array_split(order, max(1, -(-len(order) // _AT_ONCE)))
        return list(run(lambda rows: cls(positions[rows], part[rows]), some))


class ImageSums(NamedTuple):
    """Of the two channels of an image: sums and sums of squares, shape (k, m, 2); counts, (k, m).

    ``within`` localizations lie in the field, ``inner`` of these off its rim, at each of m shifts
    of k parts.
    """

    total: FloatArray
    squares: FloatArray
    within: IntArray
    inner: IntArray


def sums_under(image: Image, grid: PixelGrid, points: Points, shifts: FloatArray) -> ImageSums:
    """Interpolate an image linearly under localizations less each of some shifts, and sum.

    The image has two channels, shape (n_pixels, 2), and is zero outside the field; its rows may be
    longer than those of the field. Each part has shifts of its own, shape (k, m, 2); at those that
    are NaN nothing is summed. Small shifts at once save time: a localization needs much the same
    pixels at all of them.
    """
    box = np.array([grid.lower, grid.upper])
    rim = (box[1] - box[0]) / RIM
    inner = np.stack([box[0] + rim, box[1] - rim])
    k, m = shifts.shape[:2]
    out, counts = np.zeros((k, m, 2, 2)), np.zeros((k, m, 2), np.int64)
    place = (box, inner, grid.corner, grid.bin_size)
    bins = np.array([grid.bins[0], len(image) // grid.bins[0]])
    _sum(image, bins, points.positions, points.part, shifts, *place, out, counts)
    return ImageSums(out[:, :, 0], out[:, :, 1], counts[:, :, 0], counts[:, :, 1])


@kernel
def _sum(  # type: ignore[no-untyped-def]
    image, bins, positions, part, shifts, box, inner, corner, size, out, counts
):
    # An axis without extent has one pixel.
    wide = bins[1]
    down, across = min(1, bins[0] - 1) * wide, min(1, wide - 1)
    x0, y0, x1, y1 = box[0, 0], box[0, 1], box[1, 0], box[1, 1]
    u0, v0, u1, v1 = inner[0, 0], inner[0, 1], inner[1, 0], inner[1, 1]
    for i in range(len(positions)):
        p = part[i]
        for k in range(shifts.shape[1]):
            x, y = positions[i, 0] - shifts[p, k, 0], positions[i, 1] - shifts[p, k, 1]
            if not (x0 <= x <= x1 and y0 <= y <= y1):
                continue
            counts[p, k, 0] += 1
            if u0 <= x <= u1 and v0 <= y <= v1:
                counts[p, k, 1] += 1
            u, v = (x - corner[0]) / size, (y - corner[1]) / size
            a, b = int(u), int(v)
            s, t = u - a, v - b
            at = a * wide + b
            for c in range(2):
                low = (1 - t) * image[at, c] + t * image[at + across, c]
                high = (1 - t) * image[at + down, c] + t * image[at + down + across, c]
                value = (1 - s) * low + s * high
                out[p, k, 0, c] += value
                out[p, k, 1, c] += value * value
