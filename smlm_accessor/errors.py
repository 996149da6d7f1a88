"""Errors and warnings of this package; each message names the value and the remedy."""

from __future__ import annotations


class SmlmError(ValueError):
    """Base of every error this package raises on bad input."""


class TableError(SmlmError, AttributeError):
    """A table of localizations cannot be used as it is.

    It is an ``AttributeError`` too, so that ``hasattr(table, "smlm")`` is true exactly for tables
    of localizations.
    """


class StackError(SmlmError):
    """A stack of images cannot be used as it is."""


class DriftError(SmlmError):
    """A Dataset of transformations, or a drift model, cannot be used as it is."""


class OptionError(SmlmError):
    """An argument has a value that makes no sense here."""


class FileError(SmlmError):
    """A file cannot be read or written."""


class SmlmWarning(UserWarning):
    """Base of every warning this package gives."""


class InvalidChunkWarning(SmlmWarning):
    """Some chunks could not be registered."""


class AlreadyCorrectedWarning(SmlmWarning):
    """A table is corrected that has been corrected before."""


class UncertaintyWarning(SmlmWarning):
    """The column of uncertainties contradicts what localizations show."""


class OutsideEstimateWarning(SmlmWarning):
    """Frames lie outside those for which drift was estimated."""


def listing(problems: list[str]) -> str:
    """Join several problems into one message, one line each."""
    return problems[0] if len(problems) == 1 else "\n".join(["", *(f"- {p}" for p in problems)])
