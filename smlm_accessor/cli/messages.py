"""What the command line says on stderr: one line each, in its own words."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from smlm_accessor.errors import SmlmWarning

PROGRAM = "smlm"

_FLAGS = (
    "method",
    "chunk_size",
    "n_chunks",
    "frames_per_chunk",
    "chunk_duration",
    "target",
    "origin",
    "by",
    "outside",
    "unit",
    "pixel_size",
    "frame_duration",
)
_SET_COLUMNS = re.compile(
    r"(?:(?:table = )?smlm_accessor\.set_columns\(table|smlm_accessor\.read\(path), ([^)]*)\)"
)
_NAMES = re.compile(r"smlm_accessor\.read\(path, names=\[[^\]]*\]\)")
# Of folders, whose tables are no names of Python.
_SEVERAL = {
    "correct each by itself": "correct each by itself: smlm correct FOLDER --each --out OTHER",
    "let the numbers go on, and the drift be free from file to file: table = "
    "table.smlm.number_frames(), then table.smlm.drift(segments='file')": "put them together: smlm "
    "join FILE FILE -o OUT, and correct that with --segments file",
    "drift(segments=None)": "--segments none",
}
_SWITCH = re.compile(r"\b(overwrite|each|force)=True")
_KEYWORD = re.compile(r"(\w+)=('[^']*'|\"[^\"]*\"|[\w.+-]*[\w+-])")


def say(kind: str, message: object) -> None:
    """Print one line on stderr."""
    print(f"{PROGRAM}: {kind}: {one_line(message)}", file=sys.stderr, flush=True)


def one_line(message: object) -> str:
    r"""Return a message of several lines, some of them a list, as one line.

    Examples
    --------
    >>> one_line("This cannot be used: \n- no x\n- no y\nGive both.")
    'This cannot be used: no x; no y. Give both.'
    """
    lines = [line.strip().removeprefix("- ").strip() for line in str(message).splitlines()]
    joined = ""
    for line in filter(None, lines):
        if joined and joined[-1] in ".:;":
            joined += " "
        elif joined:
            joined += ". " if line[0].isupper() else "; "
        joined += line
    return joined


def in_flags(message: str) -> str:
    """Return a message with Python's keywords in the words of the command line.

    Examples
    --------
    >>> in_flags("ask for at most n_chunks=4, or smlm_accessor.set_columns(table, frame='t')")
    'ask for at most --n-chunks 4, or --columns frame=t'
    """
    for said, flags in _SEVERAL.items():
        message = message.replace(said, flags)
    message = _NAMES.sub("--names frame,x,y", message)
    message = _SET_COLUMNS.sub(lambda found: _column_flags(found[1]), message)
    message = message.replace("smlm_accessor.set_columns", "--columns")
    message = _SWITCH.sub(r"--\1", message)
    return _KEYWORD.sub(_keyword_flag, message)


def _keyword_flag(found: re.Match[str]) -> str:
    name, value = found[1], found[2].strip("'\"")
    return f"--{name.replace('_', '-')} {value}" if name in _FLAGS else found[0]


def _column_flags(keywords: str) -> str:
    """``x='a', unit='nm'`` to ``--columns x=a --unit nm``."""
    columns, flags = [], []
    for name, value in _KEYWORD.findall(keywords):
        if name in _FLAGS:
            flags.append(f"--{name.replace('_', '-')} {value.strip(chr(39))}")
        else:
            columns.append(f"{name}={value.strip(chr(39))}")
    return " ".join(([f"--columns {','.join(columns)}"] if columns else []) + flags)


@contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print each warning once, as one line without the place in the code it came from."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        say("warning", in_flags(str(message)))

    with warnings.catch_warnings():
        warnings.simplefilter("always", SmlmWarning)
        warnings.showwarning = show
        yield
