"""Pages that show their products only by script, seen by a real browser that has no network of its own.

Whatever the browser asks for is fetched by the one guarded downloader and handed to it: scripts, styles and data by GET
where the host's robots.txt allows it, nothing else. What does not come this way leads to a proxy that does not exist.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from atlas.collect.browser_parts import Allows, Parts, Shared, Viewer
from atlas.collect.fetch import Answer, Fetch
from atlas.collect.store_file import StoreFile

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Playwright

#: Pages after which a browser is closed and another one started, so that its memory stays bounded.
PAGES_PER_BROWSER = 100
#: Pages that are rendered at the same time.
AT_ONCE = 2
#: How long a page is waited for, at first and at each step, and how long a browser may take to close.
SETTLE_S = 10.0
STEP_S = 5.0
CLOSE_S = 5.0
#: How long a list may take until it begins to grow: many wait a moment after the last scroll before they ask.
GROW_S = 2.0
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = [
    "--proxy-server=http://127.0.0.1:1",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--js-flags=--max-old-space-size=256",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]


class BrowserError(Exception):
    """A page that needs a browser and was not seen by one; the parts are those of a `Fault`."""

    def __init__(self, status: Literal["refused", "failed"], reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.status: Literal["refused", "failed"] = status
        self.reason = reason
        self.detail = detail


def find_chromium() -> str | None:
    """The system's Chromium, None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@dataclass
class _Running:
    """One browser, and how many pages it has shown and is showing."""

    browser: Browser
    shown: int = 0
    showing: int = 0
    worn: bool = False

    async def close(self) -> None:
        with contextlib.suppress(Exception):  # it may be dead already
            async with asyncio.timeout(CLOSE_S):
                await self.browser.close()


class Renderer:
    """Shows pages in a browser, which starts at the first of them."""

    def __init__(self, fetch: Fetch, allows: Allows, chromium: str | None = None) -> None:
        self.shown = 0
        self._fetch = fetch
        self._allows = allows
        self._chromium = chromium or find_chromium()
        self._playwright: Playwright | None = None
        self._running: _Running | None = None
        self._starting = asyncio.Lock()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._shared = Shared()

    async def render(self, viewer: Viewer, answer: Answer) -> bytes:
        """The page as its scripts leave it, UTF-8. Raises BrowserError when there is no browser or it fails."""
        store = viewer.store
        if store.render == "never":
            raise BrowserError("refused", "needs a browser", 'the store file says render = "never"')
        if self._chromium is None:
            raise BrowserError("failed", "needs a browser", "no Chromium on this machine: install one and run again")
        limit_s = store.budget.page_s + SETTLE_S + (STEP_S + GROW_S) * store.browser.scroll
        async with self._room:
            running = await self._take()
            try:
                async with asyncio.timeout(limit_s):
                    return await self._show(running.browser, viewer, answer)
            except TimeoutError:
                running.worn = True  # a script may hold it
                raise BrowserError("failed", "timeout", f"not rendered in {limit_s:g} s") from None
            except BrowserError:
                raise
            except Exception as error:  # Playwright's own, and what a browser that dies leads to
                running.worn |= not running.browser.is_connected()
                raise BrowserError("failed", "browser", str(error).splitlines()[0][:200]) from error
            finally:
                await self._give_back(running)

    async def close(self) -> None:
        """End the browser."""
        if self._running is not None:
            await self._running.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def _take(self) -> _Running:
        """A browser that is fresh enough."""
        async with self._starting:
            old = self._running
            if old is None or old.worn or old.shown >= PAGES_PER_BROWSER:
                self._running = _Running(await self._start())
                if old is not None:
                    old.worn = True
                    await self._close_if_idle(old)
            assert self._running is not None
            self._running.shown += 1
            self._running.showing += 1
            return self._running

    async def _give_back(self, running: _Running) -> None:
        running.showing -= 1
        self.shown += 1
        await self._close_if_idle(running)

    async def _close_if_idle(self, running: _Running) -> None:
        if running.worn and not running.showing:
            await running.close()

    async def _start(self) -> Browser:
        try:
            from playwright.async_api import async_playwright
        except ImportError:
            raise BrowserError("failed", "needs a browser", "pip install 'atlas-categorizer[collect]'") from None
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        return await self._playwright.chromium.launch(executable_path=self._chromium, args=_FLAGS, handle_sigint=False)

    async def _show(self, browser: Browser, viewer: Viewer, answer: Answer) -> bytes:
        context = await browser.new_context(
            user_agent=viewer.agent, service_workers="block", accept_downloads=False,
            viewport={"width": 1280, "height": 1600},
        )  # fmt: skip
        try:
            parts = Parts(viewer, answer, self._fetch, self._allows, self._shared)
            await context.route("**/*", parts.serve)
            await context.route_web_socket("**", lambda socket: socket.close())
            page = await context.new_page()
            await page.goto(answer.url, wait_until="commit", timeout=viewer.store.budget.page_s * 1000)
            await _settle(page, parts, viewer.store)
            body = (await page.content()).encode("utf-8", "replace")
        finally:
            with contextlib.suppress(Exception):  # a page that hangs keeps its context open: the browser goes then
                async with asyncio.timeout(CLOSE_S):
                    await context.close()
        if len(body) > viewer.store.budget.page_megabytes * 1e6:
            raise BrowserError("failed", "too large", f"{len(body):,} bytes after its scripts ran")
        return body


async def _settle(page: Page, parts: Parts, store: StoreFile) -> None:
    """Wait until the page shows what it has, and make it show the rest."""
    wishes = store.browser
    with contextlib.suppress(TimeoutError):
        await _in_time(page.wait_for_function("document.readyState != 'loading'", timeout=0), SETTLE_S)
    if wishes.wait_for:
        with contextlib.suppress(TimeoutError):
            await _in_time(page.wait_for_selector(wishes.wait_for, state="attached", timeout=0), SETTLE_S)
    await parts.quiet(SETTLE_S)
    for _ in range(wishes.scroll):
        before = await _extent(page)
        if not await _show_more(page, wishes.load_more):
            break
        await parts.quiet(STEP_S)
        if not await _has_grown(page, before):
            break
        await parts.quiet(STEP_S)


async def _show_more(page: Page, button: str) -> bool:
    """Press the button, or go to the end of the page; whether there was something to do."""
    if not button:
        await page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        return True
    found = page.locator(button).first
    if not await found.is_visible():
        return False
    try:
        await _in_time(found.click(timeout=0), STEP_S)
    except TimeoutError:
        return False
    return True


async def _extent(page: Page) -> Any:
    """How much a page holds: it has grown when this changes."""
    return await page.evaluate("[document.getElementsByTagName('*').length, document.documentElement.scrollHeight]")


async def _has_grown(page: Page, before: Any) -> bool:
    """Whether a page holds more than before, now or in a moment."""
    loop = asyncio.get_running_loop()
    end = loop.time() + GROW_S
    while await _extent(page) == before:
        if loop.time() >= end:
            return False
        await asyncio.sleep(0.1)
    return True


async def _in_time(work: Awaitable[Any], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        await work
