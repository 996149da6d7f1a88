"""What a Dataset of drift says of itself: in words, numbers and a trace."""

from __future__ import annotations

from html import escape

import numpy as np
import xarray as xr

from smlm_accessor.display.drift_chart import curve_rows, drift_svg
from smlm_accessor.display.tables import folded, html_table, text_table
from smlm_accessor.drift import is_shift_only, jump_frames, require_drift
from smlm_accessor.drift.curves import Curves, curves_of, invalid_spans
from smlm_accessor.drift.local import field_of, is_local
from smlm_accessor.drift.times import clock_of
from smlm_accessor.drift.validation import problems_of
from smlm_accessor.errors import DriftError
from smlm_accessor.table.clock import Clock

_MOST_NAMED = 3  # invalid spans and jumps


def is_drift(dataset: xr.Dataset) -> bool:
    """Whether a Dataset holds drift; of one that has other variables, known at once."""
    try:
        return not problems_of(dataset)
    except Exception:  # whatever comes of values that are no numbers
        return False


def drift_text(dataset: xr.Dataset) -> str:
    """Return a few lines; of a Dataset that does not hold drift, what is wrong with it.

    Examples
    --------
    >>> from smlm_accessor.drift import build
    >>> drift = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[4.5, 14.5],
    ...               frame_start=[0, 10], frame_stop=[10, 20], offset_std=0.2)
    >>> print(drift_text(drift))
    Drift: 2 chunks of 10 frames, frames 0 to 19
      drift  lowest  highest  range  std, median  std, largest
      x           0        3      3          0.2           0.2
      y          -1        0      1          0.2           0.2
    """
    try:
        dataset = require_drift(dataset)
        lines = [*text_table(_rows(dataset, curves_of(dataset))), *_notes(dataset)]
        return "\n".join([_heading(dataset), *(f"  {line}" for line in lines)])
    except Exception as error:  # a repr must not raise, whatever the Dataset holds
        return (
            str(error) if isinstance(error, DriftError) else f"Drift that cannot be read: {error}"
        )


def drift_html(dataset: xr.Dataset) -> str:
    """Return the same with a trace, as html."""
    try:
        dataset = require_drift(dataset)
        curves = curves_of(dataset)
        head, *rows = _rows(dataset, curves)
        notes = "".join(f"<div>{escape(note)}</div>" for note in _notes(dataset))
        return (
            f"<div><div>{escape(_heading(dataset))}</div>"
            f"{html_table(rows, head=head, align='right')}"
            f"{notes}{drift_svg(dataset, curves)}</div>"
        )
    except Exception:  # what went wrong is said in words
        return f"<pre>{escape(drift_text(dataset))}</pre>"


def dataset_html(dataset: xr.Dataset) -> str:
    """Return what a notebook shows of any Dataset: of drift our page first, then xarray's."""
    own: str = dataset._repr_html_()
    try:
        return drift_html(dataset) + folded("xarray.Dataset", own) if is_drift(dataset) else own
    except Exception:  # xarray can show it
        return own


def _rows(dataset: xr.Dataset, curves: Curves) -> list[list[str]]:
    return curve_rows(curves, dataset.attrs.get("length_unit"))


def _heading(dataset: xr.Dataset) -> str:
    n = dataset.sizes["chunk"]
    method = dataset.attrs.get("method")
    long = dataset["frame_stop"].values - dataset["frame_start"].values
    clock = clock_of(dataset)
    middle = int(np.median(long)) if n else 0
    each = f" of {_length(middle, clock)}" if n else ""
    about = "" if not n or len(set(long.tolist())) == 1 else " (median)"
    text = f"Drift{f' by {method}' if method else ''}: {n:,} chunk{'s' * (n != 1)}{each}{about}"
    if n:
        first, stop = int(dataset["frame_start"][0]), int(dataset["frame_stop"][-1])
        text += f", {clock.span(first, stop, thousands=True)}"
    count = int(dataset["n_localizations"].sum())
    return text + (f", {count:,} localizations" if count else "")


def _length(n: int, clock: Clock) -> str:
    """Return a length of time, of seconds four digits."""
    if clock.is_time:
        return f"{float(clock.values(n)):.4g} s"
    return f"{n:,} frame{'s' * (n != 1)}"


def _notes(dataset: xr.Dataset) -> list[str]:
    """Return what is not as usual: chunks that are not valid, jumps, and matrices."""
    notes, clock = [], clock_of(dataset)
    n_invalid = int((~dataset["valid"].values.astype(bool)).sum())
    if n_invalid:
        where = [
            clock.span(start, stop, thousands=True).removeprefix("frames ")
            for start, stop in invalid_spans(dataset)
        ]
        n = dataset.sizes["chunk"]
        named = f"{'frames ' * (not clock.is_time)}{_some(where)}"
        notes.append(f"not registered: {n_invalid:,} of {n:,} chunks, {named}")
    jumps = jump_frames(dataset).tolist()
    if jumps:
        n_jumps = len(jumps)
        where = [clock.said(frame) if clock.is_time else f"{frame:,}" for frame in jumps]
        named = f"{'frame ' * (not clock.is_time)}{_some(where)}"
        notes.append(f"{n_jumps:,} jump{'s' * (n_jumps != 1)}, at {named}")
    if not is_shift_only(dataset):
        matrix = dataset["matrix"].values[dataset["valid"].values.astype(bool)]
        most = np.abs(matrix - np.eye(matrix.shape[-1])).max()
        notes.append(f"turned or scaled: matrices differ from the identity by up to {most:.2g}")
    if is_local(dataset):
        field = field_of(dataset)
        corners = np.stack(np.meshgrid(*[[-1, 0, 1]] * len(field.scale)), axis=-1)
        at = corners.reshape(-1, len(field.scale)) * field.scale + field.center
        local = dataset["local"].values[dataset["valid"].values.astype(bool)]
        moved = np.linalg.norm(np.einsum("pt,ktd->kpd", field.values(at), local), axis=2)
        unit = dataset.attrs.get("length_unit", "")
        most = f"{moved.max():.2g} {unit}".strip()
        notes.append(f"differs over the field: by up to {most} from its mean (order {field.order})")
    return notes


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
