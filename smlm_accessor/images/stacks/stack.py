"""Which dimension of a stack is what, the frames of its images, and how long a pixel is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError, StackError, listing
from smlm_accessor.options import PerComponent, per_component
from smlm_accessor.table.clock import FRAMES, SECONDS, SECONDS_IN, Clock
from smlm_accessor.table.units import normal_unit

# Of the spacing: coordinates written with four digits are uniform.
_UNIFORM = 1e-3
_BYTES = 2**26  # of images that are read at a time, as float32
Images = npt.NDArray[np.float32]
_TIMES = ("frame", "time")


@dataclass(frozen=True)
class ImageStack:
    """A stack, its images in the order of ``dims``: time, then z if there is one, y, and x.

    ``counts`` are the frames or times of the images by ``clock``. ``first`` and ``spacing`` are the
    positions of the first pixel and from one to the next, by component (x first), in
    ``length_unit``.
    """

    images: xr.DataArray
    clock: Clock
    counts: IntArray
    components: tuple[str, ...]
    first: FloatArray
    spacing: FloatArray
    length_unit: str | None

    @property
    def time(self) -> str:
        """Name of the dimension from image to image."""
        return str(self.images.dims[0])

    @property
    def spatial(self) -> list[str]:
        """Names of the dimensions of an image, x last."""
        return [str(d) for d in self.images.dims[1:]]

    @property
    def center(self) -> FloatArray:
        """Middle of the field."""
        n = np.array([self.images.sizes[c] for c in self.components])
        return np.asarray(self.first + (n - 1) / 2 * self.spacing)

    def blocks(self) -> Iterator[tuple[slice, Images]]:
        """Yield runs of images and their pixels, float32; of dask, each of its chunks once."""
        n = self.images.sizes[self.time]
        pixels = int(np.prod([self.images.sizes[d] for d in self.spatial]))
        most = max(_BYTES // (4 * pixels), 1)
        chunks = self.images.chunksizes.get(self.time, (n,))
        ends = np.cumsum(chunks)
        for begin, end in zip(ends - chunks, ends, strict=True):
            held = self.images.isel({self.time: slice(begin, end)})
            held = held.compute() if held.chunks else held
            for at in range(0, int(end - begin), most):
                block = np.asarray(held[at : at + most].values, dtype=np.float32)
                yield slice(int(begin) + at, int(begin) + at + len(block)), _finite(block)


def read_stack(stack: xr.DataArray, pixel_size: PerComponent | None = None) -> ImageStack:
    """Return what a DataArray with dimensions frame or time, y, x, and z if any, holds.

    Raises
    ------
    StackError
        With all that is wrong.
    """
    dims = [str(d) for d in stack.dims]
    times = [d for d in dims if d in _TIMES]
    spatial = [d for d in ("z", "y", "x") if d in dims]
    others = [d for d in dims if d not in (*_TIMES, "z", "y", "x")]
    problems = []
    if len(times) != 1:
        problems.append(
            f"an image stack has one dimension frame or time, this has {', '.join(times) or 'none'}"
            f" of {', '.join(dims)}; name it: stack.rename({dims[0] if dims else 'dim_0'}='frame')"
        )
    if missing := [d for d in ("y", "x") if d not in dims]:
        problems.append(
            f"there is no dimension {' and '.join(missing)} in {', '.join(dims)}; name them: "
            "xarray.DataArray(images, dims=('frame', 'y', 'x'))"
        )
    if others and not problems:
        problems.append(f"choose one of {others[0]}: stack.isel({others[0]}=0)")
    if stack.dtype.kind not in "iuf":
        problems.append(f"pixels are {stack.dtype}; they must be numbers: stack.astype('float32')")
    if not problems and not stack.size:
        problems.append(f"there are no pixels in a stack of shape {dict(stack.sizes)}")
    if problems:
        raise StackError(listing(problems))
    images = stack.transpose(times[0], *spatial)
    components = tuple(reversed(spatial))
    first, spacing, unit = _positions(images, components, pixel_size)
    return ImageStack(images, *_when(images, times[0]), components, first, spacing, unit)


def _when(images: xr.DataArray, time: str) -> tuple[Clock, IntArray]:
    """Return the frame of each image, or its time, by its coordinate; else 0, 1, 2, ..."""
    name = "frame" if "frame" in images.coords else time
    if name not in images.coords:
        return FRAMES, np.arange(images.sizes[time])
    held = images.coords[name]
    if held.dims != (time,):
        raise StackError(f"the coordinate {name} must have one number for each {time}")
    clock = FRAMES if name == "frame" else SECONDS
    values = held.values
    if clock.is_time:
        values = _seconds(held)
    remedy = f"stack.assign_coords({name}=('{time}', [...]))"
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise StackError(f"the coordinate {name} must be finite numbers: {remedy}")
    if not clock.is_time and (values % 1 != 0).any():
        raise StackError(f"the coordinate frame must be whole numbers: {remedy}")
    counts = clock.counts(values)
    if not (np.diff(counts) > 0).all():
        twice = len(np.unique(counts)) < len(counts)
        remedy = f"stack.drop_duplicates('{time}')" if twice else f"stack.sortby('{name}')"
        raise StackError(f"the coordinate {name} must rise from image to image: {remedy}")
    return clock, counts


def _seconds(held: xr.DataArray) -> npt.NDArray[Any]:
    """Return times in seconds, of dates since the first."""
    values: npt.NDArray[Any] = held.values
    if values.dtype.kind == "M":
        values = values - values[0]
    if values.dtype.kind == "m":
        return np.asarray(values / np.timedelta64(1, "s"))
    unit = str(held.attrs.get("units", "s"))
    if unit not in SECONDS_IN:
        raise StackError(
            f"times in {unit!r} are not known; use one of {', '.join(SECONDS_IN)}: "
            "stack.time.attrs['units'] = 's'"
        )
    return values * SECONDS_IN[unit] if values.dtype.kind in "iuf" else values


def _positions(
    images: xr.DataArray, components: tuple[str, ...], pixel_size: PerComponent | None
) -> tuple[FloatArray, FloatArray, str | None]:
    """Return where the first pixel is, the spacing by component, and the length unit."""
    d = len(components)
    if pixel_size is not None:
        if d == 3 and np.ndim(pixel_size) == 0:
            raise OptionError(
                f"pixel_size={pixel_size!r} does not say how far slices are apart; give one for "
                "each of x, y, z: pixel_size=(100, 100, 250)"
            )
        return np.zeros(d), per_component("pixel_size", pixel_size, components, above=0), "nm"
    given = [c for c in components if c in images.coords]
    if not given and d == 2:
        return np.zeros(d), np.ones(d), "pixel"
    if len(given) < d:
        lacking = [c for c in components if c not in given]
        raise StackError(
            f"there is no coordinate {' and '.join(lacking)} that says where pixels are; give the "
            f"size of a pixel in nm: pixel_size={'100' if d == 2 else '(100, 100, 250)'}"
        )
    ends = [_uniform(images, c) for c in components]
    units = {images.coords[c].attrs.get("units") for c in components}
    if len(units) > 1:
        raise StackError(
            f"the coordinates {', '.join(components)} have the units "
            f"{', '.join(str(images.coords[c].attrs.get('units')) for c in components)}; give all "
            "in the same: stack.x.attrs['units'] = 'nm'"
        )
    unit = units.pop()
    first, spacing = np.array(ends).T
    return first, spacing, None if unit is None else normal_unit(str(unit))


def _uniform(images: xr.DataArray, component: str) -> tuple[float, float]:
    """Return the first of evenly spaced positions, and the spacing, below 0 if they fall."""
    values: Any = images.coords[component].values
    remedy = "interpolate it to an even grid, or give the size of a pixel in nm: pixel_size=100"
    if values.ndim != 1 or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise StackError(f"the coordinate {component} must be finite numbers; {remedy}")
    if len(values) < 2:
        raise StackError(f"one pixel along {component} does not say how long it is; {remedy}")
    values = values.astype(np.float64)
    spacing = (values[-1] - values[0]) / (len(values) - 1)
    off = np.abs(np.diff(values) - spacing).max()
    if spacing == 0 or off > _UNIFORM * abs(spacing):
        raise StackError(f"the coordinate {component} is not evenly spaced; {remedy}")
    return float(values[0]), float(spacing)


def _finite(block: Images) -> Images:
    """Return images with the mean of each where pixels are not finite; 0 where none is."""
    if np.isfinite(block).all():
        return block
    known = np.isfinite(block)
    axes = tuple(range(1, block.ndim))
    number = known.sum(axis=axes, keepdims=True)
    total = np.where(known, block, 0).sum(axis=axes, keepdims=True)
    return np.asarray(np.where(known, block, total / np.maximum(number, 1)), dtype=np.float32)
