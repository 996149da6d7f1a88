"""Parts of pages that are made from the code, so that they cannot differ from it.

``constants``: the numbers of modules, with the comments beside them. ``command-help``: what ``smlm
COMMAND --help`` prints. ``dataset-variables``: the specification of the Dataset. ``formats``: their
names. And the links from verbs to their source.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "smlm_accessor"


class Constant(NamedTuple):
    """A number of a module: its name, value, and what the comment says."""

    name: str
    value: str
    meaning: str


def _is_numeric(node: ast.expr) -> bool:
    """Whether an expression is made of numbers only."""
    allowed = (ast.Constant, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop)
    parts = [n for n in ast.walk(node) if not isinstance(n, ast.expr_context)]
    return all(isinstance(n, allowed) for n in parts) and all(
        type(n.value) in (int, float) for n in parts if isinstance(n, ast.Constant)
    )


def constants_of(path: Path) -> list[Constant]:
    """Return the numbers that a module names in capitals, in their order."""
    text = path.read_text(encoding="utf-8")
    lines, found = text.splitlines(), []
    for node in ast.parse(text).body:
        if isinstance(node, ast.AnnAssign):
            target, value = node.target, node.value
        elif isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        else:
            continue
        if not isinstance(target, ast.Name) or not target.id.isupper() or value is None:
            continue
        if not _is_numeric(value):
            continue
        _, _, beside = lines[(node.end_lineno or 1) - 1].partition("  # ")
        above, at = [], node.lineno - 2
        while at >= 0 and lines[at].startswith("#"):
            above.insert(0, lines[at].lstrip("#: "))
            at -= 1
        meaning = " ".join(filter(None, [" ".join(above), beside]))
        found.append(Constant(target.id.lstrip("_"), ast.unparse(value), meaning))
    return found


def _cell(text: str, literal: bool = False) -> nodes.entry:
    """Return a cell of a table; what stands between backticks is literal."""
    paragraph = nodes.paragraph()
    for i, part in enumerate([text] if literal else re.split(r"`+", text)):
        if part and (literal or i % 2):
            paragraph += nodes.literal(text=part)
        elif part:
            paragraph += nodes.Text(part)
    return nodes.entry("", paragraph)


def _table(head: tuple[str, ...], rows: list[tuple[nodes.entry, ...]], kind: str) -> nodes.table:
    """Return a table of cells."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    first = nodes.row("", *[_cell(one) for one in head])
    group += nodes.thead("", first)
    group += nodes.tbody("", *[nodes.row("", *row) for row in rows])
    return nodes.table("", group, classes=["table", kind])


class Constants(Directive):
    """``constants``: modules and folders below the package, separated by blanks."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return one table."""
        rows = []
        for name in self.arguments[0].split():
            path = PACKAGE / name
            files = [path] if path.suffix else sorted(path.rglob("*.py"))
            for file in files:
                self.state.document.settings.record_dependencies.add(str(file))
                for one in constants_of(file):
                    module = file.relative_to(PACKAGE).with_suffix("").as_posix()
                    cells = _cell(one.name, True), _cell(one.value, True)
                    rows.append((*cells, _cell(one.meaning), _cell(module, True)))
        head = "name", "value", "unit, meaning, evidence", "module"
        return [_table(head, rows, "constants")]


class CommandHelp(Directive):
    """``command-help``: the help of a subcommand of ``smlm``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the help as literal text."""
        from smlm_accessor.cli.parser import build_parser

        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            build_parser().parse_args([self.arguments[0], "--help"])
        text = printed.getvalue()
        return [nodes.literal_block(text, text, language="text")]


class DatasetVariables(Directive):
    """``dataset-variables``: what the Dataset of a drift has to hold."""

    def run(self) -> list[nodes.Node]:
        """Return the specification as a table."""
        from smlm_accessor.drift.spec import REQUIRED, VARIABLES

        rows = [
            (
                _cell(name, True),
                _cell(", ".join(one.dims)),
                _cell("yes" if name in REQUIRED else "no"),
                _cell(one.meaning or "names of the axes: x, y (, z)"),
            )
            for name, one in VARIABLES.items()
        ]
        return [_table(("name", "dimensions", "required", "meaning"), rows, "spec")]


class Formats(Directive):
    """``formats``: names of the formats, and which of them any table can be written in."""

    option_spec: ClassVar = {"written": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the names in one paragraph."""
        from smlm_accessor.io import format_names

        paragraph = nodes.paragraph()
        for i, name in enumerate(format_names(written="written" in self.options)):
            paragraph += [nodes.Text(", " if i else ""), nodes.literal(text=name)]
        return [paragraph]


def _without_options(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Put a link in the place of the options of all methods, which have a page of their own."""
    of_methods = [i for i, line in enumerate(lines) if line.startswith("Options of method=")]
    if of_methods:
        del lines[of_methods[0] :]
        lines[1:1] = ["", "Options of each method: :doc:`/reference/methods`."]


_OWNERS = {
    "DataFrame": "LocalizationAccessor",
    "Dataset": "DriftAccessor",
    "DataArray": "StackAccessor",
}


def _with_source(_app: Sphinx, doctree: nodes.document) -> None:
    """Let the verbs of accessors link to their source, which is not where pandas and xarray are.

    The pages of source link back to where a name is described, by the module that it is from.
    """
    for signature in doctree.findall(addnodes.desc_signature):
        name = signature.get("fullname", "")
        holder, _, verb = name.partition(".smlm.")
        if verb and holder in _OWNERS:
            name = f"{_OWNERS[holder]}.{verb}"
            signature["module"], signature["fullname"] = "smlm_accessor.accessors", name
        elif signature.get("module") != "smlm_accessor" or name not in ("align", "follow"):
            continue
        signature["ids"].append(f"smlm_accessor.accessors.{name}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.connect("autodoc-process-docstring", _without_options, priority=100)
    app.connect("doctree-read", _with_source, priority=400)  # before sphinx.ext.viewcode
    app.add_directive("constants", Constants)
    app.add_directive("command-help", CommandHelp)
    app.add_directive("dataset-variables", DatasetVariables)
    app.add_directive("formats", Formats)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
