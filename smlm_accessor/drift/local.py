"""Shifts that differ smoothly over the field, in a Dataset of transformations.

``local``, by chunk, term and component, are coefficients of shifts that are added to a position
once it has been shifted: ``q = position + offset``, and ``corrected = q + sum(local * term(q))``. A
term such as ``"xxy"`` is ``P2(u) P1(v)``, with Legendre polynomials and ``u = (q -
field_center) / field_scale``, held at the edges of the field; see
`smlm_accessor.kernels.geometry.smooth_field`. ``local_std`` is one standard deviation of each
coefficient. Matrices are the identity then: the terms ``x`` and ``y`` are what they would be.

Terms have no mean over the field, so ``-offset`` is its mean drift. Over time, coefficients have no
mean either: how a sample is deformed as a whole is not known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift.spec import components_of
from smlm_accessor.errors import DriftError
from smlm_accessor.kernels.geometry.smooth_field import SmoothField

DIMS = ("chunk", "term", "component")
NAMES = ("local", "local_std")
_MEANING = {
    "local": "coefficients of shifts that differ over the field; what corrects",
    "local_std": "one standard deviation of local",
    "field_center": "middle of the field, once it has been shifted",
    "field_scale": "half the extent of the field",
}


class LocalShifts(NamedTuple):
    """Shifts that differ over the field, ``coefficient`` by frame, of shape (n, n_terms, d)."""

    field: SmoothField
    coefficient: FloatArray

    def applied(self, positions: FloatArray, index: IntArray) -> FloatArray:
        """Return positions, which have been shifted, moved by the coefficients of their frames."""
        return np.asarray(positions + self.field.shifts(positions, self.coefficient, index))

    def scaled(self, factor: float) -> LocalShifts:
        """Return the same in another unit of length."""
        center, scale = self.field.center * factor, self.field.scale * factor
        field = SmoothField(self.field.terms, center, scale)
        return LocalShifts(field, self.coefficient * factor)

    def widened(self, d: int) -> LocalShifts:
        """Return the same of more axes, along which nothing moves."""
        n, n_terms, known = self.coefficient.shape
        wide = np.zeros((n, n_terms, d))
        wide[:, :, :known] = self.coefficient
        return LocalShifts(self.field.widened(np.arange(known), d), wide)


def is_local(dataset: xr.Dataset) -> bool:
    """Whether shifts differ over the field."""
    return "local" in dataset.variables


def field_of(dataset: xr.Dataset) -> SmoothField:
    """Return the field of a Dataset that `is_local`."""
    terms = tuple(str(term) for term in dataset["term"].values)
    center, scale = (
        np.asarray(dataset[name].values, dtype=np.float64)
        for name in ("field_center", "field_scale")
    )
    return SmoothField(terms, center, scale)


def with_local(
    dataset: xr.Dataset,
    field: SmoothField,
    local: FloatArray,
    std: FloatArray | None = None,
    *,
    over: str = "chunk",
) -> xr.Dataset:
    """Return a Dataset with shifts that differ over a field, by chunk, or frame.

    Examples
    --------
    >>> from smlm_accessor.drift import build
    >>> drift = build(offset=[[0, 0]], components="xy", frame=[0], frame_start=[0], frame_stop=[1])
    >>> field = SmoothField(("x",), np.zeros(2), np.full(2, 1000.0))
    >>> with_local(drift, field, np.array([[[-5.0, 0.0]]])).local.sel(term="x").values
    array([[-5.,  0.]])
    """
    std = np.full(local.shape, np.nan) if std is None else std
    dims = (over, *DIMS[1:])
    found = dataset.assign(local=(dims, local), local_std=(dims, std)).assign_coords(
        term=np.array(field.terms, dtype=object),
        field_center=("component", field.center),
        field_scale=("component", field.scale),
    )
    for name, meaning in _MEANING.items():
        found[name].attrs["long_name"] = meaning
        if dataset.attrs.get("length_unit"):
            found[name].attrs["units"] = dataset.attrs["length_unit"]
    return found


def local_like(dataset: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Return a Dataset with the local shifts of another that has the same chunks, if it has any.

    Components that the other one does not have are not moved.
    """
    if not is_local(other):
        return dataset
    d, axes = dataset.sizes["component"], np.arange(other.sizes["component"])
    local, std = np.zeros((2, *other["local"].shape[:2], d))
    local[:, :, axes], std[:, :, axes] = other["local"].values, other["local_std"].values
    return with_local(dataset, field_of(other).widened(axes, d), local, std)


def require_not_local(dataset: xr.Dataset, what: str) -> None:
    """Raise `DriftError` if shifts differ over the field, which something cannot do."""
    if is_local(dataset):
        raise DriftError(
            f"This drift differs over the field (transformation='local'); {what}. Correct tables by"
            " it, and save it as .nc or .zarr"
        )


def problems_of_local(dataset: xr.Dataset) -> list[str]:
    """Return what is wrong with local shifts, a line each."""
    if not is_local(dataset):
        return []
    missing = [n for n in ("local_std", "term", *list(_MEANING)[2:]) if n not in dataset.variables]
    if missing:
        return [f"there is 'local', but {name!r} is missing" for name in missing]
    problems = [
        f"{name!r} has dims {dataset[name].dims}; it needs {DIMS}"
        for name in NAMES
        if dataset[name].dims != DIMS
    ]
    axes = components_of(dataset)
    for term in map(str, dataset["term"].values):
        if not term or set(term) - set(axes):
            problems.append(f"term {term!r} is not a product of {', '.join(axes)}")
    if problems:
        return problems
    valid = dataset["valid"].values.astype(bool)
    if not np.isfinite(dataset["local"].values[valid]).all():
        problems.append("a chunk is valid but has no finite 'local'")
    if not (dataset["field_scale"].values > 0).all():
        problems.append("field_scale has values that are not positive")
    if not np.isfinite(dataset["field_center"].values).all():
        problems.append("field_center is not finite")
    if not (dataset["matrix"].values[valid] == np.eye(len(axes))).all():
        problems.append("there is 'local', so matrices have to be the identity")
    return problems
