"""Data sets from crawls, with mappings; from the paper's records; of links, and back."""

import csv
import hashlib
import json

import pytest

from atlas.dataset.schema import open_dataset
from atlas.errors import DataError, NothingDoneError, TaxonomyError, UsageError
from atlas.stages.build import BuildOptions, build
from atlas.stages.inputs import dataset_source
from tests.dataset.crawls import listing, write_crawl
from tests.dataset.pictures import folder_bytes, picture, write_parquet

HEAD = "store,store_path,path,status\n"


@pytest.fixture
def crawl(tmp_path):
    """Two stores; two views of each acme product."""
    acme = ["Men > Denim", "Ladies > Frocks", "Gifts > Cards"]
    bolt = ["Herren > Jeans", "Damen > Kleider"]
    listed = [listing("acme", n, acme[n % 3], [picture(n), picture(100 + n)]) for n in range(24)]
    return write_crawl(tmp_path / "crawl", listed + [listing("bolt", 200 + n, bolt[n % 2]) for n in range(16)])


@pytest.fixture
def mapping(tmp_path):
    file = tmp_path / "map.csv"
    file.write_text(
        HEAD + "acme,Men,Men > Jeans,confirmed\nacme,Ladies > Frocks,Women > Dresses,suggested\n"
        "bolt,Herren > Jeans,Men > Jeans,confirmed\nbolt,Damen,Women > Dresses,confirmed\n"
    )
    return file


def rows(folder):
    dataset = open_dataset(folder)
    return [row for split in dataset.splits for row in dataset.table(split).to_pylist()]


def rejected(folder):
    return [json.loads(line) for line in (folder / "rejected.jsonl").read_text(encoding="utf-8").splitlines()]


def paths(folder):
    return {(row["store"], " > ".join(row["breadcrumb"]), " > ".join(row["path"])) for row in rows(folder)}


# -- crawls ------------------------------------------------------------------------------------------------------------


def test_a_crawl_gives_one_row_for_each_picture(crawl, tmp_path):
    summary = build(crawl, tmp_path / "out", BuildOptions(columns=("path=breadcrumb",)))
    assert summary.failed == 0
    found = rows(tmp_path / "out")
    assert len(found) == 64
    assert sum(summary.record["products"].values()) == 40
    (first, second) = sorted((row for row in found if row["product_id"] == "acme-1"), key=lambda row: row["view"])
    assert (first["view"], second["view"]) == (0, 1)
    assert (first["store"], first["url"]) == ("acme", "https://acme.test/p/1")
    assert (first["title"], first["price"], first["currency"]) == ("Frocks no. 1", 11.0, "EUR")
    assert first["breadcrumb"] == first["path"] == ["Ladies", "Frocks"]
    assert first["sha256"] == hashlib.sha256(picture(1)).hexdigest()
    images = open_dataset(tmp_path / "out").table("train", ["image"])["image"].to_pylist()
    assert all(image["bytes"] and image["path"].startswith("https://") for image in images)


def test_a_folder_of_crawls_is_one_source_whose_crawls_can_be_parts(tmp_path):
    for name, first in (("acme", 0), ("bolt", 50)):
        write_crawl(tmp_path / "all" / name, [listing(name, first + n, "Men > Jeans") for n in range(10)])
    options = BuildOptions(columns=("path=breadcrumb",), splits="train=acme,test=bolt")
    summary = build(tmp_path / "all", tmp_path / "out", options)
    assert {name: summary.record["rows"][name] for name in ("train", "dev", "test")} == {
        "train": 9,
        "dev": 1,
        "test": 10,
    }


