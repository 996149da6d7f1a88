"""Matrices as a continuous function of the frame: by rotation and scale, or entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import poses
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models.chunk_series import AllSeries, ChunkSeries, rotation_axes
from smlm_accessor.models.component_fit import ComponentFit, Within
from smlm_accessor.models.specs import NAMES, Spec, as_spec, one_each

# Rounding of matrices that only turn, or only scale: less than 1e-5 nm at the edge of 100 um.
NEGLIGIBLE = 1e-10


@dataclass(frozen=True, eq=False)
class EntriesModel:
    """A curve for each entry: fits by (component, component_in), row after row."""

    entries: dict[tuple[str, str], ComponentFit]

    @property
    def fits(self) -> tuple[ComponentFit, ...]:
        """All fits, in the order in which they are reported."""
        return tuple(self.entries.values())

    @property
    def kinds(self) -> dict[str, Any]:
        """Which models they are, as plain values."""
        return {"matrix": {"".join(entry): fit.kind for entry, fit in self.entries.items()}}

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return the matrices that correct, shape (n, d, d); they need not be rotations."""
        d = round(len(self.entries) ** 0.5)
        entries = [fit.eval(frames, within) for fit in self.fits]
        return np.stack(entries, axis=-1).reshape(-1, d, d)

    def described(self, frames: FloatArray, within: Within) -> dict[str, FloatArray]:
        """Return nothing: rotation and scale are not modelled."""
        return {}


@dataclass(frozen=True, eq=False)
class PoseModel:
    """A curve for each angle of the sample, by axis, and one for the log of its scale.

    In the plane the only axis is ``"z"``, positive from x to y.
    """

    rotation: dict[str, ComponentFit]
    log_scale: ComponentFit

    @property
    def fits(self) -> tuple[ComponentFit, ...]:
        """Rotations, then the scale."""
        return (*self.rotation.values(), self.log_scale)

    @property
    def kinds(self) -> dict[str, Any]:
        """Which models they are, as plain values."""
        turned = {axis: fit.kind for axis, fit in self.rotation.items()}
        return {"rotation": turned, "scale": self.log_scale.kind}

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return the matrices that correct: rotations with a scale, whatever the curves are."""
        turned = [fit.eval(frames, within) for fit in self.rotation.values()]
        return poses.to_matrices(np.stack(turned, axis=-1), self.log_scale.eval(frames, within))

    def described(self, frames: FloatArray, within: Within) -> dict[str, FloatArray]:
        """Return ``rotation``, shape (n,) or (n, 3), ``log_scale``, shape (n,), and their std."""
        turns, scale = list(self.rotation.values()), self.log_scale
        rotation = np.stack([fit.eval(frames, within) for fit in turns], axis=-1)
        std = np.stack([fit.std(frames, within) for fit in turns], axis=-1)
        in_plane = len(turns) == 1
        return {
            "rotation": rotation[:, 0] if in_plane else rotation,
            "rotation_std": std[:, 0] if in_plane else std,
            "log_scale": scale.eval(frames, within),
            "log_scale_std": scale.std(frames, within),
        }


MatrixModel = EntriesModel | PoseModel


class MatrixSpecs(NamedTuple):
    """The models that were asked for; None where nothing was."""

    rotation: tuple[Spec, ...] | None  # one for each axis
    scale: Spec | None  # of its logarithm
    matrix: tuple[Spec, ...] | None  # one for each entry, row after row


def matrix_specs(components: Sequence[str], rotation: Any, scale: Any, matrix: Any) -> MatrixSpecs:
    """Return the models that names and objects stand for; parameters as of `fit`."""
    if matrix is not None and not (rotation is None and scale is None):
        raise OptionError(
            f"matrix={matrix!r} models the entries of the matrix, rotation= and scale= what they "
            "come from; give one or the other"
        )
    if isinstance(scale, str) and scale == "zero":
        raise OptionError(
            "scale='zero' would leave nothing of the sample; 'one' or 'none' keep it as large as "
            "it is. Objects such as Constant(0.001) are of the logarithm of the scale"
        )
    if isinstance(scale, str) and scale == "one":
        scale = "none"  # of the logarithm
    entries = [(row, column) for row in components for column in components]
    return MatrixSpecs(
        None if rotation is None else one_each(rotation, rotation_axes(components), "rotation"),
        None if scale is None else as_spec(scale, "scale"),
        None if matrix is None else one_each(matrix, entries, "matrix", rest="none"),
    )


def fit_matrix(
    specs: MatrixSpecs,
    series: AllSeries,
    components: Sequence[str],
    fitted: Callable[..., ComponentFit],
) -> MatrixModel:
    """Fit entries if they were asked for, or if a matrix is no rotation with one scale; else these.

    What was not asked for is a spline; rotation and scale are left out where chunks have none.
    ``fitted(spec, series, rest=0.0)`` fits one; ``rest`` is its value without a model.
    """
    scale = series.log_scale
    if specs.matrix is None and scale is not None:
        rotations = specs.rotation or tuple(map(_usual, series.rotation))
        turns = map(fitted, rotations, series.rotation)
        turned = dict(zip(rotation_axes(components), turns, strict=True))
        return PoseModel(
            turned, fitted(_usual(scale) if specs.scale is None else specs.scale, scale)
        )
    if specs.matrix is None and not (specs.rotation is None and specs.scale is None):
        matrix = np.stack([one.values for one in series.matrix], axis=-1)
        d = len(components)
        _, log_scale = poses.of_matrices(matrix.reshape(-1, d, d))
        raise DriftError(
            f"The matrix of the chunk around {series.clock.name} "
            f"{series.frames[np.isnan(log_scale)][0]:g} is "
            "not a rotation with one scale; model its entries, matrix='spline', or leave such "
            "chunks out by chunks="
        )
    models = specs.matrix or (NAMES["spline"],) * len(series.matrix)
    entries = [(row, column) for row in components for column in components]
    return EntriesModel(
        {
            (row, column): fitted(spec, one, rest=float(row == column))
            for (row, column), spec, one in zip(entries, models, series.matrix, strict=True)
        }
    )


def _usual(series: ChunkSeries) -> Spec:
    still = bool((np.abs(series.values) < NEGLIGIBLE).all())
    return NAMES["none" if still else "spline"]
