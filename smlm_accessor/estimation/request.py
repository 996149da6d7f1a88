"""What the user asks of an estimate, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smlm_accessor._typing import IntArray
from smlm_accessor.drift.composition import ORIGINS
from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.segments import WORDS
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import Method
from smlm_accessor.options import choice as require_choice

#: Localizations of a table that is used as a whole; larger ones are sampled. Tables of dask are
#: usually much larger, and precise enough long before all is used.
MOST, MOST_OF_DASK = 10_000_000, 2_000_000
#: nm, median over chunks: a sample grows until the drift is known as well as this.
TARGET_STD = 0.5


@dataclass(frozen=True)
class Request:
    """How drift is to be estimated.

    Parameters
    ----------
    method, target, origin : str
    rule : dict
        The one rule for chunks that was given; empty if none.
    options : dict
        Of the method.
    max_localizations : int
    target_std : float
        In nm.
    progress : bool
    is_continuous : bool
        Whether there is a single segment, whatever a method finds.
    expects_one_movie : bool
        Whether it is an error if frame numbers begin again.
    jumps : ndarray, optional
        Frames with which segments begin, if they are given or found beforehand.
    """

    method: str
    target: str
    origin: str
    rule: dict[str, Any]
    options: dict[str, Any]
    max_localizations: int
    target_std: float
    progress: bool
    is_continuous: bool
    expects_one_movie: bool
    jumps: IntArray | None = None

    @classmethod
    def checked(
        cls,
        *,
        method: str,
        target: str | None,
        origin: str,
        max_localizations: int | None,
        target_std: float,
        progress: bool,
        rule: dict[str, Any],
        options: dict[str, Any],
        of_dask: bool,
        segments: Any = "auto",
    ) -> Request:
        """Return the request.

        Raises
        ------
        OptionError
            If something in it makes no sense.
        """
        entry = registry.get(method)
        target = target or entry.targets[0]
        entry.check_target(target)
        require_choice("origin", origin, ORIGINS)
        entry.check_options(options)
        given = {name: value for name, value in rule.items() if value is not None}
        if len(given) > 1:
            raise OptionError(f"give only one of {', '.join(rule)}; you gave {', '.join(given)}")
        if max_localizations is None:
            max_localizations = MOST_OF_DASK if of_dask else MOST
        if not max_localizations >= 1000 or max_localizations % 1:
            raise OptionError(
                f"max_localizations={max_localizations!r} must be a whole number of at least 1000"
            )
        if not target_std > 0:
            raise OptionError(f"target_std={target_std!r} must be a positive number of nm")
        return cls(
            method, target, origin, given, options, int(max_localizations), target_std, progress,
            segments is None, isinstance(segments, str) and segments in WORDS,
        )  # fmt: skip

    @property
    def entry(self) -> Method:
        """The method."""
        return registry.get(self.method)

    @property
    def leaves_chunks_to_method(self) -> bool:
        """Whether the method chooses its chunks."""
        return self.entry.chooses_chunks and not self.rule

    def parameters(self) -> dict[str, Any]:
        """Return the options of the method with their defaults, for the record."""
        given: dict[str, Any] = {"segments": None} if self.is_continuous else {}
        if self.jumps is not None:
            given = {"segments": self.jumps.tolist()}
        return {**self.entry.options, **self.options, **given}
