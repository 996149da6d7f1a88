"""A sample that flows: found to the noise, with true errors, and nothing invented."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.polynomial.legendre import legvander2d

import smlm_accessor  # noqa: F401 - registers .smlm
from smlm_accessor._typing import FloatArray
from smlm_accessor.drift.local import field_of
from smlm_accessor.kernels.geometry.smooth_field import SmoothField
from smlm_accessor.methods.overlap.motions.flow import Flow
from smlm_accessor.table.attributes import parameters

N_FRAMES, PRECISION, FIELD = 6_000, 10.0, 20_000.0


def flowing(size: float, seed: int, d: int = 2) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
    """Return a membrane that flows like a liquid in a channel, by so much in the middle.

    And the sites and the positions of the same without motion, with the same errors.
    """
    rng = np.random.default_rng(seed)
    n, axes = 20_000, "xyz"[:d]
    sites = rng.uniform(-0.5, 0.5, (300, d)) * np.array([FIELD, FIELD, 600.0])[:d]
    frame = np.sort(rng.integers(0, N_FRAMES, n))
    t = frame / N_FRAMES
    at = sites[rng.integers(len(sites), size=n)]
    still = at + rng.normal(0, PRECISION, at.shape)
    moved = still + np.stack([100 * np.sin(3 * t), 80 * t, 20 * t][:d], axis=1)
    moved[:, 0] += size * (1 - (2 * at[:, 1] / FIELD) ** 2) * (t + 0.15 * np.sin(2 * np.pi * t))
    table = pd.DataFrame({"frame": frame, **dict(zip(axes, moved.T, strict=True))})
    return table, at, still


@cache
def flow(seed: int) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
    return flowing(50.0, seed)


@cache
def drift_of_flow(seed: int) -> xr.Dataset:
    return flow(seed)[0].smlm.drift(transformation="local")


def left(table: pd.DataFrame, at: FloatArray, still: FloatArray) -> FloatArray:
    """Return errors of positions; how the sample is deformed as a whole is not known."""
    off = table[list("xyz"[: at.shape[1]])].to_numpy() - still
    known = legvander2d(2 * at[:, 0] / FIELD, 2 * at[:, 1] / FIELD, [3, 3])
    return np.asarray(off - known @ np.linalg.lstsq(known, off, rcond=None)[0])


def stated(drift: xr.Dataset, table: pd.DataFrame) -> FloatArray:
    """Return the variance that is stated of each position."""
    chunk = np.searchsorted(drift.frame_start.values, table.frame, side="right") - 1
    values = field_of(drift).values(table[["x", "y"]].to_numpy() + drift.offset.values[chunk])
    of_field = np.einsum("nt,nta->na", values**2, drift.local_std.values[chunk] ** 2)
    return np.asarray(drift.offset_std.values[chunk] ** 2 + of_field)


def test_a_membrane_that_flows_is_corrected_to_the_noise_of_the_estimate() -> None:
    ratios = []
    for seed in (1, 2, 3):
        table, at, still = flow(seed)
        drift = drift_of_flow(seed)
        assert parameters(drift)["field_order"] == 2
        off = left(table.smlm.correct(drift), at, still)
        assert off.std() < 0.6
        ratios.append((off**2).mean(axis=0) / stated(drift, table).mean(axis=0))
    assert 0.8 < np.sqrt(np.mean(ratios)) < 1.25
    shifted = left(table.smlm.correct(table.smlm.drift()), at, still)
    assert shifted[:, 0].std() > 3.0


def test_nothing_is_invented() -> None:
    for seed in range(3):
        table, *_ = flowing(0.0, seed)
        drift = table.smlm.drift(transformation="local")
        assert parameters(drift)["field_order"] == 0
        assert "local" not in drift
        if not seed:
            np.testing.assert_array_equal(drift.offset.values, table.smlm.drift().offset.values)


def test_auto_takes_it() -> None:
    table, *_ = flow(1)
    assert parameters(table.smlm.drift(transformation="auto"))["transformation"] == "local"


def test_in_three_dimensions() -> None:
    table, at, still = flowing(50.0, 1, d=3)
    drift = table.smlm.drift(transformation="local")
    assert left(table.smlm.correct(drift), at, still)[:, :2].std() < 0.8


def test_a_flow_is_undone() -> None:
    field = SmoothField(("x",), np.zeros(2), np.array([10.0, 10.0]))
    coefficient = np.array([[[0.0, 0.0]], [[4.0, 2.0]]])
    nothing, one = np.zeros((2, 2)), np.ones((2, 2))
    moving = Flow(field, np.array([0.0, 10.0]), one, nothing, coefficient, 0 * coefficient, 5.0)
    seen = np.array([[1.0 + 5 + 1 + 1, 2.0 + 1 + 0.5]])
    undone = moving.undone(seen, np.array([5.0]), np.array([[1.0, 2.0]]))
    # Of what is at (6, 0.5) without drift and constant, 0.6 of half the coefficient.
    np.testing.assert_allclose(undone, [[8.0 - 1 - 1.2, 3.5 - 1 - 0.6]])


@pytest.mark.parametrize("given", [{"n_chunks": 20}, {}])
def test_chunks(given: dict[str, int]) -> None:
    table, at, still = flow(1)
    drift = table.smlm.drift(transformation="local", **given)
    assert left(table.smlm.correct(drift), at, still).std() < 0.8
