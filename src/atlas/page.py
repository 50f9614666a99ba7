"""A page that needs no network: what turns a template into one, and the style that all of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atlas.errors import MissingExtraError


def environment(folder: Path, page: str) -> Any:
    """What turns the templates of a folder into pages: all text is escaped, a name that is not there is an error.

    Templates find `page.css` beside their own files, and the filters `percent`, `count` and `names`. Raises
    MissingExtraError, in the name of the file `page`, where the extra `report` is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("report", page) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "count": count, "names": names}
    return environment


def percent(share: float | None, digits: int = 1) -> str:
    """`"89.2 %"`; a share short of 1 is never shown as 100, nor one above 0 as 0. `"–"` for None."""
    if share is None:
        return "–"
    while digits < 4 and 0 < share < 1 and round(share * 100, digits) in (0, 100):
        digits += 1
    return f"{share * 100:.{digits}f}\u00a0%"


def count(number: int | None) -> str:
    """A number with thin spaces between thousands. `"–"` for None."""
    return "–" if number is None else f"{number:,}".replace(",", "\u202f")


def names(path: str) -> tuple[list[str], str]:
    """The upper names of a path in text form and its last one."""
    *upper, last = path.split(" > ")
    return upper, last
