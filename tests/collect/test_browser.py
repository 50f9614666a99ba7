"""Pages seen by a real Chromium that has no network of its own."""

import asyncio
import json
import time

import psutil
import pytest

from atlas.collect import browser, browser_parts
from atlas.collect.browser import BrowserError, Renderer, find_chromium
from atlas.collect.browser_parts import Shared, Viewer
from atlas.collect.fetch import Answer, Ask, Downloader
from atlas.collect.guard import read_exceptions
from atlas.collect.store_file import Browser, Budget, Start, StoreFile
from tests.collect.site import Site, moved, picture

needs_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def page(script, body='<div id="wall"></div>'):
    return f"<!doctype html><html><body>{body}<script>{script}</script></body></html>".encode()


def viewer(site, render="browser", page_s=30.0, page_megabytes=8.0, **wishes):
    store = StoreFile(
        "shop", (Start(site.url("/")),), render=render,
        browser=Browser(**wishes), budget=Budget(page_s=page_s, page_megabytes=page_megabytes),
    )  # fmt: skip
    return Viewer(store, "Atlas/test (+me)", read_exceptions([site.host]))


def render(site, *looks, forbidden=(), chromium=None, prepare=None):
    """What a browser makes of the site's first page, for each viewer; the pages are fetched first."""

    async def go():
        downloader = Downloader()

        async def allows(url, _):
            return not any(word in url for word in forbidden)

        renderer = Renderer(downloader.get, allows, chromium)
        try:
            shown = []
            for look in looks:
                ask = Ask(site.url("/"), "page", look.agent, 1_000_000, 30.0, look.exceptions)
                shown.append(await renderer.render(look, await downloader.get(ask)))
            if prepare:
                prepare(renderer)
            return shown
        finally:
            await renderer.close()
            await downloader.close()

    return [body.decode() for body in asyncio.run(go())]


FETCHES = """
fetch("/api/1").then(answer => answer.json()).then(found => {
    for (const name of found) wall.innerHTML += `<a class="piece" href="/p/${name}">x</a>`;
})
"""


