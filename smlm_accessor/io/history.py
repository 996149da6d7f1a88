"""The history of a table, in files that can hold text."""

from __future__ import annotations

import json
from typing import Any


def from_json(text: object) -> list[dict[str, Any]]:
    """Return the steps that a text of JSON lists; none if it is something else.

    Examples
    --------
    >>> from_json('[{"step": "correct", "parameters": {}}]')[0]["step"]
    'correct'
    >>> from_json("nothing of the kind")
    []
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    if not isinstance(text, str):
        return []
    try:
        steps = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return only_steps(steps)


def only_steps(steps: object) -> list[dict[str, Any]]:
    """Return the steps of a list, as `table.history` writes them; leave out all else."""
    listed = steps if isinstance(steps, list) else []
    return [
        step
        for step in listed
        if isinstance(step, dict)
        and isinstance(step.get("step"), str)
        and isinstance(step.get("parameters"), dict)
    ]
