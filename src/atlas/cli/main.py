"""The command `atlas`: which commands there are, and how every failure ends in one plain line and an exit code.

A command is a function of its own name in a module of its own name. That module is imported when the command is called,
so that `atlas --help` costs no more than an empty program.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from atlas.cli.screen import print_error
from atlas.errors import AtlasError

#: Every command in the order of the work, with the first line of its help.
COMMANDS = {
    "demo": "Walk the whole way from two small drawn shops.",
    "collect": "Collect listings and pictures from stores, or download lists of picture urls.",
    "extract": "Show what a page would give: its listing, where each value was found, its links, and what is missing.",
    "forget": "Remove every trace of an address or a host from a crawl, and list what was removed.",
    "taxonomy": "Category trees: show, check, compare, draft, map, extend.",
    "build": "Turn labelled products into a data set.",
    "check": "Show what is wrong with a data set: pictures, duplicates, labels, split, tree.",
    "train": "Train a model on a data set.",
    "calibrate": "Fit a model's probabilities on a data set's split.",
    "predict": "Give every picture its category path.",
    "evaluate": "Measure predictions: metrics.json, report.html, F by support.",
    "benchmark": "Compare recipes on one data set under one budget.",
    "export": "Write a model in a form that predicts without torch.",
}


def load_command(name: str) -> Any:
    """The click command of `atlas NAME`, built from the function or the typer app `NAME` in `atlas.cli.NAME`."""
    found = getattr(importlib.import_module(f"atlas.cli.{name}"), name)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = name
    return command


class Commands(TyperGroup):
    """The group that imports a command when it is called, and turns what goes wrong in it into a line and a code."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """All names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """A stand-in that knows name and summary, which is all that the list of commands needs."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The real command."""
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # names for "did you mean"
        name, command, rest = super().resolve_command(ctx, args)
        command = load_command(name) if name else command
        ctx.obj = any("--resume" in param.opts for param in getattr(command, "params", ()))
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """What the command returns; an expected failure ends the program with its exit code instead."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except AtlasError as error:
            print_error(str(error))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            print_error(f"stopped; {_again(ctx.obj)}")
            raise typer.Exit(130) from error
        except OSError as error:
            raise typer.Exit(_explain(error, _again(ctx.obj))) from error


def _again(can_resume: bool) -> str:
    """How work that was broken off goes on."""
    return "--resume takes it up" if can_resume else "the same command begins again"


def _explain(error: OSError, again: str) -> int:
    """Print what the operating system refused and return the exit code; anything unexpected is raised again."""
    if error.errno == errno.EPIPE:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again while it ends
        return 0
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        print_error(f"the disk is full: make room, then {again}")
        return 2
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        print_error(f"{error.filename or 'the output'}: {error.strerror}; check who may write there")
        return 2
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        print_error(f"{error.filename or 'the output'}: a file lies where a folder is wanted; name another place")
        return 2
    if error.errno in (errno.ENOENT, errno.ENAMETOOLONG) and error.filename:
        print_error(f"{error.filename}: {error.strerror}, and it cannot be made; name another place")
        return 2
    raise error


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"atlas {version('atlas-categorizer')}")
        raise typer.Exit


app = typer.Typer(cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def atlas(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Put products into a store's category tree by looking at them."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a narrow terminal encoding never stops a command
    app()
