"""Shifts of a series of images, beside the true ones, for each target."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher, PeakSignificance
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.images.grid import make_grid
from smlm_accessor.methods.image_series.registration import ImageSeries, Shifts
from smlm_accessor.methods.image_series.spectra import SpectrumOfRows, summarize
from smlm_accessor.methods.image_series.standard_errors import jackknifed

FIELD = np.full(2, 60.0)
REACH = np.full(2, 10.0)
GRID = make_grid(0 * FIELD, FIELD, bin_size=0.3, smoothing=0.45, max_shift=REACH)
TRUE = np.array([[0.0, 0], [1.5, -2], [-3, 0.7], [4, 4], [0.2, 5]])


def chunks(seed: int, n: int = 400) -> list[FloatArray]:
    centers = np.random.default_rng(0).uniform(10, 50, (80, 2))
    rng = np.random.default_rng(seed)
    return [centers[rng.integers(80, size=n)] + rng.normal(s, 0.4, (n, 2)) for s in TRUE]


def register(parts: list[FloatArray], target: str) -> Shifts:
    positions = np.concatenate(parts)
    counts = np.array([len(p) for p in parts])
    bounds = np.append(0, np.cumsum(counts))
    blocks = make_field_blocks(positions) if len(positions) else None
    matcher = PeakMatcher(Correlator(GRID, 0.45), REACH, PeakSignificance(quality=7.0), blocks)
    spectra = summarize(SpectrumOfRows(positions, GRID), bounds)
    return ImageSeries(spectra, counts, matcher).register(target)


@pytest.mark.parametrize("target", ["first", "previous", "all"])
def test_shifts_and_their_standard_errors(target: str) -> None:
    errors = []
    for seed in range(12):
        found = jackknifed(register(chunks(seed), target))
        assert found.valid.all()
        steps = np.diff(found.shift - TRUE, axis=0)[1:]
        variance = found.variance[2:] + found.variance[1:-1]
        errors.append(steps / np.sqrt(variance))
    np.testing.assert_array_less(np.abs(found.shift - TRUE), 0.4)
    assert 0.7 < np.std(errors) < 1.3


def test_an_image_without_localizations_or_structure_is_left_out() -> None:
    parts = chunks(1)
    parts[1] = np.zeros((0, 2))
    parts[3] = np.random.default_rng(1).uniform(0, 60, (400, 2))
    for target in ("first", "previous", "all"):
        found = register(parts, target)
        assert found.valid.tolist() == [True, False, True, False, True]
        np.testing.assert_allclose(found.shift[[2, 4]], TRUE[[2, 4]], atol=0.4)
        assert np.isnan(found.shift[[1, 3]]).all()


def test_nothing_gives_nothing() -> None:
    assert not register([np.zeros((0, 2))] * 3, "all").valid.any()


def test_images_in_a_row_need_nothing_in_common_with_the_first() -> None:
    centers = np.random.default_rng(2).uniform(10, 50, (120, 2))
    rng = np.random.default_rng(3)
    parts = []
    for k in range(3):
        shown = centers[40 * k : 40 * k + 80]
        parts.append(shown[rng.integers(len(shown), size=1500)] + rng.normal(k, 0.3, (1500, 2)))
    assert register(parts, "previous").valid.all()
    assert not register(parts, "first").valid[2]
