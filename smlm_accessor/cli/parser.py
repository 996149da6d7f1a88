"""The commands, their arguments, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from smlm_accessor._version import __version__
from smlm_accessor.cli import groups
from smlm_accessor.cli.arguments import count
from smlm_accessor.errors import OptionError
from smlm_accessor.io import format_names

PROGRAM = "smlm"

_DESCRIPTION = "Drift of single-molecule localization microscopy: estimate it and remove it."


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all errors of the command line."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}; see {self.prog} --help")


class _Command(NamedTuple):
    """What a command does, in a few words and in some, examples, its function and arguments."""

    summary: str
    description: str
    examples: str
    run: str  # module of cli, and function
    add: tuple[Callable[[argparse.ArgumentParser], None], ...]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; ``run`` of what it returns names the function."""
    parser = _Parser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        allow_abbrev=False,
        epilog="exit status: 0 all went well, 2 input or an option cannot be used, 3 a correction "
        "made a table worse, 1 a fault of this package",
    )
    parser.add_argument("--version", action="version", version=f"smlm_accessor {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, one in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=one.summary,
            description=one.description,
            epilog=one.examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.set_defaults(run=one.run)
        for add in one.add:
            add(command)
        command.add_argument(
            "--traceback", action="store_true", help="after an error, show where it comes from"
        )
    return parser


def _add_tutorial(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("smlm_tutorial"),
        metavar="FOLDER",
        help="where figures and tables go; made if it is not there (default: %(default)s)",
    )
    parser.add_argument(
        "--seeds",
        type=count,
        default=1,
        metavar="N",
        help="average the errors over N simulations (default: %(default)s)",
    )
    parser.add_argument(
        "--chunk-size",
        type=count,
        default=10_000,
        metavar="N",
        help="localizations per chunk (default: %(default)s)",
    )
    # For tests: a smaller simulation, with this number of localizations per cluster.
    parser.add_argument("--cluster-mu", type=float, default=1000, help=argparse.SUPPRESS)


def _add_correct(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="IN OUT | FILE",
        help="IN: a table, in any format known here, or a folder of .parquet, .csv, .tsv or .txt "
        f"files, which may exceed memory; OUT: the corrected table, {groups.WRITTEN}. With --out: "
        "any number of tables, or patterns, each of which is corrected by itself",
    )
    many = parser.add_argument_group("many files")
    many.add_argument(
        "--out", type=Path, metavar="FOLDER", help="correct each FILE by itself into this folder"
    )
    many.add_argument(
        "--each", action="store_true", help="a folder stands for the tables in it, each by itself"
    )
    many.add_argument("--jobs", type=count, metavar="N", help="files at a time (default: 1)")
    many.add_argument("--no-pages", action="store_true", help="write no page for each file")


def _add_correct_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report", type=Path, metavar="PAGE", help="write a page to look at, .html"
    )
    parser.add_argument(
        "--force", action="store_true", help="write a correction that makes the table worse, too"
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, or patterns")


def _add_convert(parser: argparse.ArgumentParser) -> None:
    groups.add_source(parser)
    parser.add_argument("result", type=Path, metavar="OUT", help=f"the table: {groups.WRITTEN}")
    parser.add_argument(
        "--to",
        choices=format_names(written=True),
        metavar="FORMAT",
        help="format of OUT, if its name does not tell: %(choices)s",
    )


def _add_align(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="MOVING REFERENCE | FILE",
        help="with -o: two tables, of which the second stays where it is; with --out: any number "
        "of tables, or patterns, all put onto each other",
    )
    groups.add_output(
        parser, "OUT", f"MOVING, put onto REFERENCE: {groups.WRITTEN}", required=False
    )
    group = parser.add_argument_group("two tables")
    group.add_argument("--with-rotation", action="store_true", help="MOVING may be turned")
    group.add_argument("--with-scaling", action="store_true", help="MOVING may be larger")
    many = parser.add_argument_group("many tables")
    many.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write each FILE, aligned, into this folder"
    )
    many.add_argument(
        "--reference", type=Path, metavar="FILE", help="the one that stays where it is"
    )
    many.add_argument(
        "--drift", metavar="METHOD", help="correct the drift within each, too: overlap, rcc, ..."
    )
    both = parser.add_argument_group("alignment")
    both.add_argument("--max-shift", type=float, metavar="LENGTH", help="no shift beyond this")


def _add_drift_output(parser: argparse.ArgumentParser) -> None:
    groups.add_output(parser, "DRIFT", "drift: .nc or .zarr, with all of it; .txt (Picasso), .csv")


def _add_joined(parser: argparse.ArgumentParser) -> None:
    groups.add_output(parser, "OUT", f"one table: {groups.WRITTEN}")


def _add_page(parser: argparse.ArgumentParser) -> None:
    groups.add_output(parser, "PAGE", "the page, .html")


