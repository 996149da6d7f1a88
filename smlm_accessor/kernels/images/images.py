"""Images of localizations, and their transforms."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import fft

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.images.grid import PixelGrid

Image = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

#: The rim of the field is one part in so many of its extent at either end.
RIM = 20


def count(
    positions: FloatArray, grid: PixelGrid, *, tiles: IntArray | None = None, n_tiles: int = 1
) -> Image:
    """Count localizations per pixel, each shared linearly among the pixels around it.

    Sharing keeps the image continuous in the positions, which lets pixels be as large as the
    smoothing.

    ``tiles``, shape (n,), is the image that each localization belongs to; all to the same one by
    default. Returns images of shape (n_tiles, *grid.bins).
    """
    first, last = grid.bins
    image = np.zeros(n_tiles * first * last, dtype=np.float32)
    starts = None if tiles is None else tiles * (first * last)
    count_into(image, positions, grid, (last, 1), starts)
    return image.reshape(n_tiles, first, last)


def count_into(
    image: Image,
    positions: FloatArray,
    grid: PixelGrid,
    steps: tuple[int, int],
    starts: IntArray | None = None,
) -> None:
    """Count as `count` does, into a flat array whose pixels are ``steps`` apart along each axis.

    ``starts``, shape (n,), is where the image begins that each localization belongs to.
    """
    inside = np.ones(len(positions), dtype=bool)
    for axis in range(2):
        x = positions[:, axis]
        inside &= (x >= grid.lower[axis]) & (x <= grid.upper[axis])
    if not inside.all():
        positions = positions[inside]
        starts = None if starts is None else starts[inside]
    at = np.zeros(len(positions), dtype=np.intp) if starts is None else starts
    shares: list[list[tuple[int, npt.NDArray[np.float32]]]] = []
    for axis, step in enumerate(steps):
        u = (positions[:, axis] - grid.corner[axis]) / grid.bin_size
        pixel = np.floor(u)
        part = (u - pixel).astype(np.float32)
        at = at + step * pixel.astype(np.intp)
        shares.append([(0, 1 - part), (step, part)] if grid.bins[axis] > 1 else [(0, 1 - part)])
    for (step0, share0), (step1, share1) in product(*shares):
        np.add.at(image, at + (step0 + step1), share0 * share1)


def transform(image: Image, grid: PixelGrid) -> Spectrum:
    """Transform padded images, less the even background that the rim of the field shows.

    Background in a field that does not move with the sample has edges that do not move either; they
    would pull every shift towards zero. Frequency zero, which no correlation needs, holds the
    number of localizations and, as its imaginary part, how many of them were subtracted. Thus what
    is returned for parts of the localizations adds up to what is returned for all.

    The shape is (n_tiles, 2 m0 + 1, m1 + 1) with ``grid.modes = (m0, m1)``.
    """
    spectra = keep(transform_of(image, grid.padded, grid.modes[1] + 1), grid.modes)
    counts = spectra[:, :1, :1].real.copy()
    even = background(image, grid)[:, None, None]
    spectra -= even * field_spectrum(grid)
    spectra[:, :1, :1] = counts + np.complex64(1j) * even
    return spectra


def with_background(spectra: Spectrum, grid: PixelGrid) -> Spectrum:
    """Undo the subtraction of background in `transform`."""
    zero = spectra[:, :1, :1]
    out: Spectrum = spectra + zero.imag * field_spectrum(grid)
    out[:, :1, :1] = zero.real
    return out


def background(image: Image, grid: PixelGrid) -> Image:
    """Count the localizations of each image, if all the field were as dense as its rim."""
    inner = tuple(slice(n // RIM, n - n // RIM) if n > RIM else slice(None) for n in grid.bins)
    area = float(np.prod([p.sum() for p in grid.profiles]))
    rim_area = area - float(
        np.prod([p[i].sum() for p, i in zip(grid.profiles, inner, strict=True)])
    )
    counts = image.sum(axis=(1, 2)) - image[:, *inner].sum(axis=(1, 2))
    factor = np.float32(area / rim_area if rim_area > 0 else 0.0)
    return np.asarray(counts * factor, dtype=np.float32)


def keep(spectra: Spectrum, modes: tuple[int, int]) -> Spectrum:
    """Cut a transform of shape (n_tiles, n, m) down to the lowest frequencies."""
    first, last = modes
    n = spectra.shape[1]
    return np.concatenate(
        [spectra[:, : first + 1, : last + 1], spectra[:, n - first :, : last + 1]], axis=1
    )


def transform_of(images: Image, shape: tuple[int, int], n_kept: int) -> Spectrum:
    """Transform images, (n_tiles, n, m), padded to a shape; some frequencies of the last axis stay.

    Along one axis after the other, so that no array is larger than what is wanted of it.
    """
    rows = fft.rfft(images, shape[1], axis=2)[..., :n_kept]
    return np.asarray(fft.fft(rows, shape[0], axis=1))


def image_of(spectra: Spectrum, shape: tuple[int, int]) -> Image:
    """Return the images of transforms, (..., n, m), over which is written."""
    rows = fft.ifft(spectra, axis=-2, overwrite_x=True, norm="forward")
    images: Image = fft.irfft(rows, shape[1], norm="forward")
    images *= np.float32(1 / (shape[0] * shape[1]))
    return images


def spread(spectra: Spectrum, modes: tuple[int, int], shape: tuple[int, int]) -> Spectrum:
    """Put the kept frequencies back into a transform of images of another shape."""
    first, last = modes
    out = np.zeros((len(spectra), shape[0], shape[1] // 2 + 1), dtype=np.complex64)
    out[:, : first + 1, : last + 1] = spectra[:, : first + 1]
    out[:, shape[0] - first :, : last + 1] = spectra[:, first + 1 :]
    return out


def restore(spectra: Spectrum, grid: PixelGrid, shape: tuple[int, int]) -> Image:
    """Return the images of kept frequencies, sampled at another shape, shape (n_tiles, *shape)."""
    images = image_of(spread(spectra, grid.modes, shape), shape)
    images *= np.float32(shape[0] * shape[1] / grid.pixels)
    return images


def fade(n: int, width: float) -> FloatArray:
    """Return the weights of ``n`` pixels that fall to zero over a width at both ends (Hann)."""
    ramp = np.sin(0.5 * np.pi * np.minimum((np.arange(n) + 0.5) / width, 1.0)) ** 2
    return np.asarray(ramp * ramp[::-1])


@lru_cache(maxsize=2)  # all images of a series need the same
def field_spectrum(grid: PixelGrid) -> Spectrum:
    """Transform of one localization, spread evenly over the field; shape as of one image."""
    first, last = (
        np.fft.fft(p / p.sum(), n) for p, n in zip(grid.profiles, grid.padded, strict=True)
    )
    whole = first[:, None] * last[None, : grid.modes[1] + 1]
    spectrum = np.asarray(keep(whole[None].astype(np.complex64), grid.modes)[0])
    spectrum.flags.writeable = False
    return spectrum
