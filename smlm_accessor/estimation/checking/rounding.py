"""Positions that were rounded to more than they are precise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor.estimation.checking.uncertainty import said_length
from smlm_accessor.kernels.neighbours.nena import precision
from smlm_accessor.kernels.rounding import rounding_step
from smlm_accessor.methods.api import ChunkedLocalizations

_SEED = 1


def spread_over_steps(
    localizations: ChunkedLocalizations, unit: str | None
) -> tuple[ChunkedLocalizations, str]:
    """Spread positions that were rounded coarsely evenly over the step that they were rounded to.

    Where a step is as wide as localizations are precise, or wider, many lie on each other exactly:
    nothing tells how precise they are, and a density of them has no slope. A random part of a step
    (dither) makes the mean position of many the same as if they had not been rounded.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        In the order of frames and positions.
    unit : str, optional
        Of length, for the message.

    Returns
    -------
    localizations : ChunkedLocalizations
    warning : str
        Empty if nothing was done.
    """
    positions, axes = localizations.positions, localizations.components
    center = 0.0 if localizations.center is None else np.abs(localizations.center).max()
    largest = center + np.abs(positions).max(initial=0.0)
    steps = np.array([rounding_step(x, float(largest)) for x in positions.T])
    if not steps.any():
        return localizations, ""
    counted, _ = localizations.counted()
    coarse = (steps > 0) & (precision(positions, counted.frames) <= steps)
    if not coarse.any():
        return localizations, ""
    steps = np.where(coarse, steps, 0.0)
    within = np.random.default_rng(_SEED).uniform(-0.5, 0.5, positions.shape)
    names = " and ".join(axis for axis, one in zip(axes, coarse, strict=True) if one)
    step = said_length(float(steps.max()), unit)
    return replace(localizations, positions=positions + within * steps), (
        f"Values of {names} are multiples of {step}: localizations are more precise than that, so "
        "the table was rounded. The drift is estimated all the same, from positions that are "
        "spread evenly over these steps, with a larger offset_std. Export the table with more "
        "decimals, if you can."
    )
