"""The command ``smlm``: its help at once, everything else by ``smlm_accessor.cli``.

It stands beside the package, since importing the package imports pandas.
"""

from __future__ import annotations

import sys

COMMANDS = {
    "info": "say what a file is, which columns it has, and what is odd",
    "correct": "remove the drift from a table of localizations, or from many",
    "drift": "estimate the drift of a table and write it",
    "assess": "say whether a correction helps",
    "report": "write a page to look at: the drift, and images before and after",
    "align": "put tables onto each other: colours, rounds, tiles, recordings",
    "join": "put files that were recorded one after the other together",
    "convert": "write a table in another format",
    "warm-up": "compile all loops now, which the first call of each would do",
    "tutorial": "see drift simulated, estimated, modelled and corrected",
}
HELP = "\n".join(
    [
        "usage: smlm [-h] [--version] COMMAND ...",
        "",
        "Drift of single-molecule localization microscopy: estimate it and remove it.",
        "",
        "commands (smlm COMMAND --help says more):",
        *(f"  {name:<10} {summary}" for name, summary in COMMANDS.items()),
        "",
        "options:",
        "  -h, --help  show this help and exit",
        "  --version   show the version and exit",
        "",
        "exit status: 0 all went well, 2 input or an option cannot be used, 3 a correction made a",
        "table worse and is not written, 1 a fault of this package",
        "",
    ]
)


def main() -> int:
    """Run the command with the arguments of the process, and return its exit status."""
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(HELP, end="")
        return 0
    from smlm_accessor.cli import main as run

    return run()


if __name__ == "__main__":
    raise SystemExit(main())
