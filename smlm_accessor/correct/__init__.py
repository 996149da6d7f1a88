"""Correct a table by a drift; `one_file` a file, `files` many of them."""

from smlm_accessor.correct.table import (
    CorrectionByFrame,
    correct,
    corrected_positions,
    require_unused,
)

__all__ = ["CorrectionByFrame", "correct", "corrected_positions", "require_unused"]
