"""The arguments that several commands share, each declared once."""

from __future__ import annotations

import argparse
from pathlib import Path

from smlm_accessor.cli.arguments import (
    COLUMN_FIELDS,
    columns,
    count,
    models,
    names,
    option,
    segments,
)
from smlm_accessor.drift.between_chunks import BY, OUTSIDE
from smlm_accessor.drift.composition import ORIGINS
from smlm_accessor.io import format_names
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import TARGETS

Parser = argparse.ArgumentParser
WRITTEN = (
    ".csv, .tsv, .txt, .parquet, .hdf5 (Picasso), .h5 (DECODE), .mat (SMAP), .smlm; for a folder, "
    "a folder of Parquet files"
)


def add_source(parser: Parser, name: str = "source", metavar: str = "IN") -> None:
    """Add a table that is read."""
    parser.add_argument(
        name,
        type=Path,
        metavar=metavar,
        help="table, in any format known here; or a folder of .parquet, .csv, .tsv or .txt files, "
        "which may exceed memory",
    )


def add_output(parser: Parser, metavar: str, what: str, *, required: bool = True) -> None:
    """Add the file that is written."""
    parser.add_argument(
        "-o", "--output", dest="result", type=Path, required=required, metavar=metavar, help=what
    )


def add_table(parser: Parser) -> None:
    """Add what a user says of tables that are read."""
    group = parser.add_argument_group("table")
    group.add_argument(
        "--format",
        choices=format_names(),
        metavar="FORMAT",
        help="format of the input, if what is in it does not tell: %(choices)s",
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
        help=f"which column is what, if not recognised; also {', '.join(COLUMN_FIELDS[4:])} and z; "
        "time holds seconds, instead of frame",
    )
    group.add_argument("--unit", help="unit of x and y: nm, um, px ...")
    group.add_argument("--pixel-size", type=float, metavar="NM", help="camera pixel in nm")
    group.add_argument(
        "--frame-duration",
        type=float,
        metavar="S",
        help="seconds of a frame, where one of table and --drift has times and the other frames",
    )


def add_estimate(parser: Parser) -> None:
    """Add how drift is estimated."""
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
    rules.add_argument("--chunk-duration", type=float, metavar="S", help="seconds of a chunk")
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
        "begin with these, or times in s; find: found also for icp and cc; none: all is one "
        "(default: as the method finds)",
    )
    group.add_argument(
        "--option",
        type=option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method, such as max_distance=50; may be given several times",
    )


def add_given_drift(parser: Parser) -> None:
    """Add a drift that is known."""
    group = parser.add_argument_group("known drift")
    group.add_argument(
        "--drift", type=Path, metavar="FILE", help="do not estimate: apply this saved drift"
    )


def add_correction(parser: Parser) -> None:
    """Add how a table is corrected by a drift."""
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


def add_scheduler(parser: Parser) -> None:
    """Add where to compute."""
    group = parser.add_argument_group("computing")
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="for a folder, or many files: the dask cluster to use, such as tcp://localhost:8786 "
        "(default: this computer)",
    )


def add_quiet(parser: Parser) -> None:
    """Add that nothing is said but the result."""
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


def add_writing(parser: Parser) -> None:
    """Add how output is written."""
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    add_quiet(parser)
