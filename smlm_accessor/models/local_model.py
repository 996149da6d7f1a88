"""Shifts that differ over the field as a continuous function of the frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift.local import LocalShifts, field_of, is_local
from smlm_accessor.kernels.geometry.smooth_field import SmoothField
from smlm_accessor.models.chunk_series import AllSeries
from smlm_accessor.models.component_fit import ComponentFit, Within
from smlm_accessor.models.specs import as_spec


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A curve for each coefficient: term after term, and in each component after component."""

    field: SmoothField
    fits: tuple[ComponentFit, ...]

    @property
    def kinds(self) -> dict[str, Any]:
        """Which models they are, as plain values."""
        return {"local": {fit.name.removeprefix("local "): fit.kind for fit in self.fits}}

    def eval(self, frames: FloatArray, within: Within | None, shift: FloatArray) -> LocalShifts:
        """Return the shifts at frames, of positions that are shifted by so much less."""
        values = [fit.eval(frames, within) for fit in self.fits]
        return LocalShifts(self.field.moved(-shift), self._by_term(values))

    def std(self, frames: FloatArray, within: Within) -> FloatArray:
        """Return one standard deviation of each coefficient, shape (n, n_terms, d)."""
        return self._by_term([fit.std(frames, within) for fit in self.fits])

    def _by_term(self, values: list[FloatArray]) -> FloatArray:
        return np.stack(values, axis=-1).reshape(len(values[0]), len(self.field.terms), -1)


def fit_local(
    dataset: xr.Dataset, spec: Any, series: AllSeries, fitted: Callable[..., ComponentFit]
) -> LocalModel | None:
    """Fit all coefficients by one kind of model, by default a spline; None if there are none."""
    chosen = as_spec("spline" if spec is None else spec, "local")
    if not is_local(dataset):
        return None
    return LocalModel(field_of(dataset), tuple(fitted(chosen, one) for one in series.local))
