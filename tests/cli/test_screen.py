import json
import sys

import pytest

from atlas.cli import screen
from atlas.cli.screen import PlainLines, print_json, screen_progress, table
from atlas.progress import Silent


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(screen, "time", clock)
    return clock


def test_quiet_and_json_say_nothing(capsys):
    for flags in ({"quiet": True}, {"json": True}):
        with screen_progress(**flags) as progress:
            assert isinstance(progress, Silent)
            progress.begin("work", 3)
            progress.advance()
            progress.say("hello")
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_rate_and_time_left(capsys, clock):
    lines = PlainLines(interval_s=10)
    lines.begin("epoch 1", 1000)
    clock.now_s += 5
    lines.advance(100)
    clock.now_s += 5
    lines.advance(100, "loss 0.5")
    clock.now_s += 5
    lines.advance(800)
    lines.close()
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1: 1,000 to do",
        "epoch 1: 200 of 1,000, 20.0/s, 0:40 left, loss 0.5",
        "epoch 1: 1,000 of 1,000, 66.7/s, took 0:15, loss 0.5",
    ]


def test_a_log_without_a_total_counts(capsys, clock):
    lines = PlainLines(interval_s=1)
    lines.begin("reading")
    clock.now_s += 2
    lines.advance(7000)
    assert capsys.readouterr().err.splitlines() == ["reading ...", "reading: 7,000, 3,500/s"]


def test_without_a_terminal_there_are_no_bars(capsys):
    with screen_progress() as progress:
        progress.begin("work", 2)
        progress.advance(2)
        progress.say("a line with [brackets]")
    err = capsys.readouterr().err
    assert "a line with [brackets]" in err
    assert "\x1b" not in err


def test_a_terminal_gets_a_bar_with_rate_and_status(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with screen_progress() as progress:
        progress.begin("epoch [1]", 1000)
        progress.advance(400, "loss 0.5")
        progress.advance(600)
        progress.say("kept [b]line[/b]")
        progress.begin("open end")
        progress.advance(3)
    out, err = capsys.readouterr()
    assert out == ""
    for part in ("epoch [1]", "1,000/1,000", "loss 0.5", "kept [b]line[/b]", "open end"):
        assert part in err


def test_a_table_in_a_pipe_is_separated_by_tabs(capsys):
    table(["path", "count"], [["A > [b]", 1200], ["line\nend", None]])
    assert capsys.readouterr().out == "path\tcount\nA > [b]\t1,200\nline end\t\n"


def test_a_table_on_a_terminal_is_ruled(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    table(["path", "share"], [["A > [b]", 0.25]], title="Shares")
    out = capsys.readouterr().out
    assert "A > [b]" in out
    assert "0.25" in out
    assert "Shares" in out


def test_json_is_valid_whatever_the_numbers(capsys):
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": ("ä",)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": ["ä"]}
