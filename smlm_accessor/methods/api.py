"""What a method is: what it takes, what it gives, and what the runner has to know of it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels import by_column
from smlm_accessor.methods.chunked import ChunkedLocalizations as ChunkedLocalizations
from smlm_accessor.methods.documentation import listed_options
from smlm_accessor.methods.registered import Registered as Registered
from smlm_accessor.options import nearest, require_all
from smlm_accessor.timeline import Timeline

Plan = TypeVar("Plan")
Summary = TypeVar("Summary")

TARGETS = ("first", "previous", "all")
#: Arguments of a method that the runner passes on, and that are not recorded.
OF_RUNNER = ("target", "threads", "progress")


Function = Callable[..., Registered]
#: Takes the name and the value of an option; raises `OptionError`.
Check = Callable[[str, Any], object]


@dataclass(frozen=True)
class Reduced(Generic[Plan, Summary]):
    """What a method summed up of all rows, or of all in some of the frames.

    Parameters
    ----------
    plan, summary : object
        What `Reduction.plan` and `Reduction.combine` gave.
    counts : ndarray, shape (n_chunks,)
        Localizations that were summed up; 0 for a chunk that is to be left out.
    """

    plan: Plan
    summary: Summary
    counts: IntArray


@dataclass(frozen=True)
class Reduction(Generic[Plan, Summary]):
    """How a method sums up tables of any size: for methods whose summaries of parts add up.

    The runner goes over the rows of a table that is too large for the method once, in blocks, and
    keeps only some localizations besides what these functions count.

    Parameters
    ----------
    plan : callable
        ``plan(localizations, n_chunks=n_chunks, **options)`` says what is to be counted, by some
        localizations of a few of the chunks.
    count : callable
        ``count(positions, chunk, plan, summary)`` adds localizations, of which chunks they are, to
        a summary, or begins one if it is None, and returns it. It may change it in place.
    combine : callable
        ``combine(summaries)`` adds those of several parts of a table, at least one.
    solve : callable
        ``solve(localizations, reduced, **options)`` registers the chunks as the method itself does.
        The localizations are some of those that were counted, `reduced` is a `Reduced`.
    """

    plan: Callable[..., Plan]
    count: Callable[[FloatArray, IntArray, Plan, Summary | None], Summary]
    combine: Callable[[Sequence[Summary]], Summary]
    solve: Callable[..., Registered]


@dataclass(frozen=True)
class Method:
    """A method, and what has to be known before it is called.

    Parameters
    ----------
    name : str
    function : callable
        Takes `ChunkedLocalizations` and, by keyword, its options; returns `Registered`. If it has
        arguments ``target``, ``threads`` and ``progress``, the runner passes them on: all cores by
        default, on which the result does not depend, and whether a progress bar is shown.
    targets : tuple of str
        What it can register chunks onto; the first is what it does by default.
    chooses_chunks : bool
        Whether it chooses chunks from the data if the user gave no rule.
    samples : {"field", "time"}
        Of a table too large for it, it gets all that lies in parts of the field, or of the time.
    merges_traces : bool
        Whether many localizations of an emitter, one after the other, may be merged before.
    takes_start : bool
        Whether it goes on from a drift that is known, ``start`` of its localizations.
    takes_prior : bool
        Whether it weighs what is known beforehand, ``prior`` of its localizations.
    coarse : callable, optional
        Takes what the function takes, and returns the drift about, in a part of its time: good
        enough to tell which emitters stay in a part of the field.
    checks : dict
        What each option has to be: a function of its name and value that raises `OptionError`.
    reduction : Reduction, optional
        How it sums up a table that is too large for it, instead.

    Examples
    --------
    >>> from smlm_accessor.methods import registry
    >>> cc = registry.get("cc")
    >>> cc.targets[0], cc.options["bin_size"] is None
    ('first', True)
    """

    name: str
    function: Function
    targets: tuple[str, ...] = TARGETS
    chooses_chunks: bool = False
    samples: str = "field"
    merges_traces: bool = True
    takes_start: bool = False
    takes_prior: bool = False
    coarse: Function | None = None
    checks: Mapping[str, Check] = dataclasses.field(default_factory=dict)
    reduction: Reduction[Any, Any] | None = None

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """The keyword arguments of the function."""
        parameters = inspect.signature(self.function).parameters
        return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}

    @property
    def options(self) -> dict[str, Any]:
        """The options of the method, and their defaults."""
        return {name: p.default for name, p in self.arguments.items() if name not in OF_RUNNER}

    def check_options(self, options: Mapping[str, Any], others: Iterable[str] = ()) -> None:
        """Raise `OptionError` if options are unknown or make no sense; it names all of them.

        ``others`` are further arguments of the caller, which an unknown name may stand for.
        """
        checks: list[Callable[[], object]] = [partial(self._require_known, options, others)]
        for name, check in self.checks.items():
            checks.append(partial(check, name, options.get(name, self.options[name])))
        require_all(checks)

    def _require_known(self, options: Mapping[str, Any], others: Iterable[str]) -> None:
        known = {**self.options, "threads": None}
        unknown = [name for name in options if name not in known]
        if unknown:
            meant = nearest(unknown, [*known, *others])
            raise OptionError(
                f"method {self.name!r} has no option {', '.join(map(repr, unknown))}; {meant}its "
                f"options are:\n{listed_options(self.function, known)}"
            )

    def check_target(self, target: str) -> None:
        """Raise `OptionError` if the method cannot register onto that target."""
        if target in self.targets:
            return
        if target in TARGETS:
            raise OptionError(
                f"method {self.name!r} compares all with all; target={target!r} has no meaning "
                "for it: leave target out"
            )
        choice = ", ".join(map(repr, self.targets))
        raise OptionError(f"target={target!r} is not known; choose one of {choice}")

    def run(
        self,
        localizations: ChunkedLocalizations,
        reduced: Reduced[Any, Any] | None = None,
        *,
        coarsely: bool = False,
        target: str | None = None,
        threads: int | None = None,
        progress: bool = False,
        **options: Any,
    ) -> Registered:
        """Register the chunks, after what is the same for all methods has been seen to.

        Target and options are checked. Without localizations no chunk is registered; where all lie
        on one place nothing moves; an axis without extent is left out, and nothing moves along it.
        ``reduced`` is what was summed up of more localizations than these; ``coarsely`` asks for
        what `coarse` gives.
        The method gets frames counted from 0 in their own unit of time; what comes back, edges,
        jumps and numbers in ``chosen`` whose names speak of frames, is in frames of the table.
        """
        target = self.targets[0] if target is None else target
        self.check_target(target)
        self.check_options(options)
        if not len(localizations.frames):
            return Registered.failed(localizations)
        wide = by_column.extent(localizations.positions) > 0
        if not wide.any():
            return Registered.at_rest(localizations)
        given = {"target": target, "threads": threads, "progress": progress}
        options |= {name: value for name, value in given.items() if name in self.arguments}
        function = self.function
        if coarsely:
            assert self.coarse is not None
            function = self.coarse
        if reduced is not None:
            assert self.reduction is not None
            function = partial(self.reduction.solve, reduced=reduced)
        from smlm_accessor.methods.traces import observations  # brings a compiler

        flat = not wide[2:].all()
        used = localizations.along(np.arange(2)) if flat else localizations
        observed = observations(used, merge=self.merges_traces and reduced is None)
        found = function(observed.localizations, **options)
        for count in reversed(observed.counts):
            found = found.in_frames(count)
        if observed.precision is not None:
            edges = localizations.frame_edges() if found.edges is None else found.edges
            events = Timeline.of(observed.frame(observed.localizations.frames))
            found = replace(found, frame=events.cut(edges).mean_frame)
        if observed.precision is not None and "precision" in found.chosen:
            of_events = {"event_precision": found.chosen["precision"]}
            chosen = {**found.chosen, "precision": observed.precision.tolist(), **of_events}
            found = replace(found, chosen=chosen)
        return found.widened(np.arange(2), len(wide)) if flat else found
