"""Continuous models of drift: what the transformations of chunks say about every frame."""

from smlm_accessor.models.components import ComponentFit
from smlm_accessor.models.drift_model import DriftModel
from smlm_accessor.models.fitting import fit
from smlm_accessor.models.specs import Constant, Linear, Polynomial, Spline, Uncorrected

__all__ = [
    "ComponentFit",
    "Constant",
    "DriftModel",
    "Linear",
    "Polynomial",
    "Spline",
    "Uncorrected",
    "fit",
]