def test_what_went_wrong_in_the_crawl_costs_its_row(tmp_path):
    listed = [listing("acme", n, "Men > Jeans") for n in range(12)]
    listed[1]["images"] = ["404 Not Found"]
    listed[2]["images"] = []
    crawl = write_crawl(tmp_path / "crawl", listed)
    text = (crawl / "listings.jsonl").read_text()
    lines = {int(line["product_id"][5:]): line for line in map(json.loads, text.splitlines())}
    (crawl / lines[3]["images"][0]["file"]).write_bytes(picture(999))  # not what the crawl noted
    (crawl / lines[4]["images"][0]["file"]).unlink()
    lines[5]["images"][0]["file"] = "../map.csv"
    lines[6]["images"][0] |= {"file": None, "sha256": None}
    lines[7] = {"no": "listing"}
    (crawl / "listings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines.values()) + "{cut")
    summary = build(crawl, tmp_path / "out", BuildOptions(columns=("path=breadcrumb",)))
    assert summary.record["rejected"] == {
        "picture not fetched": 4,
        "broken row": 2,
        "picture changed": 1,
        "missing file": 1,
    }
    reasons = {entry["place"].split(":", 1)[1]: entry["detail"] for entry in rejected(tmp_path / "out")}
    assert len(rows(tmp_path / "out")) == 5
    assert any(detail.endswith(": 404 Not Found") for detail in reasons.values())
    assert "the page names no picture" in reasons.values()
    assert any(detail.endswith("../map.csv is no file of the crawl") for detail in reasons.values())


def test_a_crawl_without_labels_says_what_to_do(crawl, tmp_path):
    with pytest.raises(NothingDoneError, match=r"64 empty path\); listings need --mapping FILE, or --columns path="):
        build(crawl, tmp_path / "out")


# -- mappings ----------------------------------------------------------------------------------------------------------


def test_confirmed_rows_label_and_what_stays_unmapped_is_counted(crawl, mapping, tmp_path):
    summary = build(crawl, tmp_path / "out", BuildOptions(mapping=mapping))
    assert paths(tmp_path / "out") == {
        ("acme", "Men > Denim", "Men > Jeans"),
        ("bolt", "Herren > Jeans", "Men > Jeans"),
        ("bolt", "Damen > Kleider", "Women > Dresses"),
    }
    assert summary.record["rejected"] == {"store path not mapped": 32}
    assert summary.failed == 32
    told = summary.record["mapping"]
    assert (told["confirmed"], told["suggested"], told["rejected"]) == (3, 1, 0)
    assert told["unmapped"] == [
        {"store": "acme", "store_path": "Gifts > Cards", "rows": 16},
        {"store": "acme", "store_path": "Ladies > Frocks", "rows": 16},
    ]
    assert rejected(tmp_path / "out")[0]["detail"] == "Ladies > Frocks of acme"
    kept = open_dataset(tmp_path / "out").mapping
    assert kept is not None
    assert kept.path_of("bolt", ("Damen",)) == ("Women", "Dresses")
    assert build(crawl, tmp_path / "dry", BuildOptions(mapping=mapping), dry_run=True).record == summary.record


def test_suggested_rows_count_when_asked_for(crawl, mapping, tmp_path):
    summary = build(crawl, tmp_path / "out", BuildOptions(mapping=mapping, use_suggested=True))
    assert ("acme", "Ladies > Frocks", "Women > Dresses") in paths(tmp_path / "out")
    assert summary.record["rejected"] == {"store path not mapped": 16}
    with pytest.raises(UsageError, match="--use-suggested says how to read a mapping"):
        build(crawl, tmp_path / "no", BuildOptions(use_suggested=True))


def test_a_mapping_that_nobody_confirmed_says_so(crawl, tmp_path):
    file = tmp_path / "map.csv"
    file.write_text(HEAD + "acme,Men,Men > Jeans,suggested\n")
    with pytest.raises(
        NothingDoneError, match=r"no row of the mapping is confirmed \(1 suggested\): .*--use-suggested"
    ):
        build(crawl, tmp_path / "out", BuildOptions(mapping=file))


def test_a_start_urls_path_counts_where_the_mapping_has_no_row(tmp_path, mapping):
    listed = [listing("acme", n, "Men > Denim", path=["Men", "Trousers"]) for n in range(6)]
    listed += [listing("acme", 10 + n, "Gifts", path=["Men", "Trousers"]) for n in range(6)]
    listed += [listing("acme", 20 + n, "", path=["Men", "Trousers"]) for n in range(6)]
    listed += [listing("acme", 30 + n, "") for n in range(2)]
    summary = build(write_crawl(tmp_path / "c", listed), tmp_path / "out", BuildOptions(mapping=mapping))
    labels = {(" > ".join(row["breadcrumb"] or ()), row["path"][-1]) for row in rows(tmp_path / "out")}
    assert labels == {("Men > Denim", "Jeans"), ("Gifts", "Trousers"), ("", "Trousers")}
    assert summary.record["mapping"]["unmapped"] == [{"store": "acme", "store_path": "", "rows": 2}]


def test_store_paths_that_were_rejected_go_without_harm(crawl, mapping, tmp_path):
    mapping.write_text(mapping.read_text() + "acme,Gifts,,rejected\nacme,Ladies,Women > Dresses,rejected\n")
    summary = build(crawl, tmp_path / "out", BuildOptions(mapping=mapping))
    assert summary.record["rejected"] == {"store path rejected": 32}
    assert summary.failed == 0
    assert summary.record["mapping"]["unmapped"] == []


def test_a_mapping_must_fit_the_tree_and_the_source(crawl, mapping, tmp_path):
    (tmp_path / "tree.txt").write_text("Men > Jeans\n")
    with pytest.raises(TaxonomyError, match=r"map\.csv, line 3: 'Women > Dresses' is not in the tree"):
        build(crawl, tmp_path / "out", BuildOptions(mapping=mapping, taxonomy=str(tmp_path / "tree.txt")))
    table = write_parquet(tmp_path / "t.parquet", [{"path": "X", "image": {"bytes": picture(1), "path": None}}])
    with pytest.raises(UsageError, match="no column 'breadcrumb' for breadcrumb"):
        build(table, tmp_path / "out", BuildOptions(mapping=mapping))
    assert not (tmp_path / "out").exists()


def test_a_table_with_breadcrumbs_is_mapped_too(tmp_path, mapping):
    mapping.write_text(HEAD + "*,Men,Men > Jeans,confirmed\n")
    (tmp_path / "shop").mkdir()
    with (tmp_path / "shop" / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["trail", "image"])
        for number in range(8):
            (tmp_path / "shop" / f"{number}.png").write_bytes(picture(number))
            writer.writerow(["Men > Denim", f"{number}.png"])
    build(tmp_path / "shop", tmp_path / "out", BuildOptions(mapping=mapping, columns=("breadcrumb=trail",)))
    assert {tuple(row["path"]) for row in rows(tmp_path / "out")} == {("Men", "Jeans")}


def test_a_data_set_notices_a_mapping_that_was_changed(crawl, mapping, tmp_path):
    build(crawl, tmp_path / "out", BuildOptions(mapping=mapping))
    kept = tmp_path / "out" / "mapping.csv"
    kept.write_text(kept.read_text() + "acme,Gifts,Gifts,confirmed\n")
    with pytest.raises(DataError, match=r"mapping\.csv was changed"):
        open_dataset(tmp_path / "out")
    kept.unlink()
    with pytest.raises(DataError, match=r"mapping\.csv does not exist"):
        open_dataset(tmp_path / "out")


def test_resume_asks_for_the_same_mapping(crawl, mapping, tmp_path, monkeypatch):
    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("atlas.stages.build.decide", die)
        with pytest.raises(KeyboardInterrupt):
            build(crawl, tmp_path / "out", BuildOptions(mapping=mapping))
    other = tmp_path / "other.csv"
    other.write_text(mapping.read_text().replace("suggested", "confirmed"))
    with pytest.raises(UsageError, match="begun with another mapping"):
        build(crawl, tmp_path / "out", BuildOptions(mapping=other), resume=True)
    build(crawl, tmp_path / "out", BuildOptions(mapping=mapping), resume=True)
    build(crawl, tmp_path / "whole", BuildOptions(mapping=mapping))
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "whole")


def test_a_data_set_with_a_mapping_can_be_built_again_from_itself(crawl, mapping, tmp_path):
    build(crawl, tmp_path / "a", BuildOptions(mapping=mapping))
    again = build(tmp_path / "a", tmp_path / "b", BuildOptions(mapping=mapping))
    assert paths(tmp_path / "b") == paths(tmp_path / "a")
    assert again.failed == 0
    assert sum(build(tmp_path / "a", tmp_path / "c").record["rows"].values()) == len(rows(tmp_path / "a"))


# -- the paper's records -----------------------------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path):
    """The paper's JSON beside a folder of pictures."""
    listed = [
        {
            "filename": f"{number}.png",
            "title": f"thing {number}",
            "sentences": [{"tokens": ["Men", "Inner Wear", ["Vests", "Boxers"][number % 2]]}],
            "image_url": f"https://shop.test/{number}.png",
            "split": ["train", "train", "val", "test"][number // 2 % 4],
        }
        for number in range(40)
    ]
    (tmp_path / "pictures").mkdir()
    for number in range(1, 40):
        (tmp_path / "pictures" / f"{number}.png").write_bytes(picture(number))
    (tmp_path / "atlas.json").write_text(json.dumps({"about": {"images": []}, "images": listed, "more": 1}, indent=1))
    return tmp_path / "atlas.json"


def test_the_papers_records_are_read_with_their_folder_of_pictures(records, tmp_path):
    summary = build(records, tmp_path / "out", BuildOptions(pictures=tmp_path / "pictures"))
    assert summary.record["rejected"] == {"missing file": 1}
    assert sum(summary.record["rows"].values()) == 39
    assert summary.record["rows"]["test"] > 8  # the default shares
    found = rows(tmp_path / "out")
    assert {tuple(row["path"]) for row in found} == {("Men", "Inner Wear", kind) for kind in ("Vests", "Boxers")}
    assert found[0]["title"].startswith("thing ")
    images = open_dataset(tmp_path / "out").table("train", ["image"])["image"].to_pylist()
    assert all(image["path"].startswith("https://shop.test/") for image in images)
    moved = tmp_path / "pictures" / "atlas.json"
    records.rename(moved)
    beside = build(tmp_path / "pictures", tmp_path / "folder")
    assert beside.record["rows"] == summary.record["rows"]


def test_their_own_split_counts_when_it_is_asked_for(records, tmp_path):
    options = BuildOptions(pictures=tmp_path / "pictures", splits="train=train,dev=val,test=test")
    assert build(records, tmp_path / "a", options).record["rows"] == {"train": 19, "dev": 10, "test": 10}
    some = BuildOptions(pictures=tmp_path / "pictures", splits="train=train,test=test")
    summary = build(records, tmp_path / "b", some)
    assert summary.record["left_out"] == {"splits": 10}
    named = BuildOptions(pictures=tmp_path / "pictures", columns=("split=split",))
    assert set(build(records, tmp_path / "c", named).record["rows"]) == {"train", "dev", "val", "test"}


def test_json_that_breaks_off_keeps_what_came_before(records, tmp_path):
    text = records.read_text()
    records.write_text(text[: text.index('"filename": "30.png"')])
    summary = build(records, tmp_path / "out", BuildOptions(pictures=tmp_path / "pictures"))
    assert summary.record["rejected"] == {"missing file": 1, "broken row": 1}
    assert rejected(tmp_path / "out")[1]["detail"].startswith("not JSON from here on")
    assert rejected(tmp_path / "out")[1]["place"] == "atlas.json:31"


@pytest.mark.parametrize("text", ["", "{}", "[]", '"x"', '{"images": 3}', '{"a": 1, "images": []}', "{3: 4}"])
def test_other_json_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json: .*Atlas reads"):
        build(tmp_path / "x.json", tmp_path / "out")


def test_a_bare_list_of_records_will_do(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
    listed = [3, *({"path": "Men > Shirts", "image": f"{number}.png"} for number in range(6))]
    (tmp_path / "x.json").write_text(json.dumps(listed))
    summary = build(tmp_path / "x.json", tmp_path / "out")
    assert sum(summary.record["rows"].values()) == 6
    assert summary.record["rejected"] == {"broken row": 1}


# -- links -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def links(crawl, mapping, tmp_path):
    build(crawl, tmp_path / "whole", BuildOptions(mapping=mapping, seed=3))
    build(crawl, tmp_path / "links", BuildOptions(mapping=mapping, seed=3, links_only=True))
    return tmp_path / "links"


def test_links_are_the_same_rows_without_pictures(links, tmp_path):
    whole, dataset = open_dataset(tmp_path / "whole"), open_dataset(links)
    assert dataset.links_only
    assert not whole.links_only
    for split in whole.splits:
        assert dataset.table(split) == whole.table(split)
        images = dataset.table(split, ["image"])["image"].to_pylist()
        assert all(image["bytes"] is None and image["path"].startswith("https://") for image in images)
    assert sum(file.stat().st_size for file in (links / "data").iterdir()) < 30_000


def test_rebuilt_from_an_unchanged_crawl_they_are_the_same_bytes(links, crawl, tmp_path):
    summary = build(links, tmp_path / "again", BuildOptions(pictures=crawl))
    assert summary.record["drift"] == {"same": 32, "changed": 0, "dead": 0, "not_collected": 0, "new": 32}
    assert summary.failed == 0
    again, whole = folder_bytes(tmp_path / "again"), folder_bytes(tmp_path / "whole")
    assert {name for name in whole if again[name] != whole[name]} == {"build.json", "rejected.jsonl"}
    assert json.loads(again["build.json"])["options"] == json.loads(whole["build.json"])["options"]


def test_drift_is_reported(links, tmp_path):
    later = [listing("acme", n, "Men > Denim", [picture(n), picture(100 + n)]) for n in range(0, 24, 3)]
    later[0]["images"] = [picture(777), picture(100)]  # changed
    later[1]["images"][1] = "410 Gone"  # dead
    later.append(listing("acme", 90, "Men > Denim"))  # new
    crawl = write_crawl(tmp_path / "later", later)
    summary = build(links, tmp_path / "again", BuildOptions(pictures=crawl))
    assert summary.record["drift"] == {"same": 14, "changed": 1, "dead": 1, "not_collected": 16, "new": 1}
    assert summary.record["rejected"] == {"not in the crawl": 16, "picture changed": 1, "picture not fetched": 1}
    details = {entry["reason"]: entry["detail"] for entry in rejected(tmp_path / "again")}
    assert details["picture changed"].startswith("https://acme.test/p/0/0.png: another content than sha256")
    assert details["picture not fetched"] == "https://acme.test/p/3/1.png: 410 Gone"


def test_links_keep_parts_and_labels_that_a_new_split_would_not(tmp_path):
    listed = [
        {**row, "part": ["train", "val"][number % 2], "path": "Home > Lamps" if number == 3 else row["path"]}
        for number, row in enumerate(
            {"product_id": f"p{n}", "path": "Men > Shirts", "image": f"{n}.png", "link": f"https://s.test/{n}.png"}
            for n in range(20)
        )
    ]
    (tmp_path / "shop").mkdir()
    for number in range(20):
        (tmp_path / "shop" / f"{number}.png").write_bytes(picture(number))
    (tmp_path / "shop" / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in listed))
    columns = ("split=part", "image_url=link")
    whole = build(tmp_path / "shop", tmp_path / "whole", BuildOptions(columns=columns))
    assert whole.record["unknown_paths"] == {"val": 1}
    build(tmp_path / "shop", tmp_path / "links", BuildOptions(columns=columns, links_only=True))
    fetched = [listing("s", n, "", [picture(n)]) for n in range(20)]
    crawl = write_crawl(tmp_path / "crawl", fetched)
    text = (crawl / "listings.jsonl").read_text()
    for number in range(20):
        text = text.replace(f"https://s.test/p/{number}/0.png", f"https://s.test/{number}.png")
    (crawl / "listings.jsonl").write_text(text)
    again = build(tmp_path / "links", tmp_path / "again", BuildOptions(pictures=crawl))
    for key in ("rows", "products", "unknown_paths", "taxonomy", "groups"):
        assert again.record[key] == whole.record[key]
    for file in (tmp_path / "whole" / "data").iterdir():
        assert (tmp_path / "again" / "data" / file.name).read_bytes() == file.read_bytes()


def test_pictures_without_an_address_cannot_be_links(tmp_path):
    listed = [{"path": "Men > Shirts", "image": {"bytes": picture(n), "path": f"{n}.png"}} for n in range(6)]
    with pytest.raises(NothingDoneError, match="6 no url of the picture"):
        build(write_parquet(tmp_path / "t.parquet", listed), tmp_path / "out", BuildOptions(links_only=True))


def test_wrong_use_of_links_says_what_is_right(links, crawl, tmp_path):
    with pytest.raises(
        UsageError, match=r"is a data set of links: fetch its pictures with `atlas collect .*--pictures"
    ):
        build(links, tmp_path / "no")
    with pytest.raises(UsageError, match="which is built as it was: leave out --splits, --seed"):
        build(links, tmp_path / "no", BuildOptions(pictures=crawl, seed=4, splits="80/10/10"))
    (tmp_path / "plain").mkdir()
    with pytest.raises(UsageError, match="plain is no crawl"):
        build(links, tmp_path / "no", BuildOptions(pictures=tmp_path / "plain"))
    with pytest.raises(UsageError, match="name a folder of pictures, or of a crawl"):
        build(links, tmp_path / "no", BuildOptions(pictures=tmp_path / "nowhere"))
    (tmp_path / "tree" / "Men").mkdir(parents=True)
    (tmp_path / "tree" / "Men" / "1.png").write_bytes(picture(1))
    with pytest.raises(UsageError, match="holds its pictures in folders itself: leave out --pictures"):
        build(tmp_path / "tree", tmp_path / "no", BuildOptions(pictures=crawl))
    with pytest.raises(DataError, match="holds links and no pictures: `atlas collect"):
        dataset_source(links, "test")
    assert not (tmp_path / "no").exists()


def test_a_table_of_addresses_finds_its_pictures_in_a_crawl(crawl, tmp_path):
    (tmp_path / "t.csv").write_text(
        "sku,path,image\n"
        + "".join(f"{n},Men > Jeans,https://bolt.test/p/{200 + n}/0.png\n" for n in range(8))
        + "x,Men > Jeans,https://bolt.test/p/999/0.png\n"
    )
    options = BuildOptions(columns=("product_id=sku",), pictures=crawl)
    summary = build(tmp_path / "t.csv", tmp_path / "out", options)
    assert sum(summary.record["rows"].values()) == 8
    assert summary.record["rejected"] == {"not in the crawl": 1}
    assert summary.record["source"]["pictures"] == "crawl"


@pytest.mark.parametrize("name", ["whole", "links"])
def test_the_card_is_one_that_the_hub_reads(links, tmp_path, name):
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(tmp_path / name / "README.md")
    assert card.data.task_categories == ["image-classification"]
    assert card.data.size_categories == ["n<1K"]
    files = card.data.to_dict()["configs"][0]["data_files"]
    assert [entry["split"] for entry in files] == list(open_dataset(links).splits)
    assert ("atlas collect FOLDER" in card.text) == (name == "links")


def test_other_tools_open_links(links, tmp_path):
    datasets = pytest.importorskip("datasets")
    files = [str(file) for file in open_dataset(links).files("train")]
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
    row = loaded["train"].cast_column("image", datasets.Image(decode=False))[0]
    assert row["image"]["path"].startswith("https://")
    assert len(row["sha256"]) == 64
