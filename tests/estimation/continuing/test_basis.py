"""What an estimate of all rows is made ready with, for rows that come after."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.estimation.continuing.basis import Basis, chunk_length
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.table.columns import set_columns
from tests import scenes

N = 1500


def test_it_has_the_drift_the_reference_and_the_rates() -> None:
    drift = scenes.random_walk(N, 0.15, seed=2)
    scene = scenes.blinking(scenes.sites(80), n_frames=N, per_frame=5, seed=1).drifting(drift)
    basis = Basis.of(scene.moved, estimate_drift(scene.moved))
    assert basis is not None
    assert (basis.n_rows, basis.last, basis.extent) == (len(scene.moved), N - 1, N)
    # Events of the reference lie on sites, but for a constant.
    apart = basis.reference.positions[:, None] + basis.center - scene.sites
    nearest = apart[np.arange(len(apart)), (apart**2).sum(axis=2).argmin(axis=1)]
    assert np.std(nearest - np.median(nearest, axis=0), axis=0).max() < 1.6 * scenes.PRECISION
    assert [rates[0] for rates in basis.course.rates] == pytest.approx([0.15**2] * 2, rel=0.5)
    smoothed = basis.course.smoothed()
    std = np.median(basis.drift["offset_std"], axis=0)
    np.testing.assert_allclose(np.median(smoothed.std, axis=0), std, rtol=0.25)
    assert chunk_length(basis.drift, basis.count) >= 1
    assert basis.std_at_end(N, len(scene.moved)) == pytest.approx(std.mean(), rel=0.05)
    assert basis.std_at_end(N, 2 * len(scene.moved)) < 0.9 * std.mean()
    assert basis.std_at_end(2 * N, 2 * len(scene.moved)) == pytest.approx(std.mean(), rel=0.05)


def test_of_traces_and_missing_z_there_is_none() -> None:
    scene = scenes.blinking(scenes.sites(80, d=3), n_frames=600, per_frame=5, seed=1)
    table = scene.moved
    drift = estimate_drift(table)
    assert Basis.of(table, drift) is not None
    traces = set_columns(table.assign(tid=np.arange(len(table)) // 2), trace="tid")
    assert Basis.of(traces, drift) is None
    assert Basis.of(table.assign(z=table.z.where(table.z > -100)), drift) is None
    assert Basis.of(table.drop(columns="z"), drift) is None
