"""The command line: ``python -m smlm_accessor tutorial`` and ``... correct IN OUT``."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from smlm_accessor.cli import messages
from smlm_accessor.cli.parser import build_parser
from smlm_accessor.errors import SmlmError

BAD_INPUT = 2
OUR_FAULT = 1
INTERRUPTED = 130
NOBODY_READS = 141  # as a shell says of a process that a closed pipe has ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, with the arguments of the process by default, and return its exit status.

    That is 0 if all went well, 2 for input that cannot be used (one line on stderr says what to
    do), 1 for a fault of this package, 130 if the user stopped it, 141 if nobody reads the output.
    """
    try:
        status = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # of `| head`, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere
        return NOBODY_READS
    return status


def _run(argv: Sequence[str] | None) -> int:
    show_traceback = False
    try:
        arguments = build_parser().parse_args(argv)
        show_traceback = arguments.traceback
        with messages.warnings_on_one_line():
            arguments.run(arguments)
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)
    except SmlmError as error:
        _trace(show_traceback)
        messages.say("error", messages.in_flags(str(error)))
        return BAD_INPUT
    except KeyboardInterrupt:
        messages.say("error", "stopped; the output is not written")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        _trace(show_traceback)
        hint = "" if show_traceback else "; add --traceback to see where, and please report it"
        messages.say("error", f"unexpected {type(error).__name__}: {error}{hint}")
        return OUR_FAULT
    return 0


def _trace(show: bool) -> None:
    if show:
        traceback.print_exc()
