import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path as FilePath

import pyarrow.parquet as pq
import pytest

from atlas.dataset import parts, reading, shards
from atlas.dataset.schema import open_dataset
from atlas.errors import DataError, NothingDoneError, UsageError
from atlas.stages.build import BuildOptions, build
from atlas.taxonomy.tree import format_path
from tests.clean.pictures import CHANGES, product
from tests.dataset.pictures import blank, folder_bytes, listings, picture, write_parquet


@pytest.fixture
def small(monkeypatch):
    """Parts, shards and row groups so small that a few rows fill several."""
    monkeypatch.setattr(reading, "PART_ROWS", 9)
    monkeypatch.setattr(shards, "SHARD_BYTES", 12_000)
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", 4_000)


@pytest.fixture
def table(tmp_path):
    return write_parquet(tmp_path / "shop" / "t.parquet", listings(60))


def rows(folder, columns=None):
    dataset = open_dataset(folder)
    return {split: dataset.table(split, columns).to_pylist() for split in dataset.splits}


def places(folder):
    """Which split each product is in; fails when one is in two."""
    where: dict[str, str] = {}
    for split, here in rows(folder, ["product_id"]).items():
        for row in here:
            assert where.setdefault(row["product_id"], split) == split
    return where


def test_products_stay_whole_and_the_split_is_as_asked(table, tmp_path):
    summary = build(table, tmp_path / "out", BuildOptions(splits="60/20/20"))
    assert summary.failed == 0
    assert len(places(tmp_path / "out")) == 30
    assert summary.record["rows"] == {"train": 36, "dev": 12, "test": 12}
    assert summary.record["products"] == {"train": 18, "dev": 6, "test": 6}
    assert {format_path(open_dataset(tmp_path / "out").taxonomy.paths[node]) for node in (2, 3, 5)} == {
        "Men > Shirts",
        "Men > Shoes",
        "Women > Sarees",
    }
    views = [row["view"] for here in rows(tmp_path / "out").values() for row in here]
    assert sorted(views) == [0] * 30 + [1] * 30


def test_the_order_of_rows_changes_neither_split_nor_training_order(tmp_path):
    listed = listings(60)
    mixed = random.Random(3).sample(listed, 60)
    for name, here in (("a", listed), ("b", mixed)):
        build(write_parquet(tmp_path / f"{name}.parquet", here), tmp_path / name)
    assert places(tmp_path / "a") == places(tmp_path / "b")
    titles = [[row["title"] for row in rows(tmp_path / name)["train"]] for name in "ab"]
    assert titles[0] == titles[1] != sorted(titles[0])
    build(tmp_path / "a.parquet", tmp_path / "c", BuildOptions(seed=1))
    assert places(tmp_path / "c") != places(tmp_path / "a")


def test_products_with_the_same_picture_stay_together_but_blank_ones_do_not(tmp_path):
    shared = {"bytes": picture(1000), "path": "same.png"}
    listed = [
        {**row, "product_id": str(number), "image": shared if number % 5 == 0 else row["image"]}
        for number, row in enumerate(listings(60))
    ]
    build(write_parquet(tmp_path / "t.parquet", listed), tmp_path / "out")
    everywhere = [row for here in rows(tmp_path / "out").values() for row in here]
    assert len({row["group"] for row in everywhere if int(row["product_id"]) % 5 == 0}) == 1
    assert len({row["group"] for row in everywhere}) == 49
    for number, row in enumerate(listed):
        row["image"] = {"bytes": blank(number), "path": None}
    summary = build(write_parquet(tmp_path / "blank.parquet", listed), tmp_path / "blank")
    assert summary.record["groups"] == {"count": 60, "largest": 1}


def photo(number, change="recompressed"):
    """A drawn product that somebody changed."""
    out = io.BytesIO()
    CHANGES[change](product(number)).save(out, "PNG")
    return {"bytes": out.getvalue(), "path": None}


def drawn(number):
    out = io.BytesIO()
    product(number).save(out, "PNG")
    return {"bytes": out.getvalue(), "path": None}


