"""What an assessment found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from smlm_accessor.assess.sharpness import RingCorrelation

#: What a sample still does, by the transformation that would allow for it.
LEFT = {
    "rigid": "turns",
    "similarity": "turns or grows",
    "affine": "turns, grows or shears",
    "local": "flows",
}
Verdict = Literal["improved", "no evidence", "worse"]


@dataclass(frozen=True, repr=False)
class Assessment:
    """Whether a drift correction helped, and the measures that say so; prints as one line.

    Lengths are in ``length_unit``. What could not be measured is NaN.

    Parameters
    ----------
    verdict : {"improved", "no evidence", "worse"}
    reason : str
        Why, in a few words.
    gain : float
        Relative change, by the correction, of the density that blinks of other times predict where
        a blink is. A drift that was estimated from the same table makes it too large.
    score : float
        That change in standard deviations.
    log10_odds : float
        Common logarithm of the odds, at least, that blinks lie as they do because of this drift,
        and not by chance; what it takes to describe the drift is taken off. The number 3 is a
        thousand to one.
    held_out_gain, held_out_score : float
        The same two numbers with drift that was estimated from the other half of the field.
    halves_apart : dict of str to float
        Root mean square difference of the drifts that the two halves give, a constant removed, by
        component.
    halves_off : dict of str to float
        Root mean square difference of the given drift to their mean, a constant removed.
    frc_before, frc_after : float
        Resolution in x and y by Fourier ring correlation, in ``length_unit``.
    nena_before, nena_after : float
        Localization precision from neighbours in successive frames, mean of x and y. It hardly
        knows of drift; it grows if a correction jumps from frame to frame.
    precision : float
        Localization precision that was reckoned with, mean of x and y.
    n_localizations, n_blinks : int
        How many localizations there are, and how many blinks were compared.
    apart : list of tuple
        First and last frame, or time in seconds, of each part of the table that shares no more
        structures with the rest than chance would give: nothing tells how it lies to the rest,
        whatever the verdict.
    transformation : {"shift", "rigid", "similarity", "affine"}
        The least free transformation that the corrected table still asks for: with ``"shift"``,
        nothing is left; with ``"similarity"``, the sample turned and grew, and the correction did
        not allow for it.
    length_unit : str or None
    time_unit : {"frame", "s"}
    frc : RingCorrelation or None
        The curves from which ``frc_before`` and ``frc_after`` are read off.

    Examples
    --------
    >>> Assessment("no evidence", "no chunk of this drift is valid")
    no evidence (no chunk of this drift is valid)
    >>> Assessment("improved", gain=1.5, score=9.2, frc_before=60, frc_after=21, length_unit="nm")
    improved: overlap x 2.5 (+9.2 sigma); FRC 60 -> 21 nm
    """

    verdict: Verdict
    reason: str = ""
    gain: float = np.nan
    score: float = np.nan
    log10_odds: float = np.nan
    held_out_gain: float = np.nan
    held_out_score: float = np.nan
    halves_apart: dict[str, float] = field(default_factory=dict)
    halves_off: dict[str, float] = field(default_factory=dict)
    frc_before: float = np.nan
    frc_after: float = np.nan
    nena_before: float = np.nan
    nena_after: float = np.nan
    precision: float = np.nan
    n_localizations: int = 0
    n_blinks: int = 0
    apart: list[tuple[float, float]] = field(default_factory=list)
    transformation: str = "shift"
    length_unit: str | None = None
    time_unit: str = "frame"
    frc: RingCorrelation | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Return one line."""
        why = f" ({self.reason})" if self.reason and self.verdict == "no evidence" else ""
        measures = "; ".join(self._measures())
        return f"{self.verdict}{why}{': ' if measures else ''}{measures}"

    __repr__ = __str__

    def _measures(self) -> list[str]:
        unit = f" {self.length_unit}" if self.length_unit else ""
        changes = {
            "overlap": (self.gain, self.score),
            "held out": (self.held_out_gain, self.held_out_score),
        }
        overlap = [
            f"{name} {as_change(gain)} ({score:+.1f} sigma)"
            for name, (gain, score) in changes.items()
            if np.isfinite(gain)
        ]
        parts = [", ".join(overlap)] if overlap else []
        if self.halves_apart:
            each = " / ".join(f"{v:.2g}" for v in self.halves_apart.values())
            parts.append(f"halves agree to {each}{unit}")
        lengths = {
            "FRC": (self.frc_before, self.frc_after),
            "NeNA": (self.nena_before, self.nena_after),
        }
        for name, (before, after) in lengths.items():
            if np.isfinite(before) or np.isfinite(after):
                parts.append(f"{name} {as_length(before)} -> {as_length(after)}{unit}")
        if self.apart:
            frames = ", ".join(f"{first:g} to {last:g}" for first, last in self.apart)
            named = f"{frames} s" if self.time_unit == "s" else f"frames {frames}"
            parts.append(f"{named} share nothing with the rest")
        if self.transformation != "shift":
            parts.append(
                f"the sample also {LEFT[self.transformation]}: "
                f"drift(transformation={self.transformation!r}) allows for it"
            )
        return parts


def as_change(gain: float) -> str:
    """Return a relative change in per cent, or as a factor if it is large."""
    if gain > 1:
        return f"x {1 + gain:.1f}" if gain < 999 else f"x {1 + gain:.0e}"
    return f"{round(gain, 3) + 0.0:+.1%}"


def as_length(value: float) -> str:
    """Return a length of three digits, or that there is none."""
    return f"{value:.3g}" if np.isfinite(value) else "none"
