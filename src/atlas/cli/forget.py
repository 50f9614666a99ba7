"""`atlas forget`: every trace of an address or a host out of a crawl."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

import typer

from atlas.cli.options import Json


def forget(
    folder: Annotated[FilePath, typer.Argument(metavar="FOLDER", help="A crawl folder made by `atlas collect`.")],
    what: Annotated[str, typer.Argument(metavar="URL|HOST", help="An address, or a host and all below it.")],
    json: Json = False,
) -> None:
    """Remove every trace of an address or a host from a crawl, and list what was removed.

    Listings, links, pictures and kept pages that nothing else uses, and lines of the log go; the files are compacted,
    so that the bytes are gone too. A later crawl of the folder does not bring it back. Data sets that were built from
    the crawl before are not touched: build them again.
    """
    from atlas.cli.screen import print_json, print_line
    from atlas.errors import MissingExtraError

    try:
        from atlas.stages.forget import forget_from
    except ModuleNotFoundError as error:
        raise MissingExtraError("collect", "reading a crawl") from error
    found = forget_from(folder, what)
    if json:
        from dataclasses import asdict

        print_json(asdict(found))
        return
    for line in found.lines:
        print_line(f"removed {line}")
