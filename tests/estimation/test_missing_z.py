"""Localizations without z: x and y as without the column, z from the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.errors import SmlmWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.estimation.missing_z import as_judged, parted
from smlm_accessor.models import at_frames
from smlm_accessor.table.columns import set_columns

DRIFT = np.array([100.0, -60.0, 80.0])
N_FRAMES = 3000


def scene(missing: float, n: int = 12_000) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = np.sort(rng.integers(N_FRAMES, size=n))
    sites = rng.uniform(0, 6000, (200, 3)) * [1, 1, 0.1]
    xyz = sites[rng.integers(200, size=n)] + rng.normal(0, [10, 10, 25], (n, 3))
    xyz += np.outer(frame / N_FRAMES, DRIFT)
    table = pd.DataFrame(xyz, columns=["x [nm]", "y [nm]", "z [nm]"]).assign(frame=frame)
    table.loc[rng.random(n) < missing, "z [nm]"] = np.nan
    return table


@pytest.mark.parametrize("method", ["overlap", "aim"])
def test_all_rows_count_for_x_and_y_and_the_others_for_z(method: str) -> None:
    table = scene(0.5)
    missing = int(table["z [nm]"].isna().sum())
    with pytest.warns(SmlmWarning, match=f"{missing} of 12000 localizations have no z.*z is that"):
        drift = estimate_drift(table, method=method)
    alone = estimate_drift(table.drop(columns="z [nm]"), method=method)
    assert int(drift["n_localizations"].sum()) == 12_000
    np.testing.assert_array_equal(drift["offset"][:, :2], alone["offset"])
    np.testing.assert_array_equal(drift["offset_std"][:, :2], alone["offset_std"])
    frames = np.arange(N_FRAMES)
    error = at_frames(drift, frames, outside="hold").offset + np.outer(frames / N_FRAMES, DRIFT)
    assert (error.std(axis=0) < [0.5, 0.5, 2.5]).all()
    assert (drift["offset_std"][:, 2] > 0).all()


@pytest.mark.parametrize(("missing", "why"), [(0.999, "not corrected"), (1, "no localization")])
def test_too_few_with_z(missing: float, why: str) -> None:
    table = scene(missing)
    with pytest.warns(SmlmWarning, match=why):
        drift = estimate_drift(table, method="aim")
    assert drift["component"].values.tolist() == ["x", "y"]
    fixed = table.smlm.correct(drift)
    assert fixed["z [nm]"].equals(table["z [nm]"])
    assert not fixed["x [nm]"].equals(table["x [nm]"])


def test_what_is_judged() -> None:
    table = scene(1)
    with pytest.warns(SmlmWarning, match="no localization"):
        drift = estimate_drift(table, method="aim")
    assert drift.smlm.assess(table).verdict == "improved"
    half = scene(0.5)
    assert as_judged(half, drift).smlm.columns.components == ("x", "y")
    whole = half.dropna()
    assert as_judged(whole, drift) is whole


def test_what_is_parted() -> None:
    table = scene(0.5)
    parts = parted(table)
    assert parts is not None
    assert len(parts.with_z) == 12_000 - parts.n_missing
    assert parts.flat.smlm.columns.components == ("x", "y")
    assert parted(table.dropna()) is None
    assert parted(set_columns(table, z=None)) is None
    assert parted(table.assign(**{"x [nm]": np.nan})) is None
