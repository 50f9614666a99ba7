"""What SQLite refuses, told as what it means: a full disk, a file in use, a damaged one."""

import errno
import sqlite3

import pytest

from atlas.collect import connection
from atlas.collect.connection import connect, explained
from atlas.collect.ledger import LEDGER_FILE, Ledger
from atlas.errors import DataError, UsageError


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path, create=True)
    ledger.begin(resume=False)
    yield ledger
    ledger.close()


def fill(ledger):
    """Let the file have no page more, as on a full disk; the next long text does not fit."""
    (pages,) = ledger.db.execute("PRAGMA page_count").fetchone()
    ledger.db.execute(f"PRAGMA max_page_count = {pages}")
    return "x" * 100_000


def test_a_full_disk_is_told_as_of_any_other_file_and_nothing_half_stays(ledger, tmp_path):
    with pytest.raises(OSError, match="No space left") as full:
        ledger.set_meta(long=fill(ledger))
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(tmp_path / LEDGER_FILE))
    ledger.db.execute("PRAGMA max_page_count = 1000000")
    assert ledger.meta("long") is None
    ledger.set_meta(long="fits")
    assert ledger.meta("long") == "fits"


def test_a_statement_for_many_rows_is_no_exception(ledger):
    text = fill(ledger)
    with pytest.raises(OSError, match="No space left"):
        ledger.db.executemany("REPLACE INTO meta VALUES (?, ?)", [("a", text), ("b", text)])


def test_a_file_that_another_program_holds_is_no_damaged_one(tmp_path):
    first, other = connect(tmp_path / "l.sqlite"), connect(tmp_path / "l.sqlite")
    first.execute("CREATE TABLE t (x)")
    first.execute("BEGIN EXCLUSIVE")
    other.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(UsageError, match="in use by another program"):
        other.execute("BEGIN IMMEDIATE")
    first.close()
    other.close()


@pytest.mark.parametrize(("free", "told"), [(0, OSError), (10**9, DataError)])
def test_a_failed_write_is_a_full_disk_only_where_there_is_no_room(free, told, tmp_path, monkeypatch):
    monkeypatch.setattr(connection.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    error = explained(failed, tmp_path / "l.sqlite")
    assert isinstance(error, told)
    assert "--overwrite" not in str(error), "a disk is not mended by beginning anew"


def test_what_is_damaged_says_so_and_our_own_mistakes_stay(tmp_path):
    (tmp_path / "l.sqlite").write_bytes(b"no ledger at all" * 100)
    with pytest.raises(DataError, match="damaged or no ledger"):
        connect(tmp_path / "l.sqlite").execute("SELECT 1 FROM meta")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        connect(tmp_path / "other.sqlite").execute("SELECT 1 FROM meta")
