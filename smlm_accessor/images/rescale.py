"""Values of an image as brightness between 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.errors import OptionError

Image = npt.NDArray[Any]
Rescale = str | tuple[float, float]

RESCALED = {"equal": "equalized", "log": "log scale", "unity": "scaled to 0–1"}


def check_rescale(rescale: Any) -> None:
    """Raise `OptionError` if there is no such way to rescale."""
    if rescale is None or (isinstance(rescale, str) and rescale in RESCALED):
        return
    pair = np.asarray(rescale)
    if pair.shape != (2,) or pair.dtype.kind not in "if" or not 0 <= pair[0] < pair[1] <= 100:
        known = ", ".join(f'"{name}"' for name in RESCALED)
        raise OptionError(
            f"rescale={rescale!r} is not known; take None, {known}, or two percentiles like (0, 99)"
        )


def rescaled(image: Image, occupied: BoolArray, rescale: Rescale) -> FloatArray:
    """Return 0 to 1 for the occupied bins, and elsewhere 0 (counts) or NaN (a property)."""
    is_count = image.dtype.kind == "i"
    result = np.full(image.shape, 0.0 if is_count else np.nan)
    filled = image[occupied]
    if not filled.size:
        return result
    if rescale == "equal":
        from skimage.exposure import equalize_hist

        result[occupied] = equalize_hist(filled)  # type: ignore[no-untyped-call]
        return result
    start = 0 if is_count else filled.min()
    if rescale == "log":
        filled, start = np.log1p(filled - start), 0
    low, high = start, filled.max()
    if not isinstance(rescale, str):
        low, high = np.percentile(filled, rescale)
        low = start if rescale[0] == 0 else low
    span = high - low
    result[occupied] = np.clip((filled - low) / span, 0, 1) if span > 0 else filled >= high
    return result
