"""What is left by field blocks: true, with true errors, and nothing where nothing is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor  # noqa: F401 - registers .smlm
from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.field_map import arrows_of, is_significant
from smlm_accessor.errors import DriftError, OptionError

N_FRAMES, FIELD, N_BLOCKS, N_WINDOWS = 6_000, 20_000.0, 6, 3


def sheared(
    size: float, seed: int, n: int = 15_000, n_sites: int = 1_500
) -> tuple[pd.DataFrame, xr.Dataset]:
    """Return a sheet whose upper edge goes to the right, its lower to the left; and its drift."""
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-0.5, 0.5, (n_sites, 2)) * FIELD
    at = sites[rng.integers(len(sites), size=n)]
    frame = np.sort(rng.integers(0, N_FRAMES, n))
    t = frame / N_FRAMES
    seen = at + rng.normal(0, 10, at.shape) + np.stack([100 * np.sin(3 * t), 80 * t], axis=1)
    seen[:, 0] += size * t * at[:, 1] / FIELD
    table = pd.DataFrame({"frame": frame, "x": seen[:, 0] + 5e4, "y": seen[:, 1]})
    return table, table.smlm.drift()


@cache
def found(size: float, seed: int) -> xr.Dataset:
    table, drift = sheared(size, seed)
    made: xr.Dataset = drift.smlm.field_map(table, n_blocks=N_BLOCKS, n_windows=N_WINDOWS)
    return made


def true_change(size: float) -> FloatArray:
    middle = (np.arange(N_BLOCKS) + 0.5) / N_BLOCKS - 0.5
    return np.stack(np.broadcast_arrays(size * middle[:, None], np.zeros((1, N_BLOCKS))), axis=-1)


def test_what_is_left_is_found_with_true_errors() -> None:
    ratios, of_windows = [], []
    for size, seed in ((40.0, 1), (40.0, 2), (0.0, 1), (0.0, 2)):
        made = found(size, seed)
        off = (made.change.values - true_change(size)) / made.change_std.values
        ratios.append(np.mean(off**2))
        since = (made.frame.values / N_FRAMES - made.frame.values.mean() / N_FRAMES)[:, None, None]
        true = since[..., None] * true_change(size)
        of_windows.append(np.mean(((made.residual - true) / made.residual_std).values ** 2))
    assert 0.8 < np.sqrt(np.mean(ratios)) < 1.25
    assert 0.8 < np.sqrt(np.mean(of_windows)) < 1.25


def test_significance() -> None:
    real, nothing = found(40.0, 1), found(0.0, 1)
    assert is_significant(real)
    assert real.attrs["p_value"] < 1e-5
    assert real.attrs["transformation"] in ("affine", "local")
    assert (real.p_value.values[[0, -1]] < 1e-3).mean() > 0.7  # the edges
    assert (real.p_value.values[2:4] > 1e-3).all()
    assert "differs over the field: by" in real.attrs["summary"]
    assert not is_significant(nothing)
    assert nothing.attrs["p_value"] > 1e-3
    assert "does not differ" in nothing.attrs["summary"]


def test_it_is_labelled() -> None:
    made = found(40.0, 1)
    assert dict(made.sizes) == {"window": 3, "y": 6, "x": 6, "component": 2}
    assert made.x.values.mean() == pytest.approx(5e4, abs=300)
    assert (np.diff(made.frame.values) > 1_500).all()
    assert int(made.n_events.sum()) > 14_000


def test_once_corrected_by_a_field_nothing_is_left() -> None:
    table, _ = sheared(40.0, 1)
    drift = table.smlm.drift(transformation="local")
    left = drift.smlm.field_map(table, n_blocks=N_BLOCKS)
    assert not is_significant(left)
    model = drift.smlm.fit()
    assert not is_significant(drift.smlm.field_map(table, model=model, n_blocks=N_BLOCKS))


def test_few_blocks_are_taken_where_there_is_little() -> None:
    table, drift = sheared(0.0, 3, n=2_000, n_sites=300)
    made = drift.smlm.field_map(table)
    assert made.sizes["x"] == 2
    assert np.isfinite(made.change).all()
    finer = drift.smlm.field_map(table, n_blocks=5)
    assert 0 < np.isnan(finer.change.values[..., 0]).sum() < 25
    with pytest.raises(DriftError, match="fewer n_blocks"):
        drift.smlm.field_map(table, n_blocks=20)


def test_what_cannot_be_told() -> None:
    table, drift = sheared(0.0, 3, n=2_000, n_sites=300)
    with pytest.raises(OptionError, match="n_blocks"):
        drift.smlm.field_map(table, n_blocks=1)
    with pytest.raises(DriftError, match="Too few"):
        drift.smlm.field_map(table.iloc[::4])


def test_arrows_are_as_long_as_a_block() -> None:
    arrows = arrows_of(found(40.0, 1))
    assert len(arrows.middle) == N_BLOCKS**2
    longest = np.abs(arrows.change).max() * arrows.enlarged
    assert 0.5 * FIELD / N_BLOCKS < longest <= FIELD / N_BLOCKS * 1.1
    assert arrows.significant.any()
    assert not arrows.significant.all()
