import sqlite3

import numpy as np
import pytest

from atlas.clean.measures import measure, unreadable
from atlas.errors import UsageError
from atlas.stages.measure_cache import MeasureCache, Measured, default_folder
from tests.dataset.pictures import picture


def measured(number):
    return Measured(f"{number:064x}", *measure(picture(number)))


def test_what_is_kept_comes_back_as_it_was(tmp_path):
    some = [measured(number) for number in range(3)] + [Measured("f" * 64, unreadable("cut"), None)]
    with MeasureCache(tmp_path) as cache:
        cache.keep(some)
    with MeasureCache(tmp_path) as cache:
        found = {one.sha256: one for one in cache.read(["0" * 64, "e" * 64, "f" * 64, f"{2:064x}"])}
        assert cache.known(["e" * 64, f"{1:064x}"]) == {f"{1:064x}"}
    assert set(found) == {"0" * 64, "f" * 64, f"{2:064x}"}
    for one in (some[0], some[2], some[3]):
        assert found[one.sha256].measures == one.measures
    assert np.array_equal(found["0" * 64].descriptor, some[0].descriptor)
    assert found["0" * 64].descriptor.dtype == some[0].descriptor.dtype
    assert found["f" * 64].descriptor is None


def test_pixel_hashes_of_all_64_bits_survive(tmp_path):
    one = measured(1)
    top = [one._replace(sha256=f"{place:064x}", measures=one.measures._replace(pixel_hash=value))
           for place, value in enumerate((0, 2**63 - 1, 2**63, 2**64 - 1))]  # fmt: skip
    with MeasureCache(tmp_path) as cache:
        cache.keep(top)
        found = {row.sha256: row.measures.pixel_hash for row in cache.read([row.sha256 for row in top])}
    assert list(found.values()) == [0, 2**63 - 1, 2**63, 2**64 - 1]


def test_other_measures_lie_in_another_file(tmp_path):
    with MeasureCache(tmp_path, "1/a") as first, MeasureCache(tmp_path, "2/a") as second:
        first.keep([measured(1)])
        assert second.known([f"{1:064x}"]) == set()
        assert first.file != second.file


def test_two_may_write_at_once(tmp_path):
    with MeasureCache(tmp_path) as one, MeasureCache(tmp_path) as other:
        one.keep([measured(1)])
        other.keep([measured(1), measured(2)])
        assert len(one.known([f"{1:064x}", f"{2:064x}"])) == 2


def test_a_damaged_file_is_told(tmp_path):
    with MeasureCache(tmp_path) as cache:
        file = cache.file
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(UsageError, match="delete it, or name another folder with --cache"):
        MeasureCache(tmp_path).known(["0" * 64])
    file.unlink()
    sqlite3.connect(file).execute("CREATE TABLE pictures (other TEXT)").connection.commit()
    with pytest.raises(UsageError, match="cannot be used"), MeasureCache(tmp_path) as cache:
        cache.known(["0" * 64])


def test_the_folder_follows_the_users_wish(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "atlas"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "atlas"
