"""One page without a crawl: through the same downloader, by the same rules, and nothing is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from atlas.collect.browser import BrowserError, Renderer
from atlas.collect.browser_parts import Viewer
from atlas.collect.extract import extract
from atlas.collect.fetch import Answer, Ask, Downloader, FailedError
from atlas.collect.guard import RefusedError, clean_url, origin_of
from atlas.collect.page import Page
from atlas.collect.reach import MAX_HOPS
from atlas.collect.robots import find_rules
from atlas.collect.shop import Shop, shop_of
from atlas.collect.store_file import StoreFile
from atlas.errors import DataError


def fetch_page(url: str, store: StoreFile) -> Page:
    """The page at an address as a crawl of the store would see it, rendered where it needs that.

    Raises DataError that says why there is none: a rule of the host, a guard, or what the host answered.
    """
    try:
        return asyncio.run(_fetch_page(url, shop_of(store)))
    except (RefusedError, FailedError) as error:
        word = "refused" if isinstance(error, RefusedError) else "failed"
        raise DataError(f"{url} gave no page: {word}, {error}") from error


async def _fetch_page(url: str, shop: Shop) -> Page:
    downloader = Downloader()
    renderer = Renderer(downloader.get, lambda part, viewer: _allows(downloader, part, viewer))
    try:
        answer = await _follow(downloader, clean_url(url), shop)
        headers = answer.headers
        page = Page(answer.url, answer.body, headers.get("content-type", ""), headers.get("x-robots-tag", ""))
        if shop.file.render == "never" or not extract(page, shop.file).needs_browser:
            return page
        body = await renderer.render(Viewer(shop.file, shop.agent, shop.exceptions), answer)
        return replace(page, body=body, content_type="text/html; charset=utf-8", rendered=True)
    except BrowserError as error:
        raise FailedError(error.reason, error.detail) from error
    finally:
        await renderer.close()
        await downloader.close()


async def _follow(downloader: Downloader, url: str, shop: Shop) -> Answer:
    for _ in range(MAX_HOPS + 1):
        if shop.file.polite.obey_robots and not (await find_rules(downloader.get, origin_of(url), shop)).allows(url):
            raise RefusedError("robots.txt", url)
        budget = shop.file.budget
        limit_bytes = int(1e6 * budget.page_megabytes)
        answer = await downloader.get(Ask(url, "page", shop.agent, limit_bytes, budget.page_s, shop.exceptions))
        if answer.status == 200:
            return answer
        if not answer.target:
            raise FailedError(f"http {answer.status}")
        url = clean_url(answer.target)
    raise FailedError("too many redirects")


async def _allows(downloader: Downloader, url: str, viewer: Viewer) -> bool:
    if not viewer.store.polite.obey_robots:
        return True
    return (await find_rules(downloader.get, origin_of(url), shop_of(viewer.store))).allows(url)
