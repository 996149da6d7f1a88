"""``smlm correct FILES... --out FOLDER``: correct each of many files by itself."""

from __future__ import annotations

import argparse
from dataclasses import fields

from smlm_accessor.cli.messages import say
from smlm_accessor.cli.requests import request_of
from smlm_accessor.cli.status import BAD_INPUT, INTERRUPTED, MADE_WORSE
from smlm_accessor.correct.files import correct_files
from smlm_accessor.correct.one_file import check_options
from smlm_accessor.correct.request import TableFile
from smlm_accessor.correct.summary import CSV, PAGE
from smlm_accessor.errors import OptionError

_SHOWN = 10  # files that are named on the terminal; all are in the summary


def run(arguments: argparse.Namespace) -> int:
    """Correct the files; 2 if one of them could not be, 3 if a correction made one worse."""
    if arguments.report:
        raise OptionError("with --out each file has a page in FOLDER/pages; leave out --report")
    request = request_of(arguments, source=arguments.files[0])
    check_options(request)
    given = {f.name: getattr(request, f.name) for f in fields(TableFile) if f.name != "source"}
    given |= {name: getattr(request, name) for name in ("drift", "frame_duration", "fit", "by")}
    try:
        table = correct_files(
            arguments.files,
            arguments.out,
            each=arguments.each,
            jobs=arguments.jobs or 1,
            scheduler=arguments.scheduler,
            pages=not arguments.no_pages,
            force=arguments.force,
            overwrite=arguments.overwrite,
            progress=not arguments.quiet,
            outside=request.outside,
            **given,
            **request.estimate,
            **request.option,
        )
    except KeyboardInterrupt:
        say("error", f"stopped; what is done is in {arguments.out}, and the same command goes on")
        return INTERRUPTED
    failed, worse = (table[table["verdict"] == name] for name in ("error", "worse"))
    unwritten = worse[worse["written"] == ""]
    for file, error in failed[["file", "error"]].head(_SHOWN).itertuples(index=False):
        say("error", f"{file}: {error}")
    for file in unwritten["file"].head(_SHOWN):
        say("error", f"the correction made {file} worse, so it is not written; --force writes it")
    if not arguments.quiet:
        counts = table["verdict"].value_counts()
        print(f"files          {len(table):,}")
        print(f"verdicts       {', '.join(f'{n} {name}' for name, n in counts.items())}")
        print(f"wrote          {arguments.out / PAGE}  a page to look at, and {CSV} beside it")
    if len(failed):
        return BAD_INPUT
    return MADE_WORSE if len(unwritten) else 0
