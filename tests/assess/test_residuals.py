"""Residual drift of blocks: its errors, and what molecules that blink in bursts do not feign."""

from __future__ import annotations

import numpy as np

import smlm_accessor  # noqa: F401 - registers .smlm
from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.residuals import Residuals, residuals
from smlm_accessor.kernels.density.pair_kernel import FINE
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.timeline import Windows

N_FRAMES, FIELD, PRECISION, N_WINDOWS, ACROSS = 8_000, 20_000.0, 10.0, 4, 4


def known(size: float, seed: int) -> tuple[Residuals, FloatArray]:
    """Return values of 5 windows and 30 blocks with estimated errors, and what is true of them."""
    rng = np.random.default_rng(seed)
    n, k, d, places = 5, 30, 2, 25
    true = size * np.multiply.outer(np.arange(5.0) - 2, np.linspace(-1, 1, k))[..., None]
    of_places = rng.normal(size=(places, n, k, d)) * rng.uniform(0.5, 2, (k, d))
    of_places -= of_places.mean(axis=1, keepdims=True)
    value = true + of_places.mean(axis=0)
    rest = of_places - of_places.mean(axis=0)
    covariance = np.einsum("psbd,ptbd->bdst", rest, rest) / (places * (places - 1))
    of_field = 1 / np.einsum("bdss->bd", covariance)
    of_field = of_field / of_field.sum(axis=0)
    value = value - (of_field * value).sum(axis=1, keepdims=True)
    numbers = np.full(k, float(places))
    return Residuals(value, covariance, of_field, numbers, np.full(k, 99), np.zeros(0)), true


def test_probabilities_of_noise_are_even() -> None:
    least = np.array([known(0.0, seed)[0].chances().min() for seed in range(200)])
    assert 0.05 < np.mean(least < 0.1) < 0.2
    assert (known(0.5, 1)[0].chances()[[0, -1]] < 1e-3).all()


def test_changes_have_true_errors() -> None:
    ratios = []
    for seed in range(50):
        found, _ = known(0.5, seed)
        change, std = found.change(np.linspace(0, 1, 5))
        true = 4 * 0.5 * np.linspace(-1, 1, 30)[:, None]
        true = true - (found.of_field * true).sum(axis=0)
        ratios.append(np.mean(((change - true) / std) ** 2))
    assert 0.9 < np.sqrt(np.mean(ratios)) < 1.15


def test_score_is_that_of_products() -> None:
    rest = (
        np.zeros((1, 1, 1)),
        np.zeros((1, 1, 1, 1)),
        np.zeros((1, 1)),
        np.ones(1),
        np.ones(1, int),
    )
    assert Residuals(*rest, np.array([3.0, 4.0])).score == 7 / 5
    assert Residuals(*rest, np.zeros(3)).score == 0.0


def bursts(seed: int, size: float = 0.0) -> Residuals:
    """Return what is left of molecules that blink 20 times within a tenth of the movie.

    They lie in clusters of four precisions, which others of other times share, and are drawn out
    along x by ``size``, to the right above and to the left below.
    """
    rng = np.random.default_rng(seed)
    clusters = rng.uniform(-0.5, 0.5, (500, 2)) * FIELD
    site = clusters[rng.integers(len(clusters), size=8_000)]
    site = site + rng.normal(0, 4 * PRECISION, site.shape)
    n = rng.geometric(1 / 20, len(site))
    begin = np.repeat(rng.uniform(0, N_FRAMES, len(site)), n)
    frame = (begin + rng.uniform(0, N_FRAMES / 10, n.sum())).astype(np.int64)
    at = np.repeat(site, n, axis=0) + rng.normal(0, PRECISION, (n.sum(), 2))
    inside = frame < N_FRAMES
    order = np.argsort(frame[inside], kind="stable")
    frame, at = frame[inside][order], at[inside][order]
    at[:, 0] += size * (frame / N_FRAMES - 0.5) * at[:, 1] / FIELD
    precision = np.full(2, PRECISION)
    usable = ChunkedLocalizations(at, frame, np.array([0, len(at)]), ("x", "y"))
    rows = WeightedLocalizations.of(usable, precision)
    still = np.zeros((len(rows.timeline.frames), 2))
    events = rows.events(still, precision, np.zeros(len(still), dtype=np.int64))
    density = Density.of(events, still, precision, FINE[-1], None)
    first = rows.timeline.frames[:: len(rows.timeline.frames) // N_WINDOWS][:N_WINDOWS]
    windows: Windows = rows.timeline.beginning(first)
    cell = np.clip((events.positions / FIELD + 0.5) * ACROSS, 0, ACROSS - 1).astype(np.int64)
    return residuals(density, windows, cell[:, 1] * ACROSS + cell[:, 0])


def test_bursts_do_not_feign_a_motion() -> None:
    found = [bursts(seed) for seed in (1, 2, 3)]
    ratios = [one.value[:, one.told] / one.std[:, one.told] for one in found]
    assert sum(int(one.told.sum()) for one in found) > 30
    assert 0.8 < np.sqrt(np.mean(np.concatenate(ratios, axis=1) ** 2)) < 1.25
    assert all(abs(one.score) < 3 for one in found)


def test_a_shear_of_bursts_is_found() -> None:
    assert bursts(1, size=80.0).score > 3
