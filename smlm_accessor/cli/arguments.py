"""What the texts on the command line mean."""

from __future__ import annotations

import argparse
import ast
import json
import re
from typing import Any

from smlm_accessor.models.specs import NAMES as MODELS

COLUMN_FIELDS = (
    *("x", "y", "z", "frame", "time"),
    *("uncertainty_x", "uncertainty_y", "uncertainty_z"),
)


def count(text: str) -> int:
    """Return a whole number of at least 1."""
    try:
        value = int(text.replace("_", ""))
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number of at least 1")
    return value


def columns(text: str) -> dict[str, str]:
    """``x=a,y=b`` as a dict; a comma only separates where a field follows."""
    names = "|".join(COLUMN_FIELDS)
    found = {}
    for part in re.split(rf",(?=(?:{names})=)", text):
        field, _, label = part.partition("=")
        if field not in COLUMN_FIELDS or not label:
            raise argparse.ArgumentTypeError(
                f"{part!r} must be FIELD=NAME with a field of {', '.join(COLUMN_FIELDS)}"
            )
        found[field] = label
    return found


def models(text: str) -> str | list[str]:
    """``spline,linear`` as a list, a single one as it is."""
    names = text.split(",")
    for name in names:
        if name not in MODELS:
            raise argparse.ArgumentTypeError(
                f"{name!r} is not a model; take one for all axes, or one for each with commas "
                f"between, of {', '.join(MODELS)}"
            )
    return names if len(names) > 1 else text


def names(text: str) -> list[str]:
    """``frame,x,y`` as a list."""
    found = [name.strip() for name in text.split(",")]
    if not all(found) or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a name for each column, with commas between, such as frame,x,y"
        )
    return found


def option(text: str) -> tuple[str, Any]:
    """``name=value`` as a pair."""
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=VALUE, such as max_distance=50")
    for parse in (ast.literal_eval, json.loads):
        try:
            return name, parse(value)
        except (ValueError, SyntaxError):
            pass
    return name, value


def segments(text: str) -> str | list[int] | list[float]:
    """``2000,5000`` as frames, or as seconds, and anything else as a word or a column."""
    parts = text.split(",")
    if all(part.strip().isdecimal() for part in parts):
        return [int(part) for part in parts]
    try:
        return [float(part) for part in parts]
    except ValueError:
        return text
