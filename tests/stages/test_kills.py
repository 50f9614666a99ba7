"""A crawl killed again and again ends like one that nobody disturbed."""

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.collect.site import Site, moved, picture, product_page, small_shop, store_file

WORDS = [sys.executable, "-m", "atlas", "collect"]


def run_until_killed(words, site, requests, more_s):
    """Run a crawl and kill it so many requests after its first one; whether it was killed before it ended."""
    before = sum(site.asked.values())
    crawl = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    while crawl.poll() is None and sum(site.asked.values()) - before < requests:
        time.sleep(0.005)
    time.sleep(more_s)
    killed = crawl.poll() is None
    if killed:
        os.killpg(crawl.pid, signal.SIGKILL)
    error = crawl.communicate()[1]
    assert killed or crawl.returncode in (0, 1), error
    return killed


def check_whole(folder):
    """Nothing in the folder is half: neither the database nor a row nor a picture."""
    db = sqlite3.connect(folder / "crawl.sqlite")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    files = {file.name for file in (folder / "images").rglob("*") if file.is_file() and not file.name.startswith(".")}
    for (sha256,) in db.execute("SELECT sha256 FROM address WHERE kind = 'picture' AND status = 'done'"):
        assert sha256 in files
        assert hashlib.sha256((folder / "images" / sha256[:2] / sha256).read_bytes()).hexdigest() == sha256
    pages = db.execute(
        "SELECT id, listing FROM address WHERE kind = 'page' AND status = 'done' AND listing IS NOT NULL"
    ).fetchall()
    for page, listing in pages:
        links = db.execute("SELECT COUNT(*) FROM link WHERE source = ? AND kind = 'picture'", (page,)).fetchone()[0]
        assert links == len(json.loads(listing)["images"])
    db.close()


def disturbed(tmp_path, site, kills, seed):
    """Crawl a shop with so many kills; the listings must be those of an unbroken run."""
    file = store_file(tmp_path, site)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([*WORDS, str(file), "-o", str(whole), "-q"], check=False, stdout=subprocess.DEVNULL)
    unbroken = (whole / "listings.jsonl").read_bytes()
    assert len(unbroken.splitlines()) > 20
    addresses = len(site.asked)
    site.asked.clear()
    dice = random.Random(seed)
    words = [*WORDS, str(file), "-o", str(broken), "-q", "--resume"]
    done = 0
    for _ in range(kills):
        if not run_until_killed(words, site, dice.randrange(max(2, 2 * addresses // kills)), dice.random() * 0.05):
            break
        done += 1
        if (broken / "crawl.sqlite").exists():
            check_whole(broken)
    if not (broken / "listings.jsonl").exists():
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL)
    assert (broken / "listings.jsonl").read_bytes() == unbroken
    check_whole(broken)
    names = sorted(file.name for file in (broken / "images").rglob("*") if file.is_file())
    assert names == sorted(file.name for file in (whole / "images").rglob("*") if file.is_file())
    assert max(count for path, count in site.asked.items() if path.endswith(".jpg")) <= 1 + done
    return done, sum(site.asked.values()) - addresses


@pytest.fixture
def site():
    def slowly(answer):
        def wait(visit):
            time.sleep(0.02)
            return answer(visit) if callable(answer) else answer

        return wait

    with Site() as site:
        small_shop(site, 36, 6)
        site.answers["/p/7"] = moved("/new/7")
        site.answers["/new/7"] = product_page(7, ["/i/7.jpg", "/i/turned.jpg"])
        site.answers["/i/turned.jpg"] = moved("/i/there.jpg")
        site.answers["/i/there.jpg"] = picture(77)
        del site.answers["/p/9"], site.answers["/i/11.jpg"]
        site.answers = {path: slowly(answer) for path, answer in site.answers.items()}
        yield site


def test_three_kills(tmp_path, site):
    killed, _ = disturbed(tmp_path, site, 3, seed=1)
    assert killed


@pytest.mark.slow
def test_twenty_kills(tmp_path, site, record_property):
    killed, again = disturbed(tmp_path, site, 20, seed=2)
    record_property("killed", killed)
    record_property("asked again", again)
    assert killed >= 15
