"""Frame numbers of localizations that appear independently of each other."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.options import Seed, count, number


def simulate_frame_numbers(n_samples: int, lam: float, seed: Seed = None) -> IntArray:
    """Simulate the frame number of each of a series of localizations.

    Localizations appear as a Poisson process in time, so that the number of them in a frame follows
    a Poisson distribution. The movie starts with the first localization: it is in frame 0.

    Parameters
    ----------
    n_samples : int
        Number of localizations.
    lam : float
        Mean number of localizations per frame.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same frame numbers.

    Returns
    -------
    ndarray of int64, shape (n_samples,)
        Frame numbers, not decreasing, from 0 on. A frame without localizations is left out; the
        last one holds what is left of the samples.

    Raises
    ------
    OptionError
        If ``n_samples`` is negative or ``lam`` is not positive.

    Examples
    --------
    >>> from smlm_accessor.simulate import simulate_frame_numbers
    >>> frames = simulate_frame_numbers(n_samples=30_000, lam=3, seed=1)
    >>> print(frames[0], frames[-1] > 9_000)
    0 True
    """
    n = count("n_samples", n_samples)
    rate = number("lam", lam, above=0)
    if n / rate > 2**53:
        raise OptionError(
            f"lam={lam!r} spreads {n} localizations over too many frames; take a larger one"
        )
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.standard_exponential(n))
    times /= rate
    frames = times.astype(np.int64)
    return frames - frames[:1]
