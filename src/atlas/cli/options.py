"""Options that mean the same in every command."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, TypeAlias

import typer

Output: TypeAlias = Annotated[FilePath, typer.Option("--output", "-o", help="Where the result goes.")]
MaybeOutput: TypeAlias = Annotated[FilePath | None, typer.Option("--output", "-o", help="Where the result goes.")]
Resume: TypeAlias = Annotated[bool, typer.Option("--resume", help="Take up unfinished work of an earlier call.")]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists already.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
