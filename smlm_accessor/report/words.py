"""What the page says of a verdict and its measures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smlm_accessor.assess import Assessment
from smlm_accessor.assess.result import LEFT, as_change, as_length
from smlm_accessor.plot.style import written_unit

VERDICTS = {
    "improved": "The correction improved this table.",
    "no evidence": "There is no evidence that the correction improved this table.",
    "worse": "The correction made this table worse.",
    "not judged": "The correction could not be judged.",
}
NOT_MEASURED = "not measured"


def in_unit(text: str, unit: str | None) -> str:
    """Return a number with its unit, if known.

    Examples
    --------
    >>> in_unit("5", "um"), in_unit("5", None)
    ('5 µm', '5')
    """
    return f"{text} {written_unit(unit)}" if unit else text


def measures(assessment: Assessment) -> list[tuple[str, str, str]]:
    """Return the name of each measure, what was found, and what it means."""
    unit = assessment.length_unit

    def before_and_after(before: float, after: float) -> str:
        if not (np.isfinite(before) or np.isfinite(after)):
            return NOT_MEASURED
        return in_unit(f"{as_length(before)} → {as_length(after)}", unit)

    return [
        (
            "Overlap",
            _change(assessment.gain, assessment.score),
            "How much denser blinks of other times lie where a blink is, and how many standard "
            "deviations that is; an estimate from the same table makes it a little too large.",
        ),
        (
            "Odds",
            _odds(assessment.log10_odds),
            "How much more likely blinks lie as they do because of this drift than by chance, at "
            "least; what it takes to describe the drift is taken off.",
        ),
        (
            "Overlap, held out",
            _change(assessment.held_out_gain, assessment.held_out_score),
            "The same in each half of the field, with drift that was estimated from the other "
            "half: an estimate that only follows noise does not pass this, and neither does a "
            "table of which half shows too little.",
        ),
        (
            "Halves agree to",
            _by_component(assessment.halves_apart, unit),
            "How far apart the drifts are that two halves of the field give, by axis.",
        ),
        (
            "Off the halves",
            _by_component(assessment.halves_off, unit),
            "How far the given drift is off the mean of these two, by axis.",
        ),
        (
            "Left over",
            LEFT.get(assessment.transformation, "nothing"),
            "Whether the corrected sample still turns, grows, shears or flows; drift by overlap "
            "with transformation='auto' allows for it.",
        ),
        (
            "FRC resolution",
            before_and_after(assessment.frc_before, assessment.frc_after),
            "The size of detail, in x and y, down to which images of two halves of the frames "
            "agree, by Fourier ring correlation; it decides nothing.",
        ),
        (
            "NeNA precision",
            before_and_after(assessment.nena_before, assessment.nena_after),
            "The localization precision, from the same molecules in successive frames; it hardly "
            "knows of drift, grows if a correction jumps from frame to frame, and decides nothing.",
        ),
        (
            "Localizations",
            f"{assessment.n_localizations:,}",
            "How many were looked at; of a large table of dask, all in some parts of the field.",
        ),
        (
            "Blinks",
            f"{assessment.n_blinks:,}",
            "How many were compared; localizations of one blink in successive frames are one.",
        ),
    ]


def _change(gain: float, score: float) -> str:
    if not np.isfinite(gain):
        return NOT_MEASURED
    return f"{as_change(gain)} ({score:+.1f} σ)".replace("x", "×").replace("-", "−")


def _odds(log10_odds: float) -> str:
    """Return odds in words; below one they say nothing."""
    if not log10_odds > 0:
        return "none"
    return f"{10**log10_odds:.0f} : 1" if log10_odds < 4 else f"10^{log10_odds:.0f} : 1"


def _by_component(values: Mapping[str, float], unit: str | None) -> str:
    if not values:
        return NOT_MEASURED
    return ", ".join(f"{name} {in_unit(f'{v:.2g}', unit)}" for name, v in values.items())
