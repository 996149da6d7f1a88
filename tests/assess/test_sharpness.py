"""Fourier ring correlation: the resolution of a Gaussian blur of known width."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.assess.sharpness import ring_correlation


def test_a_blur_of_twice_the_width_has_about_half_the_resolution() -> None:
    rng = np.random.default_rng(1)
    sites = np.repeat(rng.uniform(0, 4_000, (400, 2)), 60, axis=0)
    frames = rng.permutation(len(sites))
    unit = rng.normal(0, 1, sites.shape)
    curves, (before, after) = ring_correlation((sites + 20 * unit, sites + 10 * unit), frames, 10.0)
    assert before == pytest.approx(2 * after, rel=0.15)
    # Of 60 localizations of each site, signal and noise are alike: exp(-(2 pi q s)**2) of 1 / 6.
    assert 2 * 10 < after < 6 * 10
    for curve, length in ((curves.before, before), (curves.after, after)):
        assert np.interp(1 / length, curves.frequency, curve) == pytest.approx(1 / 7, rel=1e-6)


def test_a_constant_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    x = np.repeat(rng.uniform(0, 2_000, (200, 2)), 40, axis=0)
    x += rng.normal(0, 10, x.shape)
    _, (before, after) = ring_correlation((x, x + 123.4), rng.permutation(len(x)), 10.0)
    assert after == pytest.approx(before, rel=0.05)
