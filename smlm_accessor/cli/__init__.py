"""The command line: ``smlm``, or ``python -m smlm_accessor``."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from smlm_accessor.cli import messages
from smlm_accessor.cli.parser import build_parser
from smlm_accessor.cli.status import BAD_INPUT, INTERRUPTED, NOBODY_READS, OUR_FAULT
from smlm_accessor.errors import SmlmError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, with the arguments of the process by default, and return its exit status.

    That is 0 if all went well, 2 for input that cannot be used (one line on stderr says what to
    do), 3 if a correction made a table worse, 1 for a fault of this package, 130 if the user
    stopped it, 141 if nobody reads the output.
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
        module, _, function = arguments.run.partition(":")
        with messages.warnings_on_one_line():
            run = getattr(import_module(f"smlm_accessor.cli.{module}"), function)
            return int(run(arguments) or 0)
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)
    except SmlmError as error:
        _trace(show_traceback)
        messages.say("error", messages.in_flags(str(error)))
        return BAD_INPUT
    except KeyboardInterrupt:
        messages.say("error", "stopped; what was not finished is not written")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        _trace(show_traceback)
        hint = "" if show_traceback else "; add --traceback to see where, and please report it"
        messages.say("error", f"unexpected {type(error).__name__}: {error}{hint}")
        return OUR_FAULT


def _trace(show: bool) -> None:
    if show:
        traceback.print_exc()
