"""The history of a table, as files that hold text note it."""

from __future__ import annotations

import json

import pandas as pd

from smlm_accessor.table import history
from smlm_accessor.table.attributes import to_json


def set_history(table: pd.DataFrame, noted: object) -> None:
    """Put the steps that a file notes, as a list or as JSON, into the ``attrs`` of its table.

    Whatever is not a step is left out: files are written by others, too.

    Examples
    --------
    >>> table = pd.DataFrame()
    >>> set_history(table, '[{"step": "correct", "parameters": {}}, "nothing of the kind"]')
    >>> table.attrs
    {'smlm_history': [{'step': 'correct', 'parameters': {}}]}
    """
    if isinstance(noted, bytes):
        noted = noted.decode("utf-8", errors="replace")
    if isinstance(noted, str):
        try:
            noted = json.loads(noted)
        except (ValueError, RecursionError):
            return
    steps = history.steps({history.KEY: noted})
    if steps:
        table.attrs[history.KEY] = steps


def history_json(table: pd.DataFrame) -> str | None:
    """Return the history of a table as JSON; None if it has none."""
    steps = history.steps(table.attrs)
    return to_json(steps) if steps else None
