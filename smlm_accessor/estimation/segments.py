"""Where the user says that segments of the movie begin."""

from __future__ import annotations

import itertools
from collections.abc import Hashable
from typing import Any

import numpy as np

from smlm_accessor._typing import IntArray
from smlm_accessor.backends import Source
from smlm_accessor.drift.segments import checked_jumps
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.kernels.frames.runs import Runs, begins_again
from smlm_accessor.table.clock import FRAMES, Clock
from smlm_accessor.table.columns import find_columns, selection
from smlm_accessor.table.file_frames import frame_spans, spans_of_all

WORDS = ("auto", "find")


def given_jumps(source: Source, segments: Any, *, progress: bool = False) -> IntArray | None:
    """Return the counts of time with which segments begin, None if they are not given.

    ``segments`` are those of ``table.smlm.drift``: a rule, frames, or the label of a column whose
    values share no frames.
    """
    if segments is None or (isinstance(segments, str) and segments in WORDS):
        return None
    example = source.example
    if isinstance(segments, str):
        if segments not in example.columns:
            raise OptionError(
                f"segments={segments!r} is neither a column of this table nor one of "
                f"{', '.join(map(repr, WORDS))}; its columns are "
                f"{', '.join(map(str, example.columns))}"
            )
        return _from_column(source, segments, progress)
    return checked_jumps(segments, find_columns(example).clock)


def _from_column(source: Source, label: Hashable, progress: bool) -> IntArray:
    only = selection(source.example, label)
    step = source.reduce(frame_spans, spans_of_all, label, only=only)
    clock = find_columns(source.example).clock
    spans = sorted(source.result(step, progress=progress).items(), key=lambda item: item[1])
    for (before, a), (after, b) in itertools.pairwise(spans):
        if b[0] <= a[1]:
            raise TableError(
                f"segments={label!r}: {before!r} has the {clock.name}s {clock.bare(*a[:2])}, and "
                f"{after!r} {clock.bare(*b[:2])}; segments come one after the other. If "
                f"{'times' if clock.is_time else 'frame numbers'} begin again in each, let them go "
                f"on: table = table.smlm.number_frames(by={label!r})"
            )
    return np.array([span[0] for _, span in spans[1:]], dtype=np.int64)


def require_one_movie(runs: Runs, clock: Clock = FRAMES) -> None:
    """Raise `TableError` if frames or times begin again, as where two movies were put together."""
    again = begins_again(runs)
    if again is None:
        return
    raise TableError(
        f"{'Times' if clock.is_time else 'Frame numbers'} begin again: after "
        f"{clock.said(runs.found[0].last)} follows {clock.said(again.first)}, as if "
        f"{len(runs.found)} movies had been put together. If they have nothing to do with each "
        "other, correct each by itself. If they were recorded one after the other, let the numbers "
        "go on, and the drift be free from file to file: "
        "table = table.smlm.number_frames(), then table.smlm.drift(segments='file'). If they were "
        "recorded at the same time, as two channels are, say drift(segments=None)"
    )