class TestWithChromium:
    pytestmark = needs_chromium

    def test_scripts_run_and_fetch_through_the_downloader(self):
        with Site({"/": page(FETCHES), "/api/1": (200, {"Content-Type": "application/json"}, b'["a", "b"]')}) as site:
            (body,) = render(site, viewer(site, wait_for="a.piece"))
            assert 'href="/p/a"' in body and 'href="/p/b"' in body
            assert site.asked["/"] == 1, "the page itself is not asked twice"
            agents = {headers["User-Agent"] for _, _, headers in site.visits}
            assert agents == {"Atlas/test (+me)"}

    def test_nothing_else_is_loaded(self):
        body = '<img src="/a.jpg"><video src="/a.mp4"></video><iframe src="/frame.html"></iframe><div id="wall"></div>'
        script = """
            new Image().src = "/b.jpg"; navigator.sendBeacon("/beacon", "x");
            fetch("/post", {method: "POST", body: "x"}).catch(() => 0); window.open("/popup.html");
            fetch("/api/1"); document.querySelector("#wall").innerHTML = "ran";
        """
        with Site({"/": page(script, body), "/api/1": b"[]", "/a.jpg": picture()}) as site:
            (shown,) = render(site, viewer(site))
            assert ">ran<" in shown
            assert set(site.asked) == {"/", "/api/1"}

    def test_scripts_reach_no_private_address_and_no_file(self):
        with Site({"/secret": b'["secret"]'}) as inner, Site() as site:
            script = f"""
                const wall = document.querySelector("#wall"), tell = word => {{ wall.innerHTML += word }};
                for (const url of ["{inner.url("/secret")}", "http://localhost:{inner.server_address[1]}/secret",
                    "http://[::1]:{inner.server_address[1]}/secret", "file:///etc/passwd", "/hop"])
                    fetch(url).then(() => tell("<b>rea" + "ched</b>")).catch(() => tell("<i>ref" + "used</i>"));
                new WebSocket("ws://{inner.host}/secret").onopen = () => tell("<b>rea" + "ched</b>");
                new EventSource("{inner.url("/secret")}").onopen = () => tell("<b>rea" + "ched</b>");
                const s = document.createElement("script"); s.src = "{inner.url("/secret")}"; document.body.append(s);
            """
            site.answers["/"] = page(script)
            site.answers["/hop"] = moved(inner.url("/secret"))
            (shown,) = render(site, viewer(site))
            assert "<b>reached" not in shown
            assert shown.count("<i>refused") == 5
            assert inner.visits == []
            assert site.asked["/hop"] == 1

    def test_a_script_that_leaves_the_page_is_not_followed(self):
        with Site({"/elsewhere": b"<html>elsewhere"}) as site:
            site.answers["/"] = page('document.title = "here"; location.href = "/elsewhere"', "<title>x</title>")
            (shown,) = render(site, viewer(site))
            assert "<title>here" in shown
            assert site.asked["/elsewhere"] == 0

    def test_robots_hold_for_what_scripts_fetch(self):
        with Site({"/": page(FETCHES), "/api/1": (200, {"Content-Type": "application/json"}, b'["a"]')}) as site:
            (shown,) = render(site, viewer(site), forbidden=["/api"])
            assert "/p/a" not in shown
            assert site.asked["/api/1"] == 0

    def test_infinite_scroll(self):
        script = """
            let count = 0;
            const more = async () => { const n = await (await fetch(`/api/${count++}`)).json();
                for (const name of n) wall.innerHTML += `<p style="height:900px"><a href="/p/${name}">x</a></p>` };
            let busy = false;
            addEventListener("scroll", async () => { if (busy) return; busy = true; await more(); busy = false });
            more();
        """
        site = Site({"/": page(script)})
        for number in range(4):
            names = [f"{number}-{item}" for item in range(3)] if number < 3 else []
            site.answers[f"/api/{number}"] = (200, {"Content-Type": "application/json"}, json.dumps(names).encode())
        with site:
            few, many = render(site, viewer(site, scroll=1), viewer(site, scroll=10))
            assert few.count('"/p/0') + few.count('"/p/1') == few.count('<a href="/p/') - 1 == 6
            assert many.count('<a href="/p/') - 1 == 9

    def test_a_list_that_waits_a_moment_before_it_asks_for_more_is_waited_for(self):
        script = """
            let count = 0, busy = false;
            const more = () => { if (busy) return; busy = true; setTimeout(async () => {
                const n = await (await fetch(`/api/${count++}`)).json(); busy = false;
                for (const name of n) wall.innerHTML += `<p style="height:900px"><a href="/p/${name}">x</a></p>`;
            }, 700) };
            addEventListener("scroll", more); more();
        """
        site = Site({"/": page(script)})
        for number in range(4):
            names = [f"{number}-{item}" for item in range(3)] if number < 3 else []
            site.answers[f"/api/{number}"] = (200, {"Content-Type": "application/json"}, json.dumps(names).encode())
        with site:
            (body,) = render(site, viewer(site, scroll=10, wait_for="a"))
            assert body.count('<a href="/p/') - 1 == 9

    def test_a_button_for_more_is_pressed_until_it_goes(self):
        script = """
            let count = 0; const button = document.querySelector("button");
            button.onclick = async () => { button.disabled = true;
                wall.innerHTML += await (await fetch(`/api/${++count}`)).text(); button.disabled = false;
                button.hidden = count >= 3 };
        """
        body = '<div id="wall"></div><button class="more">Show more</button>'
        site = Site({"/": page(script, body)})
        for number in range(1, 5):
            site.answers[f"/api/{number}"] = f'<a href="/p/{number}">x</a>'.encode()
        with site:
            (all_,) = render(site, viewer(site, load_more="button.more", scroll=20))
            (some,) = render(site, viewer(site, load_more="button.more", scroll=2))
            assert [body.count('<a href="/p/') for body in (all_, some)] == [3, 2]
            assert site.asked["/api/4"] == 0

    @pytest.mark.slow
    def test_a_script_without_end_costs_its_time_and_the_next_page_is_shown(self, monkeypatch):
        monkeypatch.setattr(browser, "SETTLE_S", 1.0)
        monkeypatch.setattr(browser, "CLOSE_S", 2.0)
        with Site({"/": page("for (;;) {}")}) as site:

            async def go():
                downloader = Downloader()
                renderer = Renderer(downloader.get, lambda url, look: asyncio.sleep(0, True))
                look = viewer(site, page_s=4.0)
                try:
                    answer = Answer(site.url("/"), 200, {"content-type": "text/html"}, page("for (;;) {}"))
                    with pytest.raises(BrowserError, match=r"timeout|browser"):
                        await renderer.render(look, answer)
                    answer = Answer(site.url("/"), 200, {"content-type": "text/html"}, page("wall.innerHTML = 'ok'"))
                    return await renderer.render(viewer(site), answer)
                finally:
                    await renderer.close()
                    await downloader.close()

            assert b">ok<" in asyncio.run(go())

    def test_a_page_that_grows_too_large_is_left(self):
        script = 'wall.textContent = "x".repeat(3_000_000)'
        with Site({"/": page(script)}) as site, pytest.raises(BrowserError, match="too large"):
            render(site, viewer(site, page_megabytes=1.0))

    def test_a_selector_that_is_none_costs_the_page(self):
        with Site({"/": page("")}) as site, pytest.raises(BrowserError, match="browser"):
            render(site, viewer(site, wait_for="a[[["))

    @pytest.mark.slow
    def test_browsers_are_renewed_and_memory_stays_bounded(self, monkeypatch):
        monkeypatch.setattr(browser, "PAGES_PER_BROWSER", 3)
        here = psutil.Process()
        counts = []
        with Site({"/": page("wall.innerHTML = 'ok'")}) as site:

            def count(renderer):
                names = [child.name() for child in here.children(recursive=True)]
                counts.append((renderer.shown, sum("chrom" in name for name in names)))

            assert all(">ok<" in body for body in render(site, *[viewer(site)] * 8, prepare=count))
        ((shown, processes),) = counts
        assert shown == 8
        assert processes < 20
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any("chrom" in c.name() for c in here.children(recursive=True)):
            time.sleep(0.1)
        assert not any("chrom" in child.name() for child in here.children(recursive=True))


def test_without_a_chromium_the_reason_is_told(monkeypatch):
    monkeypatch.setattr(browser.shutil, "which", lambda name: None)
    assert find_chromium() is None
    with Site({"/": page("")}) as site, pytest.raises(BrowserError) as failed:
        render(site, viewer(site))
    assert (failed.value.status, failed.value.reason) == ("failed", "needs a browser")
    assert "no Chromium" in failed.value.detail


def test_a_store_file_may_say_never():
    with Site({"/": page("")}) as site, pytest.raises(BrowserError) as failed:
        render(site, viewer(site, render="never"))
    assert failed.value.status == "refused"


def test_shared_scripts_are_forgotten_in_time(monkeypatch):
    monkeypatch.setattr(browser_parts, "SHARED_BYTES", 100)
    shared = Shared()
    for name in "abc":
        shared.put(name, Answer(name, 200, {}, b"x" * 40))
    assert shared.get("a") is None
    assert shared.get("b").body == b"x" * 40
    shared.put("d", Answer("d", 200, {}, b"x" * 40))
    assert shared.get("c") is None
    assert shared.get("b") is not None
