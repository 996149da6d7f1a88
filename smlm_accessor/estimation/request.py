"""What the user asks of an estimate, checked before anything is read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smlm_accessor._typing import IntArray
from smlm_accessor.drift.composition import ORIGINS
from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.counting import Counter
from smlm_accessor.estimation.prior import check_prior
from smlm_accessor.estimation.segments import WORDS
from smlm_accessor.estimation.start import check_start
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import Method
from smlm_accessor.models import Drift, transformations_of
from smlm_accessor.options import count, require_all, require_choice, required_length

#: Localizations of a table that is used as a whole; larger ones are sampled. Tables of dask are
#: usually much larger, and precise enough long before all is used.
MOST, MOST_OF_DASK = 10_000_000, 2_000_000
#: nm, median over chunks: a sample grows until the drift is known as well as this.
TARGET_STD = 0.5
_FEWEST = 1000  # localizations of a sample


@dataclass(frozen=True)
class Request:
    """How drift is to be estimated: the arguments of ``table.smlm.drift``, checked.

    ``rule`` is the one for chunks that was given, empty if none; ``target_std`` is in nm; the
    ``counter`` tells what is said of time in counts of the table.
    ``is_continuous`` says that there is a single segment, whatever a method finds, and
    ``expects_one_movie`` that it is an error if frame numbers begin again. ``jumps`` are the frames
    with which segments begin, if they are given or found beforehand; ``start`` is a drift to start
    from, ``prior`` one that counts with its errors.
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
    start: Drift | None = None
    prior: Drift | None = None
    counter: Counter = Counter()  # noqa: RUF009 - it is frozen

    @classmethod
    def checked(
        cls,
        method: str,
        target: str | None,
        *,
        origin: str,
        rule: dict[str, Any],
        options: dict[str, Any],
        max_localizations: int,
        target_std: float,
        progress: bool,
        segments: Any = "auto",
        start: Drift | None = None,
        prior: Drift | None = None,
        counter: Counter = Counter(),  # noqa: B008 - it is frozen
    ) -> Request:
        """Return the request, or raise an `OptionError` that names all that makes no sense."""
        entry = registry.get(method)
        given = {name: value for name, value in rule.items() if value is not None}
        others = {*rule, *inspect.signature(cls.checked).parameters} - {"rule", "options"}
        checks: list[Callable[[], object]] = [
            lambda: entry.check_target(target or entry.targets[0]),
            lambda: require_choice("origin", origin, ORIGINS),
            lambda: entry.check_options(options, others),
            lambda: _require_one(given, rule),
            lambda: counter.rule(given),
            lambda: count("max_localizations", max_localizations, least=_FEWEST),
            lambda: required_length("target_std", target_std, remedy="give it in nm"),
            lambda: check_start(start, entry),
            lambda: check_prior(prior, entry),
        ]
        require_all(checks)
        return cls(
            method=method,
            target=target or entry.targets[0],
            origin=origin,
            rule=given,
            options=options,
            max_localizations=int(max_localizations),
            target_std=target_std,
            progress=progress,
            counter=counter,
            is_continuous=segments is None,
            expects_one_movie=isinstance(segments, str) and segments in WORDS,
            start=start,
            prior=prior,
        )

    @property
    def entry(self) -> Method:
        """The method."""
        return registry.get(self.method)

    @property
    def begins_coarsely(self) -> bool:
        """Whether the coarse drift tells which emitters stay inside the squares of a sample.

        Otherwise a whole estimate does.
        """
        known = self.start is not None or self.prior is not None
        return self.entry.coarse is not None and not known

    @property
    def leaves_chunks_to_method(self) -> bool:
        """Whether the method chooses its chunks."""
        return self.entry.chooses_chunks and not self.rule

    @property
    def counted_rule(self) -> dict[str, Any]:
        """The rule for chunks, in counts of the clock of the table."""
        return self.counter.rule(self.rule)

    def parameters(self) -> dict[str, Any]:
        """Return the options of the method with their defaults, for the record."""
        given: dict[str, Any] = {"segments": None} if self.is_continuous else {}
        if self.jumps is not None:
            given = {"segments": self.counter.clock.values(self.jumps).tolist()}
        for name, drift in (("start", self.start), ("prior", self.prior)):
            if drift is not None:
                given[name] = transformations_of(drift).attrs.get("method", "drift")
        return {**self.entry.options, **self.options, **given}


def _require_one(given: dict[str, Any], rule: dict[str, Any]) -> None:
    if len(given) > 1:
        raise OptionError(f"give only one of {', '.join(rule)}; you gave {', '.join(given)}")
