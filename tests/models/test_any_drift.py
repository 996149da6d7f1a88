"""A Dataset and a model of it are asked alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.errors import DriftError
from smlm_accessor.models import (
    at_frames,
    fit,
    removed_drift,
    require_drift_or_model,
    transformations_of,
)

MakeDrift = Callable[..., xr.Dataset]
FRAMES = np.array([0, 5_000, 20_000, 32_999])


def test_both_say_the_same_of_a_drift_without_noise(make_drift: MakeDrift) -> None:
    drift = make_drift(noise=0)
    model = fit(drift, offset="linear")
    assert transformations_of(model) is model.transformations
    assert transformations_of(drift) is drift
    inner = FRAMES[1:3]
    of_chunks, of_model = (
        at_frames(d, inner, by=by) for d, by in ((drift, "linear"), (model, None))
    )
    np.testing.assert_allclose(of_chunks.offset, of_model.offset, atol=1e-6)
    assert of_chunks.matrix is of_model.matrix is None
    for found in (removed_drift(drift, inner, by="linear"), removed_drift(model, inner)):
        np.testing.assert_allclose(found.values, 0.0 - of_model.offset, atol=1e-6)
    assert np.isfinite(removed_drift(model).std).all()


def test_a_turning_drift_is_that_at_the_centre(make_drift: MakeDrift) -> None:
    drift = make_drift(noise=0, angle=1e-3, center=1e5)
    expected = 0.0 - np.outer(FRAMES[1:3], [-0.002, 0.001])
    for one in (drift, fit(drift, offset="linear")):
        np.testing.assert_allclose(removed_drift(one, FRAMES[1:3]).values, expected, atol=1e-5)


def test_what_is_neither(make_drift: MakeDrift) -> None:
    drift = make_drift()
    model = fit(drift)
    assert require_drift_or_model(drift, "", by="linear") is drift
    assert require_drift_or_model(model, "") is model.transformations
    with pytest.raises(DriftError, match="by='linear' is for Datasets"):
        require_drift_or_model(model, "", by="linear")
    with pytest.raises(DriftError, match=r"not a int: drift = .*; go\(drift\)"):
        require_drift_or_model(3, "go(drift)")
    with pytest.raises(DriftError, match="'matrix' is missing"):
        require_drift_or_model(xr.Dataset(), "")