def test_changed_copies_of_one_picture_stay_together(tmp_path):
    listed = [{**row, "product_id": str(number), "image": drawn(number)} for number, row in enumerate(listings(40))]
    kinds = list(CHANGES)
    copies = [
        {**listed[number], "product_id": f"copy {number}", "image": photo(number, kinds[number % len(kinds)])}
        for number in range(24)
    ]
    summary = build(write_parquet(tmp_path / "t.parquet", listed + copies), tmp_path / "out")
    group = {row["product_id"]: row["group"] for here in rows(tmp_path / "out").values() for row in here}
    assert all(group[f"copy {number}"] == group[str(number)] for number in range(24))
    assert len(set(group.values())) == 40
    where = places(tmp_path / "out")
    assert all(where[f"copy {number}"] == where[str(number)] for number in range(24))
    assert summary.record["duplicates"] == {
        "groups": 24,
        "largest": 2,
        "conflicts": 0,
        "kept_apart": 0,
        "pictures": {"same file": 0, "same pixels": 0, "near": 48},
    }


def test_the_leak_of_a_given_split_is_marked_and_a_picture_under_two_paths_counted(tmp_path):
    listed = [{**row, "product_id": str(number), "image": drawn(number)} for number, row in enumerate(listings(30))]
    asked = [
        {"product_id": "same", "path": "Men > Shirts", "image": drawn(0)},
        {"product_id": "near", "path": "Men > Shirts", "image": photo(1)},
        {"product_id": "mirror", "path": "Women > Sarees", "image": photo(2, "flipped")},
        {"product_id": "new", "path": "Men > Shirts", "image": drawn(99)},
    ]
    write_parquet(tmp_path / "shop" / "a.parquet", listed)
    write_parquet(tmp_path / "shop" / "b.parquet", asked)
    summary = build(tmp_path / "shop", tmp_path / "out", BuildOptions(splits="train=a.parquet,test=b.parquet"))
    near = {row["product_id"]: row["near_train"] for row in rows(tmp_path / "out")["test"]}
    assert near == {"same": True, "near": True, "mirror": True, "new": False}
    assert summary.record["duplicates"]["conflicts"] == 1
    assert summary.record["duplicates"]["pictures"] == {"same file": 2, "same pixels": 0, "near": 4}


def test_a_store_that_is_held_out_is_the_test_and_shares_nothing_with_train(tmp_path):
    listed = [
        {**row, "product_id": str(number), "store": "abc"[number % 3], "image": drawn(number)}
        for number, row in enumerate(listings(45))
    ]
    listed[3] |= {"image": photo(2)}  # of store a, shows what store c's 2 does ..
    listed[4] |= {"product_id": "3", "store": "a"}  # .. and is one product with this
    source = write_parquet(tmp_path / "t.parquet", listed)
    summary = build(source, tmp_path / "out", BuildOptions(hold_out_store=("c",)))
    found = rows(tmp_path / "out")
    assert {row["store"] for row in found["test"]} == {"c"}
    assert len(found["test"]) == 15
    assert {row["store"] for split in ("train", "dev") for row in found[split]} == {"a", "b"}
    assert not any(row["near_train"] for row in found["test"])
    assert summary.record["rejected"] == {"twin of a held-out picture": 2}
    assert summary.failed == 0
    told = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert {(line["product_id"], line["detail"]) for line in told} == {("3", "a held-out store shows it too")}
    assert summary.record["options"]["hold_out_store"] == ["c"]


