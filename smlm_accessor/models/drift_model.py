"""A fitted model of drift: immutable, continuous over frames."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.drift import jump_frames, offset_from_about
from smlm_accessor.drift.between_chunks import FrameTransformations, frames_inside
from smlm_accessor.drift.curves import Curves, curves_of, spread_frames
from smlm_accessor.drift.segments import segment_numbers
from smlm_accessor.drift.times import counted
from smlm_accessor.errors import OptionError
from smlm_accessor.models import text
from smlm_accessor.models.by_frame import (
    as_frames,
    chunk_for_each_frame,
    transformations_by_frame,
)
from smlm_accessor.models.component_fit import ComponentFit, Within
from smlm_accessor.models.local_model import LocalModel
from smlm_accessor.models.matrix_model import EntriesModel, MatrixModel, PoseModel
from smlm_accessor.table.clock import FRAMES, Clock


@dataclass(frozen=True, eq=False, repr=False)
class DriftModel:
    """Drift as a continuous function of the frame, or of time, from ``drift.smlm.fit(...)``.

    Offsets are modelled at the centre of the localizations, not at the origin of the coordinates,
    where an error of a matrix entry would be multiplied by the distance.

    Parameters
    ----------
    offset_fits : tuple of ComponentFit
        Fit of the offset at the centre, one for each component; see `offset`.
    matrix_model : MatrixModel or None
        Of `rotation` and `log_scale`, or of the entries, `matrix`; None for the identity.
    local_model : LocalModel or None
        Of the coefficients of a drift that differs over the field; None for one that does not.
    components : tuple of str
    center : tuple of float
        In the length unit.
    shift : tuple of float
        Subtracted from the fitted offsets, so that the drift is zero at ``origin``; in the length
        unit.
    frame_start, frame_stop : int
        First frame of the estimate, and first frame after it; of a drift in seconds, counts of its
        ``clock``, which are microseconds.
    origin : str
    n_chunks : int
        Number of chunks the model was fitted to.
    transformations : Dataset
        The drift that was modelled.
    clock : Clock
        The unit of time of the curves, of `eval` and of `drift`.

    Examples
    --------
    >>> from smlm_accessor.models import fit
    >>> from smlm_accessor.drift import build
    >>> drift = build(offset=[[0, 0], [-1, 2], [-2, 4]], components="xy", frame=[5, 15, 25],
    ...               frame_start=[0, 10, 20], frame_stop=[10, 20, 30])
    >>> model = fit(drift, offset=["linear", "spline"], origin="first_frame")
    >>> model.drift([0, 20]).sel(component="x").values.round(6)
    array([0., 2.])
    """

    offset_fits: tuple[ComponentFit, ...]
    matrix_model: MatrixModel | None
    local_model: LocalModel | None
    components: tuple[str, ...]
    center: tuple[float, ...]
    shift: tuple[float, ...]
    frame_start: int
    frame_stop: int
    origin: str
    n_chunks: int
    transformations: xr.Dataset
    clock: Clock = FRAMES

    @cached_property
    def counted_transformations(self) -> xr.Dataset:
        """The drift that was modelled, by counts of its clock."""
        return counted(self.transformations)

    @property
    def offset(self) -> Mapping[str, ComponentFit]:
        """The fit of the offset at the centre, by component."""
        return MappingProxyType(dict(zip(self.components, self.offset_fits, strict=True)))

    @property
    def matrix(self) -> Mapping[tuple[str, str], ComponentFit] | None:
        """The fit of each matrix entry by (component, component_in); None if not modelled so."""
        model = self.matrix_model
        return MappingProxyType(model.entries) if isinstance(model, EntriesModel) else None

    @property
    def rotation(self) -> Mapping[str, ComponentFit] | None:
        """The fit of the sample's rotation by axis, in 2D ``"z"``; None if not modelled so."""
        model = self.matrix_model
        return MappingProxyType(model.rotation) if isinstance(model, PoseModel) else None

    @property
    def log_scale(self) -> ComponentFit | None:
        """The fit of the log of the factor by which the sample grew; None if not modelled so."""
        return self.matrix_model.log_scale if isinstance(self.matrix_model, PoseModel) else None

    @property
    def length_unit(self) -> str | None:
        """Unit of the offsets, if known."""
        unit = self.transformations.attrs.get("length_unit")
        return None if unit is None else str(unit)

    @property
    def attrs(self) -> dict[str, Any]:
        """What was modelled and how, in strings and numbers."""
        models = {"offset": {name: fit.kind for name, fit in self.offset.items()}}
        models |= self.matrix_model.kinds if self.matrix_model else {}
        models |= self.local_model.kinds if self.local_model else {}
        return dict(self.transformations.attrs, origin=self.origin, model=json.dumps(models))

    def at_frames(
        self, frames: npt.ArrayLike, *, outside: str | None = None
    ) -> FrameTransformations:
        """Return the transformation of each frame, or time, in any order, as plain arrays.

        They are ``matrix``, shape (n, d, d) or None for the identity, and ``offset``, shape (n, d),
        of ``corrected = matrix @ position + offset``. For ``outside`` see ``table.smlm.correct``.
        """
        return self.at_counts(self._counts(frames), outside=outside)

    def at_counts(self, frames: IntArray, *, outside: str | None = None) -> FrameTransformations:
        """Return the same of counts of the clock: frames, or microseconds."""
        at, missing, within = self._place(frames, outside)
        about = self._about(at, within)
        about[missing] = np.nan
        if self.local_model is not None:
            shifts = self.local_model.eval(at, within, np.array(self.shift))
            shifts.coefficient[missing] = np.nan
            return FrameTransformations(None, about, shifts)
        if self.matrix_model is None:
            return FrameTransformations(None, about)
        matrix = self.matrix_model.eval(at, within)
        matrix[missing] = np.nan
        return FrameTransformations(matrix, offset_from_about(matrix, about, np.array(self.center)))

    def eval(self, frames: npt.ArrayLike, *, outside: str = "hold") -> xr.Dataset:
        """Return the transformations by frame, or by time in seconds, with standard deviations.

        Parameters
        ----------
        frames : array_like, shape (n,)
            Frames, also between two; of a drift in seconds, times.
        outside : {"hold", "linear", "nan", "error"}
            Beyond the estimate, as for ``table.smlm.correct``.

        Returns
        -------
        Dataset
            ``offset`` and ``matrix`` by frame and component, and ``offset_std``, one standard
            deviation of the curve at the centre, NaN where the chunks leave no residual to tell.
            Where modelled, ``rotation`` and ``log_scale``, as in ``drift.smlm.pose()``, and std.
        """
        counts = self._counts(frames)
        at, missing, within = self._place(counts, outside)
        std = np.stack([fit.std(at, within) for fit in self.offset_fits], axis=-1)
        described = self.matrix_model.described(at, within) if self.matrix_model else {}
        of_field = None if self.local_model is None else self.local_model.std(at, within)
        for values in (std, *described.values(), *(() if of_field is None else (of_field,))):
            values[missing] = np.nan
        return transformations_by_frame(
            as_frames(frames),
            self.at_counts(counts, outside=outside),
            std,
            described,
            components=self.components,
            center=self.center,
            attrs=self.attrs,
            when=self.clock.name,
            local_std=of_field,
        )

    def drift(self, frames: npt.ArrayLike, *, outside: str = "hold") -> xr.DataArray:
        """Return the drift of the sample at its centre, ``+d``, by frame and component.

        Parameters are those of `eval`; lengths are in the unit of the table, shape (n, d).
        """
        at, missing, within = self._place(self._counts(frames), outside)
        values = 0.0 - self._about(at, within)  # 0 - a: no negative zeros
        values[missing] = np.nan
        unit = self.length_unit
        return xr.DataArray(
            values,
            {self.clock.name: as_frames(frames), "component": list(self.components)},
            (self.clock.name, "component"),
            name="drift",
            attrs={"long_name": "drift"} | ({"units": unit} if unit else {}),
        )

    def to_dataset(
        self, frames: npt.ArrayLike | None = None, *, outside: str = "hold"
    ) -> xr.Dataset:
        """Return a Dataset of transformations, one chunk for each frame.

        Parameters are those of `eval`, but frames are whole, and each is taken once, in order;
        if they are not given, all of the estimate. Times are as they are; if they are not given,
        a thousand over the estimate.
        """
        if frames is None and self.clock.is_time:
            frames = self.clock.values(self._spread())
        wanted = np.arange(self.frame_start, self.frame_stop) if frames is None else frames
        distinct = np.unique(as_frames(wanted))
        if not self.clock.is_time and (distinct != np.round(distinct)).any():
            raise OptionError(f"frames={frames!r} must be whole numbers; use eval for others")
        segment = segment_numbers(self._counts(distinct), jump_frames(self.counted_transformations))
        return chunk_for_each_frame(self.eval(distinct, outside=outside), segment)

    def curves(self, quantity: str = "drift", *, frames: IntArray | None = None) -> Curves:
        """Return a quantity and its standard deviation as ``drift.smlm.plot`` shows them.

        Frames are evenly spread over the estimate, with both sides of jumps, if they are not given.
        """
        if quantity in ("rotation", "scale") and self.matrix is not None:
            raise OptionError(
                f"the model is of the entries of the matrix, not of its {quantity}: draw them with "
                "quantity='matrix', or fit without matrix="
            )
        jumps = jump_frames(self.counted_transformations)
        frames = self._spread() if frames is None else frames
        return curves_of(self.eval(self.clock.values(frames)), quantity, jumps=jumps)

    def chunk_curves(self, quantity: str = "drift") -> Curves:
        """Return a quantity of the chunks, moved to the zero of the model."""
        return curves_of(self.transformations, quantity, shift=self.shift)

    def plot(self, **kwargs: Any) -> Any:
        """Plot the chunks and the model on top of them; see ``drift.smlm.plot``."""
        return self.transformations.smlm.plot(model=self, **kwargs)

    def _spread(self) -> IntArray:
        jumps = jump_frames(self.counted_transformations)
        return spread_frames(self.frame_start, self.frame_stop, jumps)

    def _counts(self, frames: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return frames as they are, which may be between two; of times, the nearest counts."""
        given = as_frames(frames)
        return self.clock.counts(given) if self.clock.is_time else given

    def _place(
        self, frames: npt.NDArray[Any], outside: str | None
    ) -> tuple[FloatArray, BoolArray, Within]:
        """Return where to evaluate, which frames get NaN, and where the models end."""
        first, stop, clock = self.frame_start, self.frame_stop, self.clock
        at, missing = frames_inside(frames, first, stop, outside, clock)
        within = (clock.values(first), clock.values(stop - 1))
        return clock.values(at), missing, (float(within[0]), float(within[1]))

    def _about(self, at: FloatArray, within: Within) -> FloatArray:
        values = np.stack([fit.eval(at, within) for fit in self.offset_fits], axis=-1)
        return np.asarray(values - np.array(self.shift))

    def __repr__(self) -> str:
        return text.as_text(*self._said(), self._known_curves(), self.length_unit)

    def _repr_html_(self) -> str:
        chunks = self.chunk_curves()
        return text.as_html(*self._said(), self._known_curves(), chunks, self.transformations)

    def _known_curves(self) -> Curves | None:
        """Return the curves; None if they cannot be evaluated, for a repr must not raise."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what there is to say was said when it was fitted
            try:
                return self.curves()
            except Exception:
                return None

    def _said(self) -> tuple[str, tuple[ComponentFit, ...]]:
        unit = f" [{self.length_unit}]" if self.length_unit else ""
        frames = f"{self.clock.span(self.frame_start, self.frame_stop)}, origin {self.origin}"
        heading = f"DriftModel of {', '.join(self.components)}{unit}: {self.n_chunks} chunks, "
        matrix_fits = self.matrix_model.fits if self.matrix_model else ()
        local_fits = self.local_model.fits if self.local_model else ()
        return heading + frames, (*self.offset_fits, *matrix_fits, *local_fits)
