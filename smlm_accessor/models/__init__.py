"""Continuous models of drift: what the transformations of chunks say about every frame."""

from smlm_accessor.models.any_drift import (
    Drift,
    at_frames,
    removed_drift,
    require_drift_or_model,
    transformations_of,
)
from smlm_accessor.models.chunk_series import chunks_with_one_error
from smlm_accessor.models.component_fit import ComponentFit
from smlm_accessor.models.drift_model import DriftModel
from smlm_accessor.models.fitting import fit
from smlm_accessor.models.for_table import counts_for, edges_for, for_table, times_for
from smlm_accessor.models.specs import Constant, Linear, Polynomial, Spline, Uncorrected

__all__ = [
    "ComponentFit",
    "Constant",
    "Drift",
    "DriftModel",
    "Linear",
    "Polynomial",
    "Spline",
    "Uncorrected",
    "at_frames",
    "chunks_with_one_error",
    "counts_for",
    "edges_for",
    "fit",
    "for_table",
    "removed_drift",
    "require_drift_or_model",
    "times_for",
    "transformations_of",
]
