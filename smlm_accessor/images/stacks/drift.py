"""Drift of a stack of images: all pairs within a window, solved together."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.backends import ProgressBar
from smlm_accessor.drift import build
from smlm_accessor.drift.composition import ORIGINS, with_origin
from smlm_accessor.drift.times import FRAME_DURATION
from smlm_accessor.errors import InvalidChunkWarning, StackError
from smlm_accessor.images.stacks.stack import ImageStack, read_stack
from smlm_accessor.kernels.stacks.alignment import StackShifts, align
from smlm_accessor.kernels.stacks.coarse import coarse_shifts
from smlm_accessor.kernels.stacks.spectra import NORMALIZATIONS, ModeGrid, Spectra, Weights
from smlm_accessor.options import PerComponent, count, require_choice

MOST_IMAGES = 5_000  # tables of all pairs: 200 MB each
# Frequencies kept of all images together: 0.5 GB, and as much again for sums of the others.
_MOST_FREQUENCIES = 2**26
# Of the length of an image: a taper that moves with the sample is not made shorter by more at each
# end, so that something of the field is left.
_MOST_MARGIN = 0.25
_STAGES = 3
_ENDS = {"": 0, "_start": 0, "_stop": 1}  # of a chunk, which is one count long


def stack_drift(
    stack: xr.DataArray,
    *,
    window: int | None = None,
    normalization: str | None = "noise",
    pixel_size: PerComponent | None = None,
    origin: str = "first_chunk",
    progress: bool = False,
) -> xr.Dataset:
    """Return the drift of a stack of images; see ``stack.smlm.drift``."""
    require_choice("origin", origin, ORIGINS)
    if normalization not in NORMALIZATIONS:
        require_choice("normalization", normalization, [str(n) for n in NORMALIZATIONS])
    images = read_stack(stack, pixel_size)
    n = len(images.counts)
    if n > MOST_IMAGES:
        raise StackError(
            f"{n} images are more than {MOST_IMAGES}; average successive ones: "
            f"stack.coarsen({images.time}={-(-n // MOST_IMAGES)}, boundary='trim').mean()"
        )
    reach = n if window is None else count("window", window, least=1)
    found = _aligned(images, reach, normalization, progress)
    dataset = _dataset(images, found, {"window": window, "normalization": normalization})
    if not found.valid.all():
        warnings.warn(_warning(images, found.valid), InvalidChunkWarning, stacklevel=3)
    return with_origin(dataset, origin)


def _aligned(
    images: ImageStack, window: int, normalization: str | None, progress: bool
) -> StackShifts:
    """Find shifts to a fraction of a pixel; cut out what all images share; align by gradient."""
    grid = _grid(images)
    nowhere = np.zeros((len(images.counts), grid.d))
    with ProgressBar(_STAGES, shown=progress, description="Aligning images") as bar:
        spectra = _spectra(images, grid, nowhere, np.zeros(grid.d))
        present = np.abs(spectra).reshape(len(spectra), -1).max(axis=1) > 0
        bar.advance()
        coarse, connected = coarse_shifts(
            grid, spectra, _first_weights(grid, spectra[present], normalization), window, present
        )
        coarse[~connected] = 0.0
        coarse -= _middle(coarse[connected])
        coarse[~connected] = 0.0
        bar.advance()
        # A taper that stays where it is holds the correlation back towards no shift.
        margin = np.minimum(np.abs(coarse).max(axis=0) + 1, _MOST_MARGIN * np.array(grid.shape))
        spectra = _spectra(images, grid, np.clip(coarse, -margin, margin), margin)
        for k in range(len(spectra)):
            spectra[k : k + 1] *= grid.phases(coarse[k : k + 1])
        found = align(grid, spectra, connected, present, window, normalization)
        bar.advance()
    return found._replace(shift=found.shift + coarse)


def _middle(shifts: FloatArray) -> FloatArray:
    """Return the middle of the range of shifts, so that the margin is as small as can be."""
    if not len(shifts):
        return np.zeros(shifts.shape[1])
    return np.asarray((shifts.min(axis=0) + shifts.max(axis=0)) / 2)


def _grid(images: ImageStack) -> ModeGrid:
    """Return the frequencies: all, if there is room for those of all images."""
    shape = [images.images.sizes[d] for d in images.spatial]
    room = 2 * _MOST_FREQUENCIES / len(images.counts)
    most = max(shape)
    while np.prod(np.minimum(shape, most)) > room:
        most -= 2
    return ModeGrid(shape, most)


def _spectra(images: ImageStack, grid: ModeGrid, centre: FloatArray, margin: FloatArray) -> Spectra:
    out = [grid.transform(block, centre[run], margin) for run, block in images.blocks()]
    return np.concatenate(out)


def _first_weights(grid: ModeGrid, spectra: Spectra, normalization: str | None) -> Weights:
    """Return the weights for pairs of images, from their mean power: its noise is 1."""
    power = np.zeros(grid.usable.shape)
    for one in spectra:
        power += np.square(np.abs(one)) / len(spectra)
    signal = np.maximum(grid.on_grid(grid.ring_means(power)) - 1, 0.0)
    return grid.weights(signal, np.ones_like(signal), 2, normalization)


def _dataset(images: ImageStack, found: StackShifts, options: dict[str, object]) -> xr.Dataset:
    drift, clock, name = found.shift[:, ::-1] * images.spacing, images.clock, images.clock.name
    return build(
        offset=-drift,
        offset_std=found.std[:, ::-1] * np.abs(images.spacing),
        components=images.components,
        **{name + end: clock.values(images.counts + more) for end, more in _ENDS.items()},
        valid=found.valid,
        quality=np.where(found.valid, found.contrast, np.nan),
        center=images.center,
        attrs={
            "method": "images",
            "target": "all",
            "length_unit": images.length_unit,
            FRAME_DURATION: images.images.attrs.get(FRAME_DURATION),
            "parameters": options | {"pixel_size": np.abs(images.spacing)},
        },
    )


def _warning(images: ImageStack, valid: BoolArray) -> str:
    counts = images.counts[~valid]
    named = ", ".join(images.clock.text(count) for count in counts[:10])
    more = f" and {len(counts) - 10} more" if len(counts) > 10 else ""
    said = "images at" if images.clock.is_time else f"frame{'s' * (len(counts) > 1)}"
    return (
        f"Could not register {said} {named}{more} of {len(valid)}: NaN there, and valid=False. "
        "They share no fine structure with the others: out of focus, empty, or of another part of "
        "the sample."
    )
