"""How well a molecule is localized, from the photons it sent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray
from smlm_accessor.options import number


def localization_precision(
    photons: npt.ArrayLike,
    *,
    psf_std: float = 130.0,
    pixel_size: float = 100.0,
    background_photons: float = 10.0,
) -> FloatArray:
    """Return the localization precision of a least-squares fit of a Gaussian.

    With ``s = psf_std``, ``a = pixel_size``, ``b2 = background_photons``, ``N = photons`` and
    ``sa2 = s**2 + a**2 / 12``, the variance is ``sa2 / N * (16 / 9 + 8 pi sa2 b2 / (N a**2))``,
    equation 6 of the reference; the formula of Thompson et al. promises too much.

    Parameters
    ----------
    photons : array_like
        Photons of each localization.
    psf_std : float
        Standard deviation of the point spread function, in any unit of length.
    pixel_size : float
        Side of a camera pixel, in the same unit.
    background_photons : float
        Mean number of background photons per pixel and frame.

    Returns
    -------
    ndarray, shape of ``photons``
        One standard deviation per lateral axis, in the unit of ``psf_std``.

    Raises
    ------
    OptionError
        If an option is not positive (``background_photons``: negative).

    References
    ----------
    K. I. Mortensen, L. S. Churchman, J. A. Spudich and H. Flyvbjerg, Nat. Methods 7, 377 (2010),
    DOI 10.1038/nmeth.1447. R. E. Thompson, D. R. Larson and W. W. Webb, Biophys. J. 82, 2775
    (2002), DOI 10.1016/S0006-3495(02)75618-X.

    Examples
    --------
    >>> from smlm_accessor.simulate import localization_precision
    >>> localization_precision([500.0, 5000.0]).round(1)
    array([9.7, 2.6])
    """
    n = np.asarray(photons, dtype=np.float64)
    area = number("pixel_size", pixel_size, above=0) ** 2
    variance = number("psf_std", psf_std, above=0) ** 2 + area / 12
    noise = number("background_photons", background_photons, least=0)
    return np.asarray(np.sqrt(variance / n * (16 / 9 + 8 * np.pi * variance * noise / (n * area))))
