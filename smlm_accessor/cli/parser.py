"""The arguments of the command line, and their help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from smlm_accessor._version import __version__
from smlm_accessor.cli.arguments import (
    COLUMN_FIELDS,
    columns,
    count,
    models,
    names,
    option,
    segments,
)
from smlm_accessor.cli.correct import run as run_correct
from smlm_accessor.cli.tutorial import run as run_tutorial
from smlm_accessor.drift.between_chunks import BY, OUTSIDE
from smlm_accessor.drift.composition import ORIGINS
from smlm_accessor.errors import OptionError
from smlm_accessor.io import format_names
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import TARGETS

PROGRAM = "python -m smlm_accessor"

_DESCRIPTION = "Drift of single-molecule localization microscopy: estimate it and remove it."


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all errors of the command line."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}; see {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; ``run`` of what it returns is the command."""
    parser = _Parser(prog=PROGRAM, description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"smlm_accessor {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (summary, description, example, add) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=description,
            epilog=example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        add(command)
        command.add_argument(
            "--traceback", action="store_true", help="after an error, show where it comes from"
        )
    return parser


def _add_tutorial(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run_tutorial)
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
    parser.set_defaults(run=run_correct)
    parser.add_argument(
        "source",
        type=Path,
        metavar="IN",
        help="table, in any format known here; or a folder of .parquet, .csv, .tsv or .txt files, "
        "which may exceed memory",
    )
    parser.add_argument(
        "result",
        type=Path,
        metavar="OUT",
        help="corrected table: .csv, .tsv, .txt, .parquet, .hdf5 (Picasso), .h5 (DECODE), "
        ".mat (SMAP), .smlm; for a folder, a folder of Parquet files",
    )

    group = parser.add_argument_group("estimate")
    group.add_argument(
        "--method",
        choices=registry.names(),
        help="how chunks are registered (default: overlap)",
    )
    rules = group.add_mutually_exclusive_group()
    rules.add_argument("--chunk-size", type=count, metavar="N", help="localizations per chunk")
    rules.add_argument(
        "--n-chunks",
        type=count,
        metavar="N",
        help="number of chunks (default: 10, or the method chooses)",
    )
    rules.add_argument("--frames-per-chunk", type=count, metavar="N", help="frames per chunk")
    group.add_argument(
        "--target",
        choices=TARGETS,
        help="icp and cc: what chunks are registered onto (default: first)",
    )
    group.add_argument(
        "--origin", choices=ORIGINS, help="where the drift is zero (default: first_chunk)"
    )
    group.add_argument(
        "--segments",
        type=segments,
        metavar="COLUMN|FRAME[,FRAME...]",
        help="what the drift may jump between: files that a column tells, or runs of frames that "
        "begin with these; find: found also for icp and cc; none: all is one (default: as the "
        "method finds)",
    )
    group.add_argument(
        "--option",
        type=option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method, such as max_distance=50; may be given several times",
    )
    group.add_argument(
        "--drift", type=Path, metavar="FILE", help="do not estimate: apply this saved drift"
    )
    group.add_argument(
        "--frame-duration",
        type=float,
        metavar="S",
        help="seconds that a frame takes, for --drift with times instead of frames",
    )

    group = parser.add_argument_group("correction")
    group.add_argument(
        "--fit",
        type=models,
        metavar="MODEL[,MODEL...]",
        help="correct by a model of the drift, one for all axes or one for each: "
        "spline, linear, polynomial, constant (default: go from chunk to chunk)",
    )
    group.add_argument(
        "--by", choices=BY, help="without --fit: how to go from chunk to chunk (default: cubic)"
    )
    group.add_argument(
        "--outside", choices=OUTSIDE, help="frames outside the drift (default: hold, and warn)"
    )

    group = parser.add_argument_group("table")
    group.add_argument(
        "--format",
        choices=format_names(),
        metavar="FORMAT",
        help="format of IN, if what is in it does not tell: %(choices)s",
    )
    group.add_argument(
        "--names",
        type=names,
        metavar="NAME,NAME,...",
        help="names of all columns, of text whose first line has none, such as frame,x,y",
    )
    group.add_argument(
        "--columns",
        type=columns,
        action="append",
        default=[],
        metavar="x=NAME,y=NAME,frame=NAME",
        help=f"which column is what, if not recognised; also {', '.join(COLUMN_FIELDS[4:])} and z",
    )
    group.add_argument("--unit", help="unit of x and y: nm, um, px ...")
    group.add_argument("--pixel-size", type=float, metavar="NM", help="camera pixel in nm")

    group = parser.add_argument_group("computing")
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="for a folder: the dask cluster to use, such as tcp://localhost:8786 (default: the "
        "threads of this computer)",
    )

    group = parser.add_argument_group("output")
    group.add_argument("--report", type=Path, metavar="PAGE", help="write a page to look at, .html")
    group.add_argument("--overwrite", action="store_true", help="replace files that exist")
    group.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


# Of each command: its help, description, example and arguments.
_COMMANDS = {
    "tutorial": (
        "see drift simulated, estimated, modelled and corrected",
        "Simulate localizations, let them drift, estimate the drift in two ways, model it,\n"
        "correct it, and say what error is left. Figures and tables go into a folder.",
        f"example:\n  {PROGRAM} tutorial --out my_tutorial --seeds 5",
        _add_tutorial,
    ),
    "correct": (
        "remove the drift from a table of localizations",
        "Estimate the drift of a table of localizations from the localizations themselves, and\n"
        "write the corrected table. The drift is saved beside it as netCDF, with a figure of it.",
        f"""examples:
  {PROGRAM} correct locs.csv locs_fixed.csv
  {PROGRAM} correct locs.parquet locs_fixed.parquet --method cc --frames-per-chunk 500
  {PROGRAM} correct locs.csv fixed.csv --columns x=a,y=b,frame=t --unit px --pixel-size 130
  {PROGRAM} correct locs/ locs_fixed/
  {PROGRAM} correct second_color.csv fixed.csv --drift locs_fixed_drift.nc""",
        _add_correct,
    ),
}
