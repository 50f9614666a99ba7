"""`atlas collect` and `atlas forget` as a person meets them: what is printed, and the exit code."""

import json
import subprocess
import sys

import pytest

from atlas.cli.main import main
from atlas.collect import crawl as crawl_room
from tests.collect.site import Site, small_shop, store_file
from tests.stages.test_collect import Here


@pytest.fixture
def atlas(monkeypatch, capsys):
    """Runs `atlas` with these words; gives exit code, stdout and stderr."""

    def run(*words):
        monkeypatch.setattr(crawl_room, "Readers", Here)
        monkeypatch.setattr(sys, "argv", ["atlas", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def site():
    with Site() as site:
        yield small_shop(site)


def test_a_crawl_ends_with_its_figures_and_the_next_command(atlas, site, tmp_path):
    code, out, err = atlas("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl")
    assert code == 0
    assert "shop\t8\t6\t7\t0\t0\t0" in out
    assert f"shop: no delay between requests; private addresses allowed: {site.host}" in out
    assert f"6 listings: {tmp_path / 'crawl' / 'listings.jsonl'}" in out
    assert out.splitlines()[-1] == f"next: atlas build {tmp_path / 'crawl'} -o dataset"
    assert err.splitlines()[-1].endswith("8 pages, 6 products, 7 pictures")


def test_json_is_the_record_and_nothing_else(atlas, site, tmp_path):
    code, out, err = atlas("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["output"] == str(tmp_path / "crawl")
    assert told["listings"] == 6


def test_what_did_not_come_is_counted_and_makes_the_exit_code_1(atlas, site, tmp_path):
    del site.answers["/i/1.jpg"]
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /p/3"
    code, out, _ = atlas("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl", "-q")
    assert code == 1
    assert "refused\trobots.txt\t1" in out
    assert "failed\thttp 404\t1" in out
    assert "(no path)\t10\t1" in out


def test_refusals_alone_are_no_failure(atlas, site, tmp_path):
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /p/3"
    assert atlas("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl", "-q")[0] == 0


def test_a_trial_says_what_is_left_and_how_to_go_on(atlas, site, tmp_path):
    code, out, _ = atlas("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl", "-q", "--limit", "2")
    assert code == 0
    assert f"{site.host}: " in out and " addresses left, limit" in out
    assert "what is left: the same command with --resume, without --limit\n" in out


def test_a_budget_that_is_used_up_says_what_to_raise_and_that_helps(atlas, site, tmp_path):
    call = ("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl", "-q", "--set")
    code, out, _ = atlas(*call, "budget.pages=3")
    assert code == 0
    assert "what is left: the same command with --resume and a larger budget: --set budget.pages=N\n" in out
    code, out, _ = atlas(*call, "budget.pages=99", "--resume")
    assert code == 0
    assert "6 listings" in out and "left:" not in out


def test_nothing_collected_and_wrong_use_have_their_codes(atlas, site, tmp_path):
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /"
    code, out, err = atlas("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl", "-q")
    assert (code, out) == (3, "")
    assert err == f"error: nothing was collected into {tmp_path / 'crawl'} (1 robots.txt)\n"
    assert atlas("collect", tmp_path / "none.toml", "-o", tmp_path / "x")[0] == 2
    code, _, err = atlas("collect", store_file(tmp_path, site), "--extract-again", "--resume")
    assert code == 2
    assert "--extract-again takes no" in err


def test_a_key_may_be_set_for_one_call(atlas, site, tmp_path):
    file = store_file(tmp_path, site)
    code, out, _ = atlas("collect", file, "-o", tmp_path / "crawl", "-q", "--set", "polite.obey_robots=false")
    assert code == 0
    assert "robots.txt is not obeyed" in out
    code, _, err = atlas("collect", file, "-o", tmp_path / "crawl", "--set", "polite.obey=false")
    assert code == 2
    assert "did you mean" in err


def test_forgetting_lists_what_was_removed(atlas, site, tmp_path):
    atlas("collect", store_file(tmp_path, site), "-o", tmp_path / "crawl", "-q")
    code, out, err = atlas("forget", tmp_path / "crawl", site.url("/p/1"))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert f"removed shop, page: {site.url('/p/1')}" in lines
    assert f"removed shop, picture: {site.url('/i/1.jpg')}" in lines
    assert "removed listings.jsonl: 1 listings" in lines
    code, out, _ = atlas("forget", tmp_path / "crawl", site.url("/p/2"), "--json")
    assert json.loads(out)["listings"] == 1
    assert atlas("forget", tmp_path / "crawl", "nowhere.test")[0] == 3
    assert atlas("forget", tmp_path, "nowhere.test")[0] == 2
    assert atlas("forget", tmp_path / "crawl", "ftp://x")[0] == 2


@pytest.mark.parametrize("command", ["collect", "forget"])
def test_without_the_extra_the_command_says_how_to_get_it(command):
    program = (
        "import sys\nfor name in ('scrapy', 'aiohttp', 'w3lib', 'lxml', 'protego'):\n    sys.modules[name] = None\n"
        f"sys.argv = ['atlas', {command!r}, 'a', 'b']\nfrom atlas.cli.main import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'atlas-categorizer[collect]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
