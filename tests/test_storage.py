import json
from pathlib import Path

import pytest

from atlas.errors import DataError, UsageError
from atlas.storage import (
    atomic_file,
    claim_output,
    part_of,
    publish_folder,
    read_json,
    sha256_file,
    write_json,
    write_text,
)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    with pytest.raises(RuntimeError), atomic_file(target) as part:
        part.write_text("half")
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with atomic_file(target) as part:
        part.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_an_old_file_survives_a_failed_new_one(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_file(target) as part:
        part.write_text("new")
        raise RuntimeError
    assert target.read_text() == "old"


def test_text_has_unix_line_ends_and_utf8(tmp_path):
    write_text(tmp_path / "a", "ä\nb\n")
    assert (tmp_path / "a").read_bytes() == "ä\nb\n".encode()


def test_json_comes_back_with_its_order(tmp_path):
    value = {"b": [1, 2.5, None], "a": "ä"}
    write_json(tmp_path / "a.json", value)
    assert list(read_json(tmp_path / "a.json").items()) == list(value.items())
    assert "ä" in (tmp_path / "a.json").read_text("utf-8")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"NaN nonsense"])
def test_what_is_not_json_says_so(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json is not JSON"):
        read_json(tmp_path / "a.json")


def test_a_missing_file_and_a_folder_are_no_json(tmp_path):
    with pytest.raises(DataError, match="is missing"):
        read_json(tmp_path / "none.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_json(tmp_path)


def claim_and_fill(target, text, **flags):
    part = claim_output(target, **flags)
    (part / "file").write_text(text)
    return part


def test_a_folder_is_built_aside_and_published(tmp_path):
    target = tmp_path / "model"
    part = claim_and_fill(target, "one")
    assert part == part_of(target) == tmp_path / "model.part"
    assert not target.exists()
    publish_folder(part, target)
    assert (target / "file").read_text() == "one"
    assert list(tmp_path.iterdir()) == [target]


def test_finished_output_is_never_lost_silently(tmp_path):
    target = tmp_path / "model"
    publish_folder(claim_and_fill(target, "one"), target)
    with pytest.raises(UsageError, match="--overwrite"):
        claim_output(target)
    with pytest.raises(UsageError, match="nothing to resume"):
        claim_output(target, resume=True)
    part = claim_and_fill(target, "two", overwrite=True)
    assert (target / "file").read_text() == "one"
    publish_folder(part, target)
    assert (target / "file").read_text() == "two"
    assert list(tmp_path.iterdir()) == [target]


def test_unfinished_work_is_resumed_or_replaced_on_demand_only(tmp_path):
    target = tmp_path / "model"
    claim_and_fill(target, "half")
    with pytest.raises(UsageError, match="unfinished"):
        claim_output(target)
    assert (claim_output(target, resume=True) / "file").read_text() == "half"
    assert list(claim_output(target, overwrite=True).iterdir()) == []


def test_a_call_that_was_refused_before_its_work_leaves_nothing_to_decide(tmp_path):
    assert claim_output(tmp_path / "model") == claim_output(tmp_path / "model")


def test_resuming_what_is_to_replace_an_older_output_is_explained(tmp_path):
    target = tmp_path / "model"
    publish_folder(claim_and_fill(target, "one"), target)
    claim_and_fill(target, "half", overwrite=True)
    with pytest.raises(UsageError, match=r"--resume with --overwrite goes on with .*model\.part"):
        claim_output(target, resume=True)
    assert (claim_output(target, resume=True, overwrite=True) / "file").read_text() == "half"


def test_a_kill_between_the_two_renames_blocks_nothing(tmp_path):
    target = tmp_path / "model"
    (tmp_path / ".model.old").mkdir()
    (tmp_path / ".model.old" / "left over").write_text("")
    publish_folder(claim_and_fill(target, "one"), target)
    publish_folder(claim_and_fill(target, "two", overwrite=True), target)
    assert list(tmp_path.iterdir()) == [target]


def test_files_and_links_in_the_way_are_replaced(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("")
    for name in ("file", "link"):
        target = tmp_path / name
        if name == "file":
            target.write_text("old")
            part_of(target).write_text("old")
        else:
            target.symlink_to(elsewhere)
        publish_folder(claim_and_fill(target, "new", overwrite=True), target)
        assert not target.is_symlink()
        assert (target / "file").read_text() == "new"
    assert (elsewhere / "precious").exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere", "file", "link"]


@pytest.mark.parametrize("place", [".", "..", "/", "~"])
def test_the_ground_one_stands_on_is_never_replaced(tmp_path, monkeypatch, place):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    with pytest.raises(UsageError, match="not a place for output"):
        claim_output(Path(place).expanduser(), overwrite=True)


@pytest.mark.parametrize("read", ["data", "data/sub", "data/sub/file"])
def test_what_is_read_is_never_replaced(tmp_path, read):
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "sub" / "file").write_text("precious")
    with pytest.raises(UsageError, match="which is to be read"):
        claim_output(tmp_path / "data", overwrite=True, inputs=(None, tmp_path / read))
    assert (tmp_path / "data" / "sub" / "file").exists()
    assert claim_output(tmp_path / "report", overwrite=True, inputs=(tmp_path / read,)).is_dir()


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        write_text(tmp_path, "text")


def test_sha256_of_nothing_is_the_known_one(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert sha256_file(tmp_path / "empty").startswith("e3b0c44298fc1c149afbf4c8996fb924")


def test_json_is_readable_by_anybody(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"x": 1}
