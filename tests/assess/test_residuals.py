from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.residuals import Residuals


def known(size: float, seed: int) -> tuple[Residuals, FloatArray]:
    """Return values of 5 windows and 30 blocks with known errors, and what is true of them."""
    rng = np.random.default_rng(seed)
    variance = np.broadcast_to(rng.uniform(0.5, 2.0, (30, 2)), (5, 30, 2))
    true = size * np.multiply.outer(np.arange(5.0) - 2, np.linspace(-1, 1, 30))[..., None]
    value = true + rng.normal(size=variance.shape) * np.sqrt(variance)
    share, of_field = np.full((5, 30), 0.2), 1 / variance[0]
    of_field = of_field / of_field.sum(axis=0)
    for _ in range(5):
        value -= value.mean(axis=0)
        value -= (of_field * value).sum(axis=1, keepdims=True)
    return Residuals(value, variance, share, of_field, np.full(30, 100)), true


def test_probabilities_of_noise_are_even() -> None:
    alone = [known(0.0, seed)[0].chances() for seed in range(200)]
    total = np.array([of_all[2] for _, of_all in alone])
    assert 0.4 < total.mean() < 0.6
    assert np.mean([each.min() < 0.1 for each, _ in alone]) < 0.2
    assert alone[0][1][1] == 4 * 29 * 2


def test_changes_have_true_errors() -> None:
    ratios = []
    for seed in range(50):
        found, _ = known(1.5, seed)
        change, std = found.change(np.linspace(0, 1, 5))
        true = 4 * 1.5 * np.linspace(-1, 1, 30)[:, None]
        true = true - (found.of_field * true).sum(axis=0)
        ratios.append(np.mean(((change - true) / std) ** 2))
        assert found.chances()[1][2] < 1e-4
    assert 0.9 < np.sqrt(np.mean(ratios)) < 1.1
