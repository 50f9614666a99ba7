"""`atlas extract`: what one page of a store would give."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.collect.page import Found
    from atlas.records import Listing
    from atlas.stages.extract import Extracted

#: Of a longer list of addresses the first ones are shown.
SHOWN = 10


def extract(
    store: Annotated[FilePath, typer.Argument(metavar="STORE", help="A store file (.toml).")],
    page: Annotated[str, typer.Argument(metavar="PAGE|URL", help="A saved page (gzip allowed), or an address.")],
    url: Annotated[str | None, typer.Option(help="Where a saved page came from, if it does not say so itself.")] = None,
    json: Json = False,
) -> None:
    """Show what a page would give: its listing, where each value was found, its links, and what is missing.

    Exit code 3 when it gives neither a product nor links.
    """
    from atlas.cli.screen import print_json, print_line
    from atlas.errors import MissingExtraError

    try:
        from atlas.stages.collect import fetch_page
        from atlas.stages.extract import extract_page
    except ModuleNotFoundError as error:
        raise MissingExtraError("collect", "reading store pages") from error
    result = extract_page(store, page, fetch_page, url or "")
    found = result.found
    if json:
        from dataclasses import asdict

        print_json({"url": result.page.url} | asdict(found))
    else:
        for line in _screen(result):
            print_line(line)
    raise typer.Exit(0 if found.listing or found.products or found.next_pages else 3)


def _screen(result: Extracted) -> Iterator[str]:
    found = result.found
    kind = "a product page" if found.listing else "a list of products" if found.products else "no product, no list"
    yield f"{result.page.url or 'a page without an address'}: {kind}"
    if found.listing:
        yield from _listing_lines(found.listing, found)
    yield from _address_lines("products", found.products)
    yield from _address_lines("next pages", found.next_pages)
    wishes = [name for name in ("noai", "noimageai") if getattr(found, name)]
    if wishes:
        yield f"the page asks: {', '.join(wishes)}"
    if found.needs_browser:
        yield "the page is an empty shell: its products come by script, and need render = 'browser'"
    if result.is_assumed and result.page.url:
        yield "note: the page does not say where it lies, so it counts as the store's first start; --url names it"
    yield from (f"note: {note}" for note in found.notes if not note.endswith(": none found"))


def _listing_lines(listing: Listing, found: Found) -> Iterator[str]:
    """One line a field: its name, its value and its source in columns."""
    from rich.cells import cell_len

    price = f"{listing.price:,.2f} {listing.currency or '(currency unknown)'}" if listing.price else ""
    values = {
        "url": listing.url,
        "product_id": listing.product_id,
        "title": listing.title or "",
        "price": price,
        "breadcrumb": " > ".join(listing.breadcrumb),
        "images": f"{len(listing.images)}" if listing.images else "",
    }
    width = min(60, max(map(cell_len, values.values())))
    for name, value in values.items():
        source = found.sources.get(name, "") or ("" if value else "not found")
        yield f"  {name:<12}{value}{' ' * (width - cell_len(value))}  {source}".rstrip()
    yield from _indented(listing.images)


def _address_lines(name: str, urls: Sequence[str]) -> Iterator[str]:
    if urls:
        yield f"  {name:<12}{len(urls)}"
        yield from _indented(urls)


def _indented(urls: Sequence[str]) -> Iterator[str]:
    yield from (f"    {url}" for url in urls[:SHOWN])
    if len(urls) > SHOWN:
        yield f"    ... and {len(urls) - SHOWN} more"
