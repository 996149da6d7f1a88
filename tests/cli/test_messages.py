"""Messages in the words of the command line."""

from __future__ import annotations

import pytest

from smlm_accessor.cli import messages


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("one\n- two\n- three", "one; two; three"),
        ("these: \n- two.\n- three\nDo this.", "these: two. three. Do this."),
        ("", ""),
    ],
)
def test_one_line(message: str, expected: str) -> None:
    assert messages.one_line(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("table = smlm_accessor.set_columns(table, x='...', unit='nm')",
         "--columns x=... --unit nm"),
        ("smlm_accessor.set_columns(table, pixel_size=130)", "--pixel-size 130"),
        ("smlm_accessor.read(path, x='...', frame='...')", "--columns x=...,frame=..."),
        ("use by='linear', or by chunk", "use --by linear, or by chunk"),
        ("x='a' and max_distance=5", "x='a' and max_distance=5"),
    ],
)  # fmt: skip
def test_python_in_words_of_the_command_line(message: str, expected: str) -> None:
    assert messages.in_flags(message) == expected
