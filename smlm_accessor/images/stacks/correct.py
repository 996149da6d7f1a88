"""Correct a stack of images by a drift."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import ndimage

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.drift import components_of, is_static
from smlm_accessor.drift.between_chunks import FrameTransformations
from smlm_accessor.drift.local import require_not_local
from smlm_accessor.drift.times import FRAME_DURATION, clock_of
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.images.stacks.stack import ImageStack, read_stack
from smlm_accessor.models import Drift, at_frames, require_drift_or_model, transformations_of
from smlm_accessor.options import PerComponent, count
from smlm_accessor.table.units import unit_factor

_MOST_ORDER = 5


def correct_stack(
    stack: xr.DataArray,
    drift: Drift,
    *,
    by: str | None = None,
    outside: str | None = None,
    order: int = 3,
    pixel_size: PerComponent | None = None,
) -> xr.DataArray:
    """Return a stack corrected by a drift; see ``stack.smlm.correct``."""
    if count("order", order) > _MOST_ORDER:
        raise OptionError(f"order={order!r} must be 0 (nearest pixel) to 5; 3 is cubic")
    images = read_stack(stack, pixel_size)
    source = require_drift_or_model(drift, "stack.smlm.correct(drift)", by=by)
    require_not_local(source, "images cannot be corrected by it")
    per_frame = at_frames(drift, _counts_for(images, drift), by=by, outside=outside)
    matrix, offset = _in_pixels(images, per_frame, drift)
    lazy = images.images.chunks is not None
    whole = images.images.chunk(dict.fromkeys(images.spatial, -1)) if lazy else images.images
    dtype = np.result_type(stack.dtype, np.float32)  # of int32 and more: float64
    moved = xr.apply_ufunc(
        partial(_moved, order=order, dtype=dtype, threads=1 if lazy else None),
        whole,
        xr.DataArray(matrix, dims=(images.time, "_out", "_in")),
        xr.DataArray(offset, dims=(images.time, "_out")),
        input_core_dims=[images.spatial, ["_out", "_in"], ["_out"]],
        output_core_dims=[images.spatial],
        dask="parallelized",
        output_dtypes=[dtype],
        keep_attrs=True,
    )
    fixed: xr.DataArray = moved.transpose(*stack.dims)
    return fixed


def _in_pixels(
    images: ImageStack, per_frame: FrameTransformations, drift: Drift
) -> tuple[FloatArray, FloatArray]:
    """Return by image which pixel of it each corrected pixel shows, ``matrix @ pixel + offset``.

    A pixel j is at ``first + spacing * j``; what is corrected to q was at
    ``matrix^-1 (q - offset)``.
    """
    of = transformations_of(drift)
    given, wanted = components_of(of), images.components
    if per_frame.matrix is not None and len(given) > len(wanted):
        raise DriftError(
            f"The drift turns or stretches {', '.join(given)} but images have only "
            f"{', '.join(wanted)}; correct a stack with z"
        )
    n, d, common = len(images.counts), len(wanted), min(len(given), len(wanted))
    offset, matrix = np.zeros((n, d)), np.tile(np.eye(d), (n, 1, 1))
    offset[:, :common] = per_frame.offset[:, :common] * _unit_factor(images, drift)
    if per_frame.matrix is not None:
        matrix[:, :common, :common] = per_frame.matrix
    back = np.linalg.inv(matrix)
    source = np.einsum("nij,nj->ni", back, images.first - offset) - images.first
    in_pixels = back * images.spacing / images.spacing[:, None]
    # Axes of images are in the order z, y, x.
    return in_pixels[:, ::-1, ::-1].copy(), (source / images.spacing)[:, ::-1].copy()


def _counts_for(images: ImageStack, drift: Drift) -> IntArray:
    """Return when images were taken by the clock of the drift."""
    of = transformations_of(drift)
    if is_static(of) or clock_of(of) == images.clock:
        return images.counts
    duration = of.attrs.get(FRAME_DURATION) or images.images.attrs.get(FRAME_DURATION)
    if duration is None:
        raise DriftError(
            f"The drift counts time in {clock_of(of).plural}, the stack in {images.clock.plural}. "
            "Say how many seconds a frame takes: stack.assign_attrs(frame_duration=0.05)"
        )
    return images.clock.to(clock_of(of), images.counts, float(duration))


def _unit_factor(images: ImageStack, drift: Drift) -> float:
    unit = drift.attrs.get("length_unit")
    if unit is None or images.length_unit is None:
        return 1.0
    factor = unit_factor(unit, images.length_unit)
    if factor is None:
        raise DriftError(
            f"The drift is in {unit} but the stack is in {images.length_unit}. Say how many nm a "
            "pixel is: pixel_size=100"
        )
    return factor


def _moved(
    images: npt.NDArray[Any],
    matrix: FloatArray,
    offset: FloatArray,
    *,
    order: int,
    dtype: np.dtype[Any],
    threads: int | None,
) -> npt.NDArray[Any]:
    """Return images, (k, ...), resampled; NaN where nothing is known."""
    out = np.empty(images.shape, dtype)

    def move(k: int) -> None:
        out[k] = _resampled(images[k], matrix[k], offset[k], order, dtype)

    map_threads(move, range(len(images)), threads=threads)
    return out


def _resampled(
    image: npt.NDArray[Any], matrix: FloatArray, offset: FloatArray, order: int, dtype: Any
) -> npt.NDArray[Any]:
    if not np.isfinite(offset).all():
        return np.full(image.shape, np.nan, dtype)
    diagonal = np.diag(matrix)
    turned: FloatArray = diagonal if (matrix == np.diag(diagonal)).all() else matrix
    resample = partial(
        ndimage.affine_transform, matrix=turned, offset=offset, mode="constant", cval=np.nan
    )
    unknown = ~np.isfinite(image)
    if not unknown.any():
        return np.asarray(resample(image.astype(dtype), order=order, output=dtype))
    # A spline would carry one unknown pixel through the whole image.
    filled = np.where(unknown, image[~unknown].mean() if not unknown.all() else 0, image)
    result = np.asarray(resample(filled.astype(dtype), order=order, output=dtype))
    touched = resample(unknown.astype(np.float32), order=1, output=np.float32)
    result[~(touched < 1e-3)] = np.nan
    return result
