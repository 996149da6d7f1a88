"""Localizations as they are estimated from, and what a user is to know of their table."""

from __future__ import annotations

from smlm_accessor.errors import SmlmWarning, UncertaintyWarning
from smlm_accessor.estimation.checking.rounding import spread_over_steps
from smlm_accessor.estimation.checking.uncertainty import checked_uncertainty
from smlm_accessor.methods.api import ChunkedLocalizations


def checked(
    localizations: ChunkedLocalizations, unit: str | None
) -> tuple[ChunkedLocalizations, list[SmlmWarning]]:
    """Return localizations that are not rounded coarsely, with uncertainties that can be right.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        In the order of frames and positions.
    unit : str, optional
        Of length, for the messages.
    """
    localizations, rounded = spread_over_steps(localizations, unit)
    localizations, contradicted = checked_uncertainty(localizations, unit)
    said = (SmlmWarning, rounded), (UncertaintyWarning, contradicted)
    return localizations, [kind(message) for kind, message in said if message]
