"""Options as docstrings describe them: found by name, in messages, and in composed docstrings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from smlm_accessor.methods.documentation import (
    completed,
    docstring_in,
    listed_options,
    meaning,
    parameters_in,
)


def smooth(x: float, *, width: float = 2.0, low: int = 0, high: int = 9, odd: bool = False) -> None:
    """Smooth.

    Parameters
    ----------
    x : float
        Not a word of options.
    width : float, optional
        Standard deviation, in nm. By default
        a guess.
    low, high : int
        Ends of the range.

        They are included.

    Returns
    -------
    width : float
        Not an option.
    """


def test_entries_are_those_of_parameters() -> None:
    found = parameters_in(smooth.__doc__ or "")
    assert list(found) == ["x", "width", "low", "high"]
    assert found["low"] == found["high"]
    assert found["high"].endswith("They are included.")
    assert parameters_in("Nothing but a line.") == {}


def test_the_meaning_is_the_first_sentence() -> None:
    found = parameters_in(smooth.__doc__ or "")
    assert meaning(found["width"]) == "Standard deviation, in nm."
    assert meaning(found["low"]) == "Ends of the range."


def test_options_are_listed_with_defaults_and_meaning() -> None:
    listed = listed_options(smooth, {"width": 2.0, "high": 9, "odd": False})
    assert listed.split("\n") == [
        "  width=2.0: Standard deviation, in nm.",
        "  high=9: Ends of the range.",
        "  odd=False",
    ]


def test_a_docstring_is_read_without_importing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = 'raise RuntimeError\ndef one():\n    """Do one.\n\n    More."""\ndef two(): pass\n'
    (tmp_path / "not_imported.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert docstring_in("not_imported", "one") == "Do one.\n\nMore."
    assert docstring_in("not_imported", "two") == ""
    assert docstring_in("not_imported", "three") == ""
    assert docstring_in("not_there_at_all", "one") == ""
    assert "not_imported" not in sys.modules


def test_a_docstring_is_completed_once_and_when_it_is_looked_at() -> None:
    asked = []

    def more() -> str:
        asked.append(1)
        return "And more."

    class Verbs:
        @completed(more)
        def act(self, by: int = 1) -> int:
            """Act.

            As told.
            """
            return by

    assert not asked
    assert Verbs().act(by=3) == 3
    assert Verbs.act.__doc__ == "Act.\n\nAs told.\n\nAnd more."
    assert Verbs().act.__name__ == "act"
    assert asked == [1]
