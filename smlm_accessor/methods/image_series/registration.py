"""Register a series of images by cross-correlation: onto the first, the previous, or all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.correlation import cross
from smlm_accessor.kernels.correlation.peak_precision import (
    PeakMatch,
    PeakMatcher,
    Slopes,
    about_mean,
    own_variance,
)
from smlm_accessor.kernels.images.images import Spectrum

ROUNDS = 2  # of all images onto the sum of the others; more gain nothing
_ADDED = 8  # images that a thread adds up
_STARTS = 4  # images from which the set is grown, until it holds most localizations
_NOWHERE = np.full(2, np.nan)
T = TypeVar("T")


class Shifts(NamedTuple):
    """How far each image of a series lies from the first valid one.

    ``shift`` and ``variance`` have shape (k, d), ``quality`` and ``valid`` (k,). The variance is
    what the image itself contributes: that of the difference of two shifts is the sum of theirs.
    Where ``valid`` is False the rest is NaN. ``influence``, shape (k, n_blocks, d), is how the
    shifts would change without each field block; `standard_errors` makes variances of it.
    """

    shift: FloatArray
    variance: FloatArray
    quality: FloatArray
    valid: BoolArray
    influence: FloatArray | None = None

    @classmethod
    def none(cls, valid: BoolArray, d: int = 2) -> Shifts:
        """Return no shift, along ``d`` axes without extent."""
        nothing = np.full((len(valid), d), np.nan)
        return cls(np.zeros_like(nothing), nothing, nothing[:, 0].copy(), valid)

    def from_first(self) -> Shifts:
        """Return the same shifts from the first valid image."""
        first = np.flatnonzero(self.valid)[:1]
        return self._replace(shift=self.shift - self.shift[first].sum(axis=0))

    def without(self, images: BoolArray) -> Shifts:
        """Return the shifts of which those of some images are not valid."""
        valid = self.valid & ~images
        shift, variance = (np.where(valid[:, None], x, np.nan) for x in self[:2])
        return self._replace(shift=shift, variance=variance, valid=valid).from_first()


@dataclass(frozen=True)
class ImageSeries:
    """The images, or stacks of images, of chunks: their transforms, from `summarize`.

    Those whose ``counts`` of localizations are 0 are invalid.
    """

    spectra: Sequence[Spectrum]
    counts: IntArray
    matcher: PeakMatcher
    threads: int | None = None
    progress: bool = False

    def register(self, target: str) -> Shifts:
        """Return the shifts of all images onto those of the target; see `cc`."""
        present = [int(i) for i in np.flatnonzero(self.counts > 0)]
        out = Shifts.none(self.counts < 0)
        out.shift[:] = np.nan
        if not present:
            return out
        register = {"first": self._on_first, "previous": self._on_previous, "all": self._on_all}
        found = register[target](present)
        if not found:
            return out
        reference = found[min(found)]
        influence = np.zeros((len(self.counts), *reference.influence.shape))
        for i, match in found.items():
            out.shift[i] = match.shift - reference.shift
            out.variance[i], out.quality[i], out.valid[i] = match.variance, match.quality, True
            influence[i] = match.influence
        return out._replace(influence=influence)

    def _on_first(self, present: list[int]) -> dict[int, PeakMatch]:
        first, *others = present
        reference = self.spectra[first]
        found = self._on(reference, others)
        # What the first contributes itself is seen from all others together.
        rest = {i: m.shift for i, m in found.items()}
        itself = self.matcher.match(self._sum(rest), reference) if rest else None
        variance = np.mean([m.variance for m in found.values()], axis=0) if rest else _NOWHERE
        itself = itself or _resting(variance)
        # Its influence is common to all others, who move against it.
        none = np.zeros_like(next(iter(found.values())).influence) if rest else itself.influence
        return found | {first: itself._replace(shift=np.zeros(2), influence=none)}

    def _on_previous(self, present: list[int]) -> dict[int, PeakMatch]:
        def on(before: int, i: int) -> PeakMatch | None:
            return self.matcher.match(self.spectra[before], self.spectra[i], pairs=True)

        before = dict(zip(present[1:], present[:-1], strict=True))
        steps = self._each(present[1:], lambda i: on(before[i], i))
        last = present[0]
        found = {last: _resting(pairs=0.0)}
        for i in before:
            step = steps.get(i) if before[i] == last else on(last, i)
            if step is None:
                continue
            if len(found) == 1:
                back = on(i, last) or step
                found[last] = found[last]._replace(
                    variance=own_variance(back.variance, back.pair_variance), quality=back.quality
                )
            # What is the image's own cancels in the next step; what is the pair's adds up.
            pairs = found[last].pair_variance + step.pair_variance
            own = own_variance(step.variance, step.pair_variance)
            found[i] = PeakMatch(
                found[last].shift + step.shift,
                own + pairs,
                pairs,
                step.quality,
                found[last].influence + step.influence,
            )
            last = i
        first = found[present[0]]
        found[present[0]] = first._replace(influence=np.zeros_like(found[last].influence))
        # What adds up, against the mean of all.
        pairs = about_mean(np.stack([m.pair_variance for m in found.values()]))
        return {
            i: m._replace(variance=m.variance - m.pair_variance + of_pairs)
            for (i, m), of_pairs in zip(found.items(), pairs, strict=True)
        }

    def _on_all(self, present: list[int]) -> dict[int, PeakMatch]:
        order = sorted(present, key=lambda i: -self.counts[i])
        shifts: dict[int, FloatArray] = {}
        for start in order[:_STARTS]:  # an image may have nothing in common with the others
            found = self._grown([start, *(i for i in order if i != start)])
            if self._size(found) > self._size(shifts):
                shifts = found
            if self._size(shifts) > self._size(present) / 2:
                break
        total = self._sum(shifts)
        if len(shifts) == 1:
            return {i: _resting() for i in shifts}
        n = self._size(shifts)
        rest = {i: 1 - self.counts[i] / n for i in shifts}
        for _ in range(ROUNDS):
            moved = self._each(list(shifts), partial(self._moved, total, shifts))
            # The others go on without the image, which has its part in where all of them are.
            shifts = {i: s + rest[i] * moved[i] for i, s in shifts.items()}
            total = self._sum(shifts)
        slopes = self.matcher.of(total)

        def last(i: int) -> PeakMatch | None:
            if i not in shifts:
                return self.matcher.match(total, self.spectra[i], slopes)
            aligned = self._aligned(i, shifts[i])
            match = self.matcher.match(total - aligned, aligned, slopes)
            return match and match._replace(
                shift=shifts[i] + rest[i] * match.shift,
                variance=match.variance * rest[i] ** 2,
                influence=match.influence * rest[i],
            )

        return self._each(present, last)

    def _size(self, images: Iterable[int]) -> int:
        return sum(int(self.counts[i]) for i in images)

    def _grown(self, order: list[int]) -> dict[int, FloatArray]:
        """Return the shifts of a set of images that grows from the first, twice as large a time."""
        shifts, total = {order[0]: np.zeros(2)}, self.spectra[order[0]]
        for size in (2**j for j in range(len(order).bit_length())):
            locate = partial(self._located, total, self.matcher.of(total))
            located = self._each(order[size : 2 * size], locate)
            if located:
                shifts |= located
                total = total + self._sum(located)
        return shifts

    def _located(self, reference: Spectrum, slopes: Slopes, i: int) -> FloatArray | None:
        return self.matcher.locate(reference, self.spectra[i], slopes)

    def _each(self, images: list[int], function: Callable[[int], T | None]) -> dict[int, T]:
        """Apply to images in parallel, and leave out those for which nothing comes back."""
        results = map_threads(
            function,
            images,
            threads=self.threads,
            progress=self.progress,
            description="correlations",
        )
        return {i: r for i, r in zip(images, results, strict=True) if r is not None}

    def _on(self, reference: Spectrum, images: list[int]) -> dict[int, PeakMatch]:
        slopes = self.matcher.of(reference)
        return self._each(images, lambda i: self.matcher.match(reference, self.spectra[i], slopes))

    def _aligned(self, i: int, shift: FloatArray) -> Spectrum:
        aligned: Spectrum = self.spectra[i] * self.matcher.correlator.phase(shift)
        return aligned

    def _sum(self, shifts: dict[int, FloatArray]) -> Spectrum:
        """Sum of images, each moved back by its shift; at least one."""

        def added(images: list[int]) -> Spectrum:
            total = self._aligned(images[0], shifts[images[0]])
            for i in images[1:]:
                total += self._aligned(i, shifts[i])
            return total

        order = sorted(shifts)
        some = [order[k : k + _ADDED] for k in range(0, len(order), _ADDED)]
        total, *others = map_threads(added, some, threads=self.threads)
        for other in others:
            total += other
        return total

    def _moved(self, total: Spectrum, shifts: dict[int, FloatArray], i: int) -> FloatArray:
        """Return how far an image lies from the sum of the others."""
        aligned = self._aligned(i, shifts[i])
        shift = self.matcher.correlator.refine(cross(total - aligned, aligned), np.zeros(2))
        return shift if np.isfinite(shift).all() else np.zeros(2)


def _resting(
    variance: FloatArray = _NOWHERE, quality: float = np.nan, pairs: float = np.nan
) -> PeakMatch:
    return PeakMatch(np.zeros(2), variance, np.full(2, pairs), quality, np.zeros((1, 2)))
