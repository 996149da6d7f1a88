"""Correct a table by a drift; `one_file` a file, `files` many of them."""

from smlm_accessor.correct.table import correct, corrected_positions, require_unused

__all__ = ["correct", "corrected_positions", "require_unused"]
