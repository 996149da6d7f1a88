"""Uncertainties that a table gives, checked against its own neighbours in time."""

from __future__ import annotations

from dataclasses import replace

from smlm_accessor.kernels.neighbours.nena import contradiction
from smlm_accessor.methods.api import ChunkedLocalizations


def checked_uncertainty(
    localizations: ChunkedLocalizations, unit: str | None
) -> tuple[ChunkedLocalizations, str]:
    """Leave out uncertainties that neighbours in time contradict by far.

    Parameters
    ----------
    localizations : ChunkedLocalizations
    unit : str, optional
        Of length, for the message.

    Returns
    -------
    localizations : ChunkedLocalizations
    warning : str
        Empty if nothing is wrong.
    """
    if localizations.uncertainty is None or len(localizations.frames) < 2:
        return localizations, ""
    counted, _ = localizations.counted()
    found = contradiction(counted.positions, counted.frames, localizations.uncertainty)
    if found is None:
        return localizations, ""
    said, shown = (said_length(number, unit) for number in found)
    return replace(localizations, uncertainty=None), (
        f"The uncertainty column says {said}, but localizations of the same molecule in successive "
        f"frames show a precision of {shown}. The column is not used: is it in another unit, or a "
        "width instead of a standard deviation?"
    )


def said_length(length: float, unit: str | None) -> str:
    """Return a length as messages have it, with its unit if that is known."""
    return f"{length:.3g}{'' if unit is None else f' {unit}'}"
