"""The drift tutorial: simulate drift, estimate it, model it, correct it, and see what is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from smlm_accessor.correct import correct
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.metrics import rmse
from smlm_accessor.models import DriftModel, fit
from smlm_accessor.simulate import simulate_drift, simulate_thomas

VELOCITY = (0.002, 0.001)  # length per frame
MODELS = {"icp": ("spline", "linear"), "cc": ("linear", "linear")}  # for x and y


@dataclass(frozen=True, eq=False)
class TutorialData:
    """Localizations as they are, and as drift shows them."""

    truth: pd.DataFrame
    drifted: pd.DataFrame
    drift: xr.Dataset  # the true one, by frame


@dataclass(frozen=True, eq=False)
class TutorialEstimate:
    """What one method makes of drifted localizations."""

    method: str
    drift: xr.Dataset  # by chunk
    model: DriftModel  # continuous in time
    by_chunk: pd.DataFrame  # corrected, each chunk as a whole
    from_model: pd.DataFrame  # corrected, each frame by the model
    seconds: float  # that the estimate took


def simulate(seed: int, *, cluster_mu: float = 1000) -> TutorialData:
    """Simulate the tutorial's clusters of ``cluster_mu`` localizations on average, and a drift."""
    truth = simulate_thomas(
        parent_intensity=1e-4,
        region=((0, 1000), (0, 1000)),
        cluster_mu=cluster_mu,
        cluster_std=10,
        localizations_per_frame=3,
        seed=seed,
    )
    drifted, drift = simulate_drift(truth, velocity=VELOCITY, seed=seed, return_drift=True)
    return TutorialData(truth, drifted, drift)


def estimate(drifted: pd.DataFrame, method: str, *, chunk_size: int = 10_000) -> TutorialEstimate:
    """Estimate the drift by one of `MODELS`, model it and correct it."""
    start = time.perf_counter()
    drift = estimate_drift(drifted, method=method, chunk_size=chunk_size, origin="first_frame")
    seconds = time.perf_counter() - start
    model = fit(drift, offset=MODELS[method], origin="first_frame")
    by_chunk = correct(drifted, drift, by="chunk")
    return TutorialEstimate(method, drift, model, by_chunk, correct(drifted, model), seconds)


def errors(data: TutorialData, estimates: Sequence[TutorialEstimate]) -> pd.DataFrame:
    """Return the root mean square errors before and after each correction, a row for each table.

    Columns ``x`` and ``y`` are after removing a constant shift of the whole table, which no method
    can know; ``x absolute`` and ``y absolute`` as it is, with the drift zero in the first frame.
    """
    tables = {"before": data.drifted}
    for one in estimates:
        tables[f"{one.method}, by chunk"] = one.by_chunk
        tables[f"{one.method}, {' + '.join(MODELS[one.method])}"] = one.from_model
    rows = {}
    for name, table in tables.items():
        free = rmse(table, data.truth)
        absolute = rmse(table, data.truth, remove_constant=False)
        rows[name] = pd.concat([free, absolute.add_suffix(" absolute")])
    return pd.DataFrame(rows).T
