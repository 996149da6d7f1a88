"""Parts of chunks with known shifts."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher, PeakSignificance
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.images.grid import make_grid
from smlm_accessor.methods.image_series.parts_of_chunks import PartSearch
from smlm_accessor.methods.image_series.spectra import SpectrumOfRows

FIELD, REACH = np.full(2, 60.0), np.full(2, 25.0)
GRID = make_grid(0 * FIELD, FIELD, bin_size=0.6, smoothing=0.9, max_shift=REACH)
COUNT = 1600  # of a chunk
SIGNIFICANT = PeakSignificance(quality=7.0, without_best=3.0)


def chunks(seed: int, *shifts: FloatArray) -> FloatArray:
    """Return localizations of chunks, each with the shift of each, shape (COUNT, 2) or (2,)."""
    centers = np.random.default_rng(0).uniform(10, 50, (80, 2))
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [centers[rng.integers(80, size=COUNT)] + rng.normal(0, 0.4, (COUNT, 2)) + s for s in shifts]
    )


def search(positions: FloatArray, shift: FloatArray) -> PartSearch:
    blocks = make_field_blocks(positions)
    matcher = PeakMatcher(Correlator(GRID, 0.9), REACH, SIGNIFICANT, blocks)
    bounds = np.arange(0, len(positions) + 1, COUNT)
    return PartSearch.begin(SpectrumOfRows(positions, GRID), bounds, shift, matcher)


def jump_after(n: int, by: tuple[float, float]) -> FloatArray:
    """Return the drift of a chunk that jumps after so many localizations."""
    return np.where(np.arange(COUNT)[:, None] < n, 0.0, by)


def test_parts_lie_where_they_are() -> None:
    drift = jump_after(600, (7.0, -4.0))
    still = np.zeros(2)
    found = search(chunks(1, drift, still, still), np.array([[7.0, -4.0], still, still]))
    parts = found.parts(0, 8)
    assert [part.stop - part.start for part in parts] == [200] * 8
    for part in parts:
        np.testing.assert_allclose(part.match.shift, drift[part.start], atol=0.3)
    assert [part.start for part in found.parts(1, 8)] == [1600 + 200 * i for i in range(8)]


def test_a_part_without_structure_is_put_together_with_the_one_beside_it() -> None:
    positions = chunks(2, *np.zeros((3, 2)))
    positions[400:600] = np.random.default_rng(3).uniform(0, 60, (200, 2))
    parts = search(positions, np.zeros((3, 2))).parts(0, 8)
    assert [(p.start, p.stop) for p in parts][:4] == [(0, 200), (200, 400), (400, 800), (800, 1000)]


def test_a_long_blink_on_another_molecule_is_no_match() -> None:
    """Half of the part is one blink: at another shift it lies on a bright molecule."""
    positions = chunks(4, *np.zeros((3, 2)))
    bright = np.random.default_rng(5).random(len(positions)) < 0.3
    bright[:200] = False
    rng = np.random.default_rng(6)
    positions[bright] = rng.normal([20.0, 20.0], 0.4, (bright.sum(), 2))
    positions[:150] = rng.normal([40.0, 33.0], 0.4, (150, 2))
    parts = search(positions, np.zeros((3, 2))).parts(0, 8)
    assert all(np.abs(part.match.shift).max() < 1.0 for part in parts)


def test_small_chunks_are_seen_as_a_whole_and_empty_ones_not_at_all() -> None:
    positions = chunks(8, *np.zeros((3, 2)))
    found = search(positions, np.zeros((3, 2)))
    small = PartSearch(
        *(found.image, np.array([0, 150, 150, 4800]), found.shift),
        *(found.matcher, found.total, found.slopes),
    )
    assert len(small.parts(0, 8)) == 1
    assert small.parts(1, 8) == []


@pytest.mark.parametrize("jump", [60, 100, 170])
def test_halves_close_in_on_a_jump(jump: int) -> None:
    drift, still = jump_after(jump, (7.0, -4.0)), np.zeros(2)
    found = search(chunks(9, drift, still, still), np.array([[7.0, -4.0], still, still]))
    (whole,) = found.parts(0, 1)
    early, late = found.halves(whole._replace(stop=200))
    assert (early.start, early.stop, late.stop) == (0, 100, 200)
    truth = [np.median(drift[half.start : half.stop], axis=0) for half in (early, late)]
    for half, true in zip((early, late), truth, strict=True):
        np.testing.assert_allclose(half.match.shift, true, atol=0.5)
