"""From a sample to the Dataset: outliers, samples that grow, and what is warned of."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation import sampling
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import ChunkedLocalizations, Method, Registered
from smlm_accessor.table.attributes import parameters
from smlm_accessor.table.columns import set_columns
from tests import scenes

SIZES: list[int] = []


def means(
    localizations: ChunkedLocalizations,
    *,
    target: str = "first",
    lost: tuple[int, ...] = (),
    wrong: tuple[int, ...] = (),
    errors: bool = True,
) -> Registered:
    """Put the means of chunks on that of the first; their standard errors are known exactly."""
    n = localizations.counts
    SIZES.append(int(n.sum()))
    k = len(n)
    mean = np.array([localizations.chunk(i).mean(axis=0) for i in range(k)])
    mean[list(wrong)] += 1e4
    valid = ~np.isin(np.arange(k), lost)
    std = np.array([localizations.chunk(i).std(axis=0) for i in range(k)]) / np.sqrt(n)[:, None]
    return Registered(
        np.where(valid[:, None], mean[0] - mean, np.nan),
        n.astype(float),
        valid,
        offset_std=np.where(valid[:, None], std, np.nan) if errors else None,
        reason="There were clouds." if lost else "",
    )


@pytest.fixture(autouse=True)
def _method(monkeypatch: pytest.MonkeyPatch) -> None:
    SIZES.clear()
    monkeypatch.setitem(registry._METHODS, "means", Method("means", means))


def table(n: int = 60_000, spread: float = 100.0) -> pd.DataFrame:
    """A field that is evenly full; ``spread`` is the standard deviation of its coordinates."""
    rng = np.random.default_rng(1)
    xy = rng.uniform(-1, 1, (n, 2)) * np.sqrt(3) * spread
    rows = pd.DataFrame({"frame": np.arange(n) // 30, "x": xy[:, 0], "y": xy[:, 1]})
    return set_columns(rows, unit="nm")


def drift_of(rows: pd.DataFrame | None = None, **options: Any) -> xr.Dataset:
    rows = table() if rows is None else rows
    return estimate_drift(rows, method="means", n_chunks=6, **options)


# Samples that grow.


@pytest.mark.parametrize(("target_std", "samples"), [(100, 2), (4, 2), (1e-3, 3)])
def test_a_sample_grows_until_the_drift_is_precise(
    target_std: float, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 1,500, 6,000 and 24,000 localizations, standard errors are 7, 3.3 and 1.6 nm.

    If the first is enough, it is repeated without what crosses the edges of squares.
    """
    monkeypatch.setattr(sampling, "_FIRST", 1500)
    drift = drift_of(max_localizations=24_000, target_std=target_std)
    assert len(SIZES) == samples
    expected = (1500, 1500) if samples == 2 and target_std == 100 else (1500, 6000, 24_000)
    for found, most in zip(SIZES, expected, strict=False):
        assert most / 4 < found <= most
    record = parameters(drift)["sample"]
    assert record["localizations"] == SIZES[-1]
    assert record["target_std"] == target_std
    assert record["offset_std"] == pytest.approx(np.median(drift["offset_std"]))
    assert record["offset_std"] <= target_std or samples == 3
    assert drift["n_localizations"].sum() == 60_000


def test_a_sample_grows_while_chunks_are_not_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_FIRST", 1500)
    with pytest.warns(InvalidChunkWarning):
        drift_of(max_localizations=24_000, target_std=100, lost=(2,))
    assert len(SIZES) == 3


def test_without_errors_the_first_sample_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_FIRST", 1500)
    drift = drift_of(max_localizations=24_000, errors=False)
    assert len(SIZES) == 2
    assert SIZES[1] <= SIZES[0]
    assert "offset_std" not in parameters(drift)["sample"]


@pytest.mark.parametrize(("target_std", "samples"), [(100, 1), (4, 2)])
def test_a_coarse_drift_takes_the_place_of_the_first_estimate(
    target_std: float, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def coarsely(localizations: ChunkedLocalizations, **options: Any) -> Registered:
        asked.append(len(localizations.frames))
        found = means(localizations)
        SIZES.clear()
        return Registered(found.offset, found.quality, found.valid)

    monkeypatch.setattr(sampling, "_FIRST", 1500)
    monkeypatch.setitem(registry._METHODS, "means", Method("means", means, coarse=coarsely))
    drift = drift_of(max_localizations=24_000, target_std=target_std)
    (first,) = asked
    assert len(SIZES) == samples
    assert SIZES[0] <= first <= 1500
    assert drift["valid"].all()


def test_in_pixels_of_unknown_size_no_sample_is_precise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_FIRST", 1500)
    drift_of(set_columns(table(), unit="pixel"), max_localizations=24_000, target_std=1e9)
    assert len(SIZES) == 3


@pytest.mark.parametrize("method", ["overlap", "aim"])
def test_what_crosses_the_edges_of_squares_does_not_bias_the_drift(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Squares of 1 um stand still, and the sample moves by 0.4 um through them."""
    monkeypatch.setattr(sampling, "_FIRST", 5000)
    n = 1500
    drift = np.linspace([0.0, 0.0], [400.0, -200.0], n)
    field = scenes.blinking(scenes.sites(4000, size=20_000), n_frames=n, per_frame=400, seed=2)
    found = estimate_drift(
        set_columns(field.drifting(drift).moved, unit="nm"),
        method=method,
        max_localizations=300_000,
        target_std=0.05,
    )
    assert parameters(found)["sample"]["square_size"] == 1024
    # The drift is that at the mean frame of the localizations that were used.
    true = np.stack([np.interp(found["frame"], np.arange(n), values) for values in drift.T], axis=1)
    error = found["offset"].values + true
    error -= np.average(error, axis=0, weights=found["n_localizations"])
    assert np.sqrt(np.mean((error / found["offset_std"].values) ** 2)) < 1.1  # else 1.5


def test_a_table_that_is_used_as_a_whole_has_no_sample() -> None:
    assert "sample" not in parameters(drift_of())
    assert SIZES == [60_000]


# Outliers, and warnings.


def test_a_chunk_far_from_both_neighbours_is_not_valid() -> None:
    with pytest.warns(InvalidChunkWarning, match="Could not register chunk 3 "):
        drift = drift_of(wrong=(3,))
    assert drift["valid"].values.tolist() == [True, True, True, False, True, True]
    assert np.isnan(drift["offset"][3]).all()
    assert np.isnan(drift["offset_std"][3]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drift_of(wrong=(3, 4, 5))["valid"].all()  # a jump


def test_the_reason_of_the_method_takes_the_place_of_the_usual_words() -> None:
    with pytest.warns(InvalidChunkWarning) as caught:
        drift_of(lost=(1, 4))
    (said,) = {str(warning.message) for warning in caught}
    assert said == (
        "Could not register chunk 1 (frames 333 to 666, 10020 localizations), "
        "chunk 4 (frames 1333 to 1666, 10020 localizations): NaN there, and valid=False. "
        "There were clouds."
    ), said
    with pytest.warns(InvalidChunkWarning, match="Corrections and models bridge such chunks"):
        drift_of(wrong=(3,))