@pytest.mark.parametrize(
    ("stores", "splits", "match"),
    [
        (("x",), None, "no row is of that store; the stores are a, b"),
        (("a", "b"), None, "no other store"),
        (("a",), "train=t.parquet", "leave out the source's own splits"),
    ],
)
def test_wrong_stores_to_hold_out_are_refused_and_leave_nothing(tmp_path, stores, splits, match):
    listed = [{**row, "store": "ab"[number // 2 % 2]} for number, row in enumerate(listings(12))]
    source = write_parquet(tmp_path / "shop" / "t.parquet", listed).parent
    with pytest.raises(UsageError, match=match):
        build(source, tmp_path / "out", BuildOptions(hold_out_store=stores, splits=splits))
    assert not list(tmp_path.glob("out*"))


def test_a_size_chart_of_a_held_out_store_leaves_products_of_others_and_goes_itself(tmp_path):
    chart = {"bytes": picture(900), "path": None}
    listed = [{**row, "store": "ab"[number // 2 % 2]} for number, row in enumerate(listings(40))]
    listed += [{**row, "image": chart} for row in listed[::2]]
    source = write_parquet(tmp_path / "t.parquet", listed)
    summary = build(source, tmp_path / "out", BuildOptions(hold_out_store=("b",)))
    assert summary.record["rejected"] == {"twin of a held-out picture": sum(row["store"] == "a" for row in listed[40:])}
    assert not any(row["near_train"] for row in rows(tmp_path / "out")["test"])


def test_a_held_out_store_without_a_good_row_is_no_random_split(tmp_path):
    listed = [{**row, "store": "a"} for row in listings(12)]
    listed[0] |= {"store": "b", "image": {"bytes": b"no picture", "path": None}}
    source = write_parquet(tmp_path / "t.parquet", listed)
    with pytest.raises(UsageError, match="'b': no good row"):
        build(source, tmp_path / "out", BuildOptions(hold_out_store=("b",)))
    assert not list(tmp_path.glob("out*"))


def test_the_sources_own_split_keeps_its_parts_and_cuts_dev_from_train(tmp_path):
    train, test = listings(100), listings(12)
    for number, row in enumerate(test):
        row["product_id"] = f"t{number}"
    test[3]["image"] = {"bytes": picture(500), "path": None}  # new: not near train
    test[4]["path"] = "Home > Lamps"
    write_parquet(tmp_path / "shop" / "a.parquet", train)
    write_parquet(tmp_path / "shop" / "b.parquet", test)
    write_parquet(tmp_path / "shop" / "spare.parquet", test)
    summary = build(tmp_path / "shop", tmp_path / "out", BuildOptions(splits="train=a.parquet,validation=b.parquet"))
    assert list(summary.record["rows"]) == ["train", "dev", "validation"]
    assert summary.record["rows"]["validation"] == 12
    assert 8 <= summary.record["rows"]["dev"] <= 12
    assert summary.record["rows"]["train"] + summary.record["rows"]["dev"] == 100
    assert summary.record["source"]["unread"] == ["spare.parquet"]
    assert summary.record["unknown_paths"] == {"validation": 1}
    found = rows(tmp_path / "out")
    in_train = {row["title"] for row in found["train"]}
    for row in found["validation"]:
        assert row["near_train"] == (row["title"] in in_train and row["title"] != "thing 3")
    assert not any(row["near_train"] for row in found["train"] + found["dev"])
    assert [row["title"] for row in found["validation"]] == [row["title"] for row in test]
    assert ["Home", "Lamps"] in [row["path"] for row in found["validation"]]
    assert ("Home",) not in open_dataset(tmp_path / "out").taxonomy


def test_a_split_column_is_followed_when_it_is_named(tmp_path):
    listed = [
        {**row, "part": ["train", "train", "val", "x"][number // 2 % 4]} for number, row in enumerate(listings(80))
    ]
    source = write_parquet(tmp_path / "t.parquet", listed)
    own = build(source, tmp_path / "own", BuildOptions(columns=("split=part",)))
    assert {name: own.record["rows"][name] for name in ("val", "x")} == {"val": 20, "x": 20}
    some = build(source, tmp_path / "some", BuildOptions(columns=("split=part",), splits="train=train,test=val"))
    assert list(some.record["rows"]) == ["train", "dev", "test"]
    assert some.record["left_out"] == {"splits": 20}
    cut = build(source, tmp_path / "cut", BuildOptions(columns=("split=part",), splits="64/6/30"))
    assert sum(cut.record["rows"].values()) == 80


def test_the_sources_own_dev_is_kept(tmp_path):
    listed = [{**row, "part": "dev" if number % 8 < 2 else "train"} for number, row in enumerate(listings(80))]
    summary = build(
        write_parquet(tmp_path / "t.parquet", listed), tmp_path / "out", BuildOptions(columns=("split=part",))
    )
    assert summary.record["rows"] == {"train": 60, "dev": 20}


def test_a_folder_tree_is_a_data_set(tmp_path):
    for number in range(40):
        file = tmp_path / "tree" / ("Men/Shirts", "Women/Röcke")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(number))
    (tmp_path / "tree" / "Men" / "Shirts" / "broken.jpg").write_bytes(b"no")
    (tmp_path / "tree" / "loose.png").write_bytes(picture(99))
    summary = build(tmp_path / "tree", tmp_path / "out")
    assert sum(summary.record["rows"].values()) == 40
    assert summary.record["rejected"] == {"unreadable picture": 1, "empty path": 1}
    some = rows(tmp_path / "out")["test"][0]
    assert some["product_id"].startswith(format_path(some["path"]).replace(" > ", "/"))


def test_one_bad_row_of_each_kind_stops_nothing_and_is_listed(tmp_path):
    shop = tmp_path / "shop"
    shop.mkdir()
    for number in range(12):
        (shop / f"{number}.png").write_bytes(picture(number))
    (shop / "cut.png").write_bytes(picture(1)[:100])
    bad = [
        ["b1", "Men > Shirts", "https://shop.example/1.jpg"],
        ["b2", "Men > Shirts", "cut.png"],
        ["b3", "", "1.png"],
        ["b4", "Men > > Shirts", "1.png"],
        ["b5", "Men > Shirts", "gone.png"],
        ["b6", "Men > Shirts", "1.png", "one cell too many"],
    ]
    with (shop / "t.csv").open("w", newline="", encoding="utf-8") as file:
        good = [[f"p{number}", "Männer > Hemden", f"{number}.png"] for number in range(12)]
        csv.writer(file).writerows([["product_id", "path", "image"], *good[:5], *bad, *good[5:]])
    summary = build(shop, tmp_path / "out")
    listed = [
        json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(entry["place"], entry["reason"]) for entry in listed] == [
        ("t.csv:6", "url instead of a picture"),
        ("t.csv:7", "unreadable picture"),
        ("t.csv:8", "empty path"),
        ("t.csv:9", "empty level"),
        ("t.csv:10", "missing file"),
        ("t.csv:11", "broken row"),
    ]
    assert [entry["product_id"] for entry in listed] == ["b1", "b2", "b3", "b4", "b5", "t.csv:11"]
    assert summary.failed == 6
    assert summary.record["rejected"] == {entry["reason"]: 1 for entry in listed}
    assert json.loads((tmp_path / "out" / "build.json").read_text())["rejected"] == summary.record["rejected"]
    assert sum(summary.record["rows"].values()) == 12


def test_a_given_tree_folds_and_rejects(tmp_path):
    kinds = ("Men > Shirts > Polo", "Men > Ties", "Home > Lamps")
    source = write_parquet(tmp_path / "t.parquet", listings(60, kinds))
    (tmp_path / "tree.txt").write_text("Men > Shirts\nMen > Shoes\nWomen\n")
    summary = build(source, tmp_path / "out", BuildOptions(taxonomy=str(tmp_path / "tree.txt")))
    assert {tuple(row["path"]) for here in rows(tmp_path / "out").values() for row in here} == {
        ("Men", "Shirts"),
        ("Men",),
    }
    assert summary.record["rejected"] == {"outside the tree": 20}
    assert sum(summary.record["known_no_deeper"].values()) == 20
    assert (tmp_path / "out" / "taxonomy.txt").read_text() == "Men > Shirts\nMen > Shoes\nWomen\n"
    listed = json.loads((tmp_path / "out" / "rejected.jsonl").read_text().splitlines()[0])
    assert listed["detail"] == "Home > Lamps shares no level with it"


@pytest.mark.parametrize("rare", ["fold", "drop"])
def test_rare_paths_fold_or_go(tmp_path, rare):
    listed = listings(60, ("Men > Shirts", "Men > Shoes"))
    listed[0]["path"] = listed[1]["path"] = "Men > Ties"
    source = write_parquet(tmp_path / "t.parquet", listed)
    summary = build(source, tmp_path / "out", BuildOptions(min_support=3, rare=rare))
    tree = open_dataset(tmp_path / "out").taxonomy
    answers = {tree.paths[node] for node in tree.answers}
    if rare == "fold":
        assert answers == {("Men",), ("Men", "Shirts"), ("Men", "Shoes")}
        assert summary.record["rejected"] == {}
    else:
        assert answers == {("Men", "Shirts"), ("Men", "Shoes")}
        assert summary.record["rejected"] == {"rare path": 2}
    assert summary.failed == 0  # it was wished for


def test_where_keeps_matching_rows(tmp_path):
    listed = [
        {**row, "gender": ["Men", "Women", None][number // 2 % 3], "year": 2012.0}
        for number, row in enumerate(listings(60))
    ]
    source = write_parquet(tmp_path / "t.parquet", listed)
    summary = build(source, tmp_path / "out", BuildOptions(where=("gender=Men", "gender=Women", "year=2012")))
    assert sum(summary.record["rows"].values()) == 40
    assert summary.record["left_out"] == {"where": 20}
    with pytest.raises(UsageError, match="no column 'sex'"):
        build(source, tmp_path / "no", BuildOptions(where=("sex=Men",)))
    with pytest.raises(NothingDoneError, match="60 left out by --where"):
        build(source, tmp_path / "no", BuildOptions(where=("gender=x",)))
    assert not list(tmp_path.glob("no*"))


def test_a_dry_run_says_the_same_and_writes_nothing(table, tmp_path):
    before = folder_bytes(tmp_path)
    dry = build(table, tmp_path / "out", dry_run=True)
    assert folder_bytes(tmp_path) == before
    real = build(table, tmp_path / "out")
    assert dry.record == real.record


def test_an_output_is_never_lost_silently(table, tmp_path):
    build(table, tmp_path / "out")
    with pytest.raises(UsageError, match="exists already"):
        build(table, tmp_path / "out")
    with pytest.raises(UsageError, match="nothing to resume"):
        build(table, tmp_path / "out", resume=True)
    build(table, tmp_path / "out", BuildOptions(seed=4), overwrite=True)
    assert json.loads((tmp_path / "out" / "build.json").read_text())["options"]["seed"] == 4
    for output in (table.parent, table.parent / "inside"):
        with pytest.raises(UsageError, match="lie in one another"):
            build(table.parent, output, overwrite=True)


def test_a_data_set_can_be_built_again_from_itself(table, tmp_path):
    build(table, tmp_path / "a")
    again = build(tmp_path / "a", tmp_path / "b")
    assert sum(again.record["rows"].values()) == 60
    assert places(tmp_path / "a") == places(tmp_path / "b")


class Killed(BaseException):
    """Stands for a death at one moment; nothing catches it."""


def test_a_death_at_any_write_costs_nothing_after_resume(tmp_path, small, monkeypatch):
    table = write_parquet(tmp_path / "t.parquet", listings(24))
    build(table, tmp_path / "whole")
    expected = folder_bytes(tmp_path / "whole")
    real = FilePath.replace
    for moment in range(40):
        countdown = iter(range(moment, -1, -1))

        def replace(self, target, countdown=countdown):
            if next(countdown, -1) == 0:
                raise Killed
            return real(self, target)

        monkeypatch.setattr(FilePath, "replace", replace)
        try:
            build(table, tmp_path / "out")
        except Killed:
            monkeypatch.setattr(FilePath, "replace", real)
            build(table, tmp_path / "out", resume=True)
        else:
            break
        assert folder_bytes(tmp_path / "out") == expected
        assert not (tmp_path / "out.part").exists()
        shutil.rmtree(tmp_path / "out")
    assert 10 < moment < 39  # every write has been the last one once


CHILD = """
import sys
from pathlib import Path
from atlas.dataset import reading, shards
from atlas.stages.build import build
reading.PART_ROWS, shards.SHARD_BYTES, shards.ROW_GROUP_BYTES = 20, 40_000, 10_000
print("ready", flush=True)
build(Path(sys.argv[1]), Path(sys.argv[2]), resume="--resume" in sys.argv)
"""


def start_child(source, output, *flags):
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(source), str(output), *flags], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout as ready:
        ready.readline()
    return child


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_a_child_killed_at_random_moments_ends_with_the_same_bytes(tmp_path, kills):
    listed = listings(600)
    listed[7]["image"] = {"bytes": b"no picture", "path": None}
    source = write_parquet(tmp_path / "t.parquet", listed)
    child = start_child(source, tmp_path / "whole")
    began = time.monotonic()
    assert child.wait() == 0
    took_s = time.monotonic() - began
    expected = folder_bytes(tmp_path / "whole")
    dice = random.Random(kills)
    done = 0
    while done < kills:
        flags = ["--resume"] if (tmp_path / "out.part").exists() else []
        child = start_child(source, tmp_path / "out", *flags)
        time.sleep(dice.uniform(0, 0.7 * took_s))
        child.send_signal(signal.SIGKILL)
        done += child.wait() == -signal.SIGKILL
        if (tmp_path / "out").exists():
            assert folder_bytes(tmp_path / "out") == expected
            shutil.rmtree(tmp_path / "out")
            shutil.rmtree(tmp_path / "out.part", ignore_errors=True)
    if (tmp_path / "out.part").exists():
        assert start_child(source, tmp_path / "out", "--resume").wait() == 0
        assert folder_bytes(tmp_path / "out") == expected


def test_an_interrupt_leaves_work_that_can_be_taken_up(tmp_path):
    source = write_parquet(tmp_path / "t.parquet", listings(200))
    child = start_child(source, tmp_path / "out")
    while not list((tmp_path / "out.part").glob("parts/*.arrow")) and child.poll() is None:
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    assert child.wait() != 0
    build(source, tmp_path / "whole")
    assert start_child(source, tmp_path / "out", "--resume").wait() == 0
    assert places(tmp_path / "out") == places(tmp_path / "whole")


def test_resume_goes_on_only_with_the_same_source_and_options(table, tmp_path, small, monkeypatch):
    def die(*args):
        raise Killed

    monkeypatch.setattr("atlas.stages.build.decide", die)
    with pytest.raises(Killed):
        build(table, tmp_path / "out")
    monkeypatch.undo()
    with pytest.raises(UsageError, match="holds unfinished work: use --resume"):
        build(table, tmp_path / "out")
    with pytest.raises(UsageError, match=r"begun with another seed \(0 then, 1 now\)"):
        build(table, tmp_path / "out", BuildOptions(seed=1), resume=True)
    moved = table.stat().st_mtime_ns + 10**9
    os.utime(table, ns=(moved, moved))
    with pytest.raises(UsageError, match="begun with another source"):
        build(table, tmp_path / "out", resume=True)
    build(table, tmp_path / "out", overwrite=True)


def test_a_damaged_part_is_told(table, tmp_path, small, monkeypatch):
    def die(*args):
        raise Killed

    monkeypatch.setattr("atlas.stages.build.decide", die)
    with pytest.raises(Killed):
        build(table, tmp_path / "out")
    part = tmp_path / "out.part" / "parts" / "000001.arrow"
    part.write_bytes(part.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"000001\.arrow is damaged.*--overwrite"):
        build(table, tmp_path / "out", resume=True)


def test_parts_and_shards_of_any_size_hold_the_same_rows(table, tmp_path, monkeypatch):
    build(table, tmp_path / "one")
    monkeypatch.setattr(reading, "PART_BYTES", 1)
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    build(table, tmp_path / "many")
    assert rows(tmp_path / "one") == rows(tmp_path / "many")
    assert len(list((tmp_path / "many" / "data").iterdir())) == 60


def test_memory_by_row_is_what_the_docs_say():
    import tracemalloc

    import numpy as np

    from atlas.dataset.decisions import Wishes, decide
    from atlas.dataset.split import Twins, parse_splits

    count = 100_000
    dice = np.random.default_rng(0)
    tracemalloc.start()
    keys = parts.Keys(
        np.ones(count, bool),
        dice.integers(0, count // 2, count).astype(np.uint64),
        dice.integers(1, 2**63, count).astype(np.uint64),
        dice.integers(0, 4 * count, count).astype(np.uint64),
        dice.integers(0, 50, count).astype(np.int32),
        np.full(count, -1, np.int32),
        np.full(count, -1, np.int16),
        np.full(count, -1, np.int32),
        np.full(count, 9000, np.int64),
        [("A", str(kind)) for kind in range(50)],
        [],
        [],
    )
    twins = Twins(keys.pixels, np.arange(0, 1000), np.arange(1000, 2000))
    decide(keys, twins, Wishes(parse_splits("64/6/30"), None, 0, "fold", 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / count < 160


def test_nothing_good_is_an_error_with_the_reasons(tmp_path):
    listed = [
        {"path": "Men", "image": {"bytes": b"no", "path": None}},
        {"path": "", "image": {"bytes": b"no", "path": None}},
    ]
    with pytest.raises(NothingDoneError, match="2 rows read: 1 unreadable picture, 1 empty path") as error:
        build(write_parquet(tmp_path / "t.parquet", listed), tmp_path / "out")
    assert error.value.exit_code == 3
    assert not list(tmp_path.glob("out*"))


def test_the_readme_lists_the_splits_for_the_hub(table, tmp_path):
    build(table, tmp_path / "out")
    head = (tmp_path / "out" / "README.md").read_text().split("---")[1]
    for split in open_dataset(tmp_path / "out").splits:
        assert f"- split: {split}\n    path: data/{split}-*.parquet" in head


def test_a_damaged_row_group_costs_its_rows(tmp_path):
    source = write_parquet(tmp_path / "t.parquet", listings(40))
    rows = [pq.read_metadata(source).row_group(group).num_rows for group in range(4)]
    data = bytearray(source.read_bytes())
    group = pq.read_metadata(source).row_group(3).column(3)
    data[group.data_page_offset : group.data_page_offset + 200] = bytes(200)
    source.write_bytes(bytes(data))
    summary = build(source, tmp_path / "out")
    assert summary.record["rejected"] == {"broken row": rows[3]}
    assert sum(summary.record["rows"].values()) == 40 - rows[3]
    first = json.loads((tmp_path / "out" / "rejected.jsonl").read_text().splitlines()[0])
    assert first["place"] == f"t.parquet:{sum(rows[:3]) + 1}"
    assert first["detail"].startswith("damaged row group 3")