_HOW = (groups.add_estimate, groups.add_given_drift, groups.add_correction)
_COMMANDS = {
    "info": _Command(
        "say what a file is, which columns it has, and what is odd",
        "Say which program a table is of, which columns are positions, frames and precision, in\n"
        "which units, and what is odd about them. Nothing is written.",
        f"example:\n  {PROGRAM} info locs.hdf5 other.csv",
        "info:run",
        (_add_files, groups.add_table),
    ),
    "correct": _Command(
        "remove the drift from a table of localizations, or from many",
        "Estimate the drift of a table of localizations from the localizations themselves, and\n"
        "write the corrected table. The drift is saved beside it as netCDF, with a figure of it.\n"
        "A correction that makes the table worse is not written (exit status 3).",
        f"""examples:
  {PROGRAM} correct locs.csv locs_fixed.csv
  {PROGRAM} correct locs.parquet locs_fixed.parquet --method cc --frames-per-chunk 500
  {PROGRAM} correct locs.csv fixed.csv --columns x=a,y=b,frame=t --unit px --pixel-size 130
  {PROGRAM} correct locs/ locs_fixed/
  {PROGRAM} correct second_color.csv fixed.csv --drift locs_fixed_drift.nc
  {PROGRAM} correct cell*.hdf5 --out fixed --jobs 4
  {PROGRAM} correct monday tuesday --each --out fixed""",
        "correct:run",
        (
            _add_correct,
            *_HOW,
            groups.add_table,
            groups.add_scheduler,
            groups.add_writing,
            _add_correct_output,
        ),
    ),
    "drift": _Command(
        "estimate the drift of a table and write it",
        "Estimate the drift of a table of localizations, and write it as netCDF, zarr, text, or\n"
        "for Picasso.",
        f"example:\n  {PROGRAM} drift locs.csv -o locs_drift.nc",
        "steps:run_drift",
        (
            groups.add_source,
            _add_drift_output,
            *_HOW,
            groups.add_table,
            groups.add_scheduler,
            groups.add_writing,
        ),
    ),
    "assess": _Command(
        "say whether a correction helps",
        "Say in one line whether correcting a table by a drift makes it sharper: by the drift of\n"
        "--drift, or by one that is estimated first. Exit status 3 if it makes it worse.",
        f"example:\n  {PROGRAM} assess locs.csv --drift locs_drift.nc",
        "steps:run_assess",
        (groups.add_source, *_HOW, groups.add_table, groups.add_scheduler, groups.add_quiet),
    ),
    "report": _Command(
        "write a page to look at: the drift, and images before and after",
        "Write one HTML file with the drift, images before and after, and the verdict: by the\n"
        "drift of --drift, or by one that is estimated first.",
        f"example:\n  {PROGRAM} report locs.csv -o locs.html --drift locs_drift.nc",
        "steps:run_report",
        (
            groups.add_source,
            _add_page,
            *_HOW,
            groups.add_table,
            groups.add_scheduler,
            groups.add_writing,
        ),
    ),
    "align": _Command(
        "put tables onto each other: colours, rounds, tiles, recordings",
        "Find the shift, and if asked the rotation and scale, that puts one table onto another.\n"
        "Correct the drift of both first. With --out, find the shifts of many tables together.",
        f"examples:\n  {PROGRAM} align green.csv red.csv -o green_on_red.csv\n"
        f"  {PROGRAM} align round_*.hdf5 --out aligned --drift overlap",
        "tables:run_align",
        (_add_align, groups.add_table, groups.add_writing),
    ),
    "join": _Command(
        "put files that were recorded one after the other together",
        "Put tables together whose movies followed each other. Frame numbers go on, and a column\n"
        "'file' says which one a row is from, for --segments file.",
        f"example:\n  {PROGRAM} join movie_1.csv movie_2.csv -o movie.csv",
        "tables:run_join",
        (_add_files, _add_joined, groups.add_table, groups.add_writing),
    ),
    "convert": _Command(
        "write a table in another format",
        "Read a table in any format known here, and write it in that of the name of OUT.",
        f"examples:\n  {PROGRAM} convert locs.hdf5 locs.csv\n"
        f"  {PROGRAM} convert locs.csv locs.txt --to thunderstorm",
        "tables:run_convert",
        (_add_convert, groups.add_table, groups.add_writing),
    ),
    "warm-up": _Command(
        "compile all loops now, which the first call of each would do",
        "Compile all loops, once on this computer: for an image of a container, or before the\n"
        "jobs of a cluster start. They are kept beside the package, or in the folder that the\n"
        "environment variable NUMBA_CACHE_DIR names.",
        f"example:\n  {PROGRAM} warm-up",
        "warm_up:run",
        (),
    ),
    "tutorial": _Command(
        "see drift simulated, estimated, modelled and corrected",
        "Simulate localizations, let them drift, estimate the drift in two ways, model it,\n"
        "correct it, and say what error is left. Figures and tables go into a folder.",
        f"example:\n  {PROGRAM} tutorial --out my_tutorial --seeds 5",
        "tutorial:run",
        (_add_tutorial,),
    ),
}
