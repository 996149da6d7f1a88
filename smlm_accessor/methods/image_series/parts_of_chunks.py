"""Parts of chunks: where each lies in the sum of all other chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.correlation.peak_precision import PeakMatch, PeakMatcher, Slopes
from smlm_accessor.kernels.images.images import Spectrum
from smlm_accessor.methods.image_series.spectra import SpectrumOfRows

#: Parts of a chunk to begin with: a jump within one moves the mean by a 16th of it at most.
PARTS = 8
# Localizations of a part to begin with, at least: of many that are smaller, one matches by chance.
_FEWEST = 100


def edges_of_parts(bounds: IntArray, n: int = PARTS) -> IntArray:
    """Return where ``n`` parts of each chunk begin, and the last ends; shape (k, n + 1).

    Chunks with these ``bounds`` are halved, and halved again; ``n`` is a power of two.
    """
    edges = np.stack([bounds[:-1], bounds[1:]], axis=1)
    while edges.shape[1] <= n:
        middle = (edges[:, 1:] + edges[:, :-1]) // 2
        finer = np.empty((len(edges), 2 * edges.shape[1] - 1), edges.dtype)
        finer[:, ::2], finer[:, 1::2] = edges, middle
        edges = finer
    return edges


class Part(NamedTuple):
    """Rows of a chunk, one after the other, and where they lie."""

    chunk: int
    start: int
    stop: int
    match: PeakMatch


@dataclass(frozen=True)
class PartSearch:
    """Matches parts of chunks with the sum of all other chunks, each moved back by its ``shift``.

    Chunks whose shift is NaN are not in the sum. ``bounds`` are those of the rows of the chunks.
    Make it with `begin`.
    """

    image: SpectrumOfRows
    bounds: IntArray
    shift: FloatArray
    matcher: PeakMatcher
    total: Spectrum
    slopes: Slopes

    @classmethod
    def begin(
        cls, image: SpectrumOfRows, bounds: IntArray, shift: FloatArray, matcher: PeakMatcher
    ) -> PartSearch:
        """Add up the chunks that have a shift, at least one."""
        total = np.zeros((1, *matcher.correlator.gain.shape), np.complex64)
        nothing = cls(image, bounds, shift, matcher, total, Slopes(total, total))
        for chunk in np.flatnonzero(np.isfinite(shift).all(axis=1)).tolist():
            total = total + nothing.aligned(chunk)
        return cls(image, bounds, shift, matcher, total, matcher.of(total))

    def aligned(self, chunk: int) -> Spectrum:
        """Return the transform of a chunk, moved back by its shift."""
        whole = self.image(slice(*self.bounds[chunk : chunk + 2].tolist()))
        moved: Spectrum = whole * self.matcher.correlator.phase(self.shift[chunk])
        return moved

    def without(self, chunk: int) -> Spectrum:
        """Return the sum without a chunk."""
        in_sum = np.isfinite(self.shift[chunk]).all()
        return self.total - self.aligned(chunk) if in_sum else self.total

    def parts(self, chunk: int, n: int) -> list[Part]:
        """Return parts of a chunk, ``n`` if all are seen, a power of two; none if it is not seen.

        There are fewer if they would be small. A part that is not seen by itself is put together
        with what is beside it.
        """
        start, stop = self.bounds[chunk : chunk + 2].tolist()
        while stop - start < n * _FEWEST:
            n //= 2
        return self._seen(self.without(chunk), chunk, start, stop, n)

    def halves(self, part: Part) -> list[Part]:
        """Return the halves of a part, or the part itself if they are not both seen."""
        chunk, start, stop, _ = part
        return self._seen(self.without(chunk), chunk, start, stop, 2) or [part]

    def _seen(self, others: Spectrum, chunk: int, start: int, stop: int, n: int) -> list[Part]:
        if n > 1 and stop > start + 1:
            middle = (start + stop) // 2
            early = self._seen(others, chunk, start, middle, n // 2)
            late = self._seen(others, chunk, middle, stop, n // 2)
            if early and late:
                return early + late
        match = self.matcher.match(others, self.image(slice(start, stop)), self.slopes)
        return [] if match is None else [Part(chunk, start, stop, match)]
