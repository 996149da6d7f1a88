"""The smoothing that is chosen is as good as any, whatever the structure and the start."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.smoothing import choose_smoothing
from tests import scenes

K = 8
STILL = np.ones(K, dtype=bool)


def aligner(std: float, *, d: int = 2, given: float | None = None) -> Aligner:
    """Localizations without drift about sites: their spectrum is that of a Gaussian."""
    rng = np.random.default_rng(1)
    sites = rng.uniform(0, 6000, (150, d)) * [1, 1, 0.1][:d]
    n = 8000
    x = sites[rng.integers(150, size=n)] + rng.normal(0, np.array([1, 1, 2.5])[:d] * std, (n, d))
    frames = np.sort(rng.integers(800, size=n))
    axes = ("x", "y", "z")[:d]
    return Aligner(ChunkedLocalizations(x, frames, np.array([0, n]), axes), given, None, None)


@pytest.mark.parametrize("std", [5.0, 20.0])
@pytest.mark.parametrize("start", [10.0, 160.0])
def test_no_smoothing_makes_shifts_more_precise(std: float, start: float) -> None:
    points = aligner(std)
    windows = points.all.timeline.cut(np.linspace(0, 800, K + 1).astype(int))
    nothing = np.zeros((K, 2))
    h, found = choose_smoothing(points, windows, nothing, STILL, np.full(2, start))
    assert std / 2 < h[0] <= 4 * std
    for other in (std / 2, std, 2 * std, 4 * std, 8 * std):
        tried = points.align_sample(windows, nothing, np.full(2, other))
        assert np.median(found.variance) < 1.25 * np.median(tried.variance)


@pytest.mark.parametrize(
    ("structure", "seed", "k"),
    [(scenes.sites(), 2, 6), (scenes.rings(60, 4_000), 3, 24), (scenes.filaments(), 1, 24)],
    ids=["sites", "rings", "filaments"],
)
def test_chance_does_not_promise_more_the_finer_it_is(
    structure: FloatArray, seed: int, k: int
) -> None:
    """Windows move while they last, and a fine smoothing sees nothing but blinks at their ends."""
    n_frames, precision = 2000, 10.0
    curve = scenes.restless(n_frames, amplitude=40.0, frames_per_radian=60.0)
    seen = scenes.blinking(
        structure, n_frames=n_frames, per_frame=4, on=8, precision=precision, seed=seed
    ).drifting(curve)
    points = Aligner(seen.chunked(k), None, None, 1)
    windows = points.all.timeline.cut(points.localizations.frame_edges())
    drift = windows.mean(curve[points.all.timeline.frames])
    h, _ = choose_smoothing(points, windows, drift, windows.counts > 0, np.full(2, 40.0))
    assert h[0] > precision / 2


def test_along_z_it_is_chosen_by_itself() -> None:
    points = aligner(8.0, d=3)
    windows = points.all.timeline.cut(np.linspace(0, 800, K + 1).astype(int))
    nothing = np.zeros((K, 3))
    h, found = choose_smoothing(points, windows, nothing, STILL, np.full(3, 100.0))
    assert h[0] == h[1]
    for other in (10.0, 20.0, 40.0, 80.0, 160.0):
        tried = points.align_sample(windows, nothing, np.array([h[0], h[1], other]))
        assert np.median(found.variance[:, 2]) < 1.25 * np.median(tried.variance[:, 2])


def test_a_smoothing_that_is_asked_for_is_taken() -> None:
    points = aligner(8.0, given=33.0)
    windows = points.all.timeline.cut(np.linspace(0, 800, K + 1).astype(int))
    h, found = choose_smoothing(points, windows, np.zeros((K, 2)), STILL, np.full(2, 100.0))
    assert h.tolist() == [33, 33]
    assert found.valid.all()


@pytest.mark.parametrize("wrong_by", [1.0, 8.0])
def test_near_the_best_chance_is_not_taken_and_a_wrong_precision_is_seen(wrong_by: float) -> None:
    """Rings have little between their size and width."""
    structure = scenes.rings(30)
    seen = scenes.visits(structure, n=12_000, n_frames=2_000, seed=4)
    points = Aligner(seen.chunked(), None, None, 1)
    windows = points.all.timeline.evenly(24)
    nothing = np.zeros((24, 2))
    start = np.full(2, 2 * 2**0.5 * scenes.PRECISION * wrong_by)
    h, _ = choose_smoothing(points, windows, nothing, windows.counts > 0, start, near=True)
    assert scenes.PRECISION <= h[0] < 4 * scenes.PRECISION
