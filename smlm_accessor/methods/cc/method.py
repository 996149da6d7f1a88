"""Cross-correlation of images of the chunks."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray
from smlm_accessor.methods.api import ChunkedLocalizations, Reduced, Reduction, Registered
from smlm_accessor.methods.cc.reduction import CountedImages, add_images, count_images, plan_images
from smlm_accessor.methods.image_series.chance import erratic
from smlm_accessor.methods.image_series.lateral import ImageOfChunk, register_lateral
from smlm_accessor.methods.image_series.pixels import LateralPlan
from smlm_accessor.methods.image_series.standard_errors import offset_std
from smlm_accessor.methods.image_series.z_profiles import register_z
from smlm_accessor.methods.registry import register
from smlm_accessor.options import length

_CHANCE = (
    "Chunks match here and there in the field, which is chance: of long blinks, one in each is "
    "enough. Larger chunks would help, or method='overlap', which puts blinks together first."
)

Images = Reduced[LateralPlan | None, CountedImages | None]


def solve(
    localizations: ChunkedLocalizations,
    reduced: Images,
    *,
    bin_size: float | None = None,  # of the images, as the smoothing: in the plan
    smoothing: float | None = None,
    **options: Any,
) -> Registered:
    """Register chunks by images of more localizations than these; for options see `cc`."""
    images = partial(_image, reduced), reduced.counts
    return _register(localizations, reduced.plan, images, **options)


@register(
    "cc",
    reduction=Reduction(plan_images, count_images, add_images, solve),
    checks={"bin_size": length, "smoothing": partial(length, zero=True), "max_shift": length},
)
def cc(
    localizations: ChunkedLocalizations,
    *,
    target: str = "first",
    bin_size: float | None = None,
    smoothing: float | None = None,
    max_shift: float | None = None,
    subpixel: bool = True,
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    """Register chunks by the maximum of the cross-correlation of their images.

    Localizations are counted in pixels, the mean density of the field is subtracted, and the
    correlation of two chunks is smoothed with a Gaussian, less one three times wider. Its global
    maximum, found between the pixels, is the shift. In three dimensions the lateral shift comes
    first; then the profiles of square tiles along z are correlated and their correlations added.

    Where the sample moves within a chunk, its image has its maximum where the sample was longest.
    So parts of each chunk are correlated with all other chunks, in larger pixels. Where they lie
    apart, the shift is nearer to their mean, unless nearly all of them lie at the maximum.

    Does badly when the structure turns, grows or is renewed between chunks; when it repeats at
    distances smaller than the drift; and within chunks, between whose middles nothing is known.

    Parameters
    ----------
    target : {"first", "previous", "all"}
        What a chunk is correlated with: the first that has data; the one before, shifts being added
        up; or the sum of all other chunks, aligned, which is best where chunks are small.
    bin_size : float, optional
        Edge of a pixel in x and y. By default two thirds of the smoothing, and as large as it has
        to be for one image of no more than 2**23 pixels; then smoothing is at least one pixel.
        The search itself takes padded images of no more than 2**20 pixels.
    smoothing : float, optional
        Standard deviation of the Gaussian in x and y, 0 for none. By default the one that promises
        the most precise shift, judging by the data; pixels and smoothing along z always are.
    max_shift : float, optional
        Largest shift that is looked for, along each axis. By default half the extent of the field
        in x and y, and all of it in z. Images are padded for it: nothing wraps round.
    subpixel : bool, default True
        Otherwise the shift is rounded to whole pixels.

    Returns
    -------
    Registered
        ``quality`` is the height of the maximum above the next highest, at least five smoothing
        lengths away, in standard deviations of the correlation. Below 7 a chunk is invalid, as it
        is when the maximum lies at the edge of the range. (Chance gives 7 to less than one in a
        thousand, if localizations are independent. Those of a long blink are not: without the
        field block that makes most of the maximum, 3 must be left, unless a few beads are all that
        is seen. Where shifts are erratic nevertheless, all chunks are invalid.) A chunk is invalid,
        too, if a part of it is missing where the rest is, and not seen elsewhere by itself.
        ``offset_std`` is from a jackknife
        over field blocks: localizations of one block need not be independent. (Where fewer than
        three blocks count, at least as if all were.) It is that of the mean of a chunk: what the
        sample moves within it is in it. The first chunk has one, too, and the difference of two has
        the variance of both. It is NaN along z if all heights are equal (their offset is 0) and
        where a single chunk is valid. ``chosen`` holds bin size, smoothing and largest shift, and
        as ``n_moving_chunks`` the number of chunks whose mean is off their maximum by more than its
        error; in 3D also those along z and the size of the tiles (None: one tile).

    Notes
    -----
    The transform of each chunk is computed once. The maximum is found by Newton's method on the
    trigonometric interpolant of the correlation, the limit of an upsampled discrete Fourier
    transform [1]_. An eighth of a chunk is a part, and is halved for as long as the sample clearly
    moves within it by more than the error of the mean; a part that shows too little is put
    together with the one beside it. Memory is bounded whatever the field: transforms of 2**28 bytes
    in all, and about 20 bytes per pixel and thread while one is worked on. The outermost 0.1 % of
    positions at either end of an axis do not extend the field by more than a tenth.

    References
    ----------
    .. [1] Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33, 156 (2008),
       https://doi.org/10.1364/OL.33.000156

    Examples
    --------
    >>> import numpy as np
    >>> from smlm_accessor.methods.api import ChunkedLocalizations
    >>> rng = np.random.default_rng(1)
    >>> clusters = rng.uniform(-500, 500, size=(50, 2))
    >>> positions = clusters[rng.integers(50, size=4000)] + rng.normal(0, 10, size=(4000, 2))
    >>> positions[2000:] += [30, -20]
    >>> frames, bounds = np.arange(4000), np.array([0, 2000, 4000])
    >>> offset = cc(ChunkedLocalizations(positions, frames, bounds, ("x", "y"))).offset
    >>> bool(np.abs(offset[1] - [-30, 20]).max() < 2)
    True
    """
    pixels = {"bin_size": bin_size, "smoothing": smoothing, "max_shift": max_shift}
    plan = plan_images(localizations, n_chunks=1, threads=threads, **pixels)
    return _register(
        localizations,
        plan,
        None,
        max_shift=max_shift,
        subpixel=subpixel,
        target=target,
        threads=threads,
        progress=progress,
    )


def _image(reduced: Images, chunk: int) -> npt.NDArray[np.float32]:
    """Return the image of a chunk; an empty one of a chunk that is left out."""
    assert reduced.summary is not None
    assert reduced.plan is not None
    return reduced.summary.of(chunk if reduced.counts[chunk] else -1, reduced.plan.grid.bins)


def _register(
    localizations: ChunkedLocalizations,
    plan: LateralPlan | None,
    images: tuple[ImageOfChunk, IntArray] | None,
    *,
    max_shift: float | None = None,
    subpixel: bool = True,
    target: str = "first",
    threads: int | None = None,
    progress: bool = False,
) -> Registered:
    options: dict[str, Any] = {"target": target, "threads": threads, "progress": progress}
    shifts, chosen = register_lateral(localizations, plan, images, **options)
    length = chosen["smoothing"]
    if plan and erratic(shifts.shift, shifts.valid, length, float(plan.field.extent.max())):
        return Registered.failed(localizations, _CHANCE, chosen, shifts.quality)
    bins = [chosen["bin_size"]] * 2
    if localizations.positions.shape[1] == 3:
        options |= {"lateral_smoothing": length, "max_shift": max_shift}
        shifts, also = register_z(localizations, shifts, by_parts=True, **options)
        chosen |= also
        bins.append(also["bin_size_z"])
    drift = np.where(shifts.valid[:, None], shifts.shift, np.nan)
    if not subpixel:
        size = np.array(bins)
        drift = size * np.round(drift / np.where(size > 0, size, 1.0))
    return Registered(-drift + 0.0, shifts.quality, shifts.valid, None, offset_std(shifts), chosen)
