import json

import pytest

from atlas.errors import DataError, NothingDoneError, UsageError
from atlas.stages.build import BuildOptions, build
from atlas.stages.store_paths import read_store_paths
from atlas.taxonomy.mapping import StorePath
from tests.dataset.crawls import listing, write_crawl
from tests.dataset.pictures import picture


def read(*sources, **more):
    return read_store_paths([str(source) for source in sources], **more)


def test_a_crawl_gives_its_store_paths_with_products_and_titles(tmp_path):
    listed = [
        listing("acme", 1, "Men > Jeans", [picture(1), picture(2)]),
        listing("acme", 2, "Men > Jeans", ["404"]),
        listing("acme", 3, "Men > Tops"),
        listing("acme", 4, ""),
    ]
    listed[2]["images"] = []  # a product without a picture still shows where its store path is
    assert read(write_crawl(tmp_path / "crawl", listed)) == [
        StorePath("acme", ("Men", "Jeans"), 2, ("Jeans no. 1", "Jeans no. 2")),
        StorePath("acme", ("Men", "Tops"), 1, ("Tops no. 3",)),
    ]


def test_several_sources_make_one_list(tmp_path):
    one = write_crawl(tmp_path / "all" / "one", [listing("b", 1, "X")])
    two = write_crawl(tmp_path / "all" / "two", [listing("A", 1, "X"), listing("A", 2, "X > Y")])
    found = [(here.store, here.path, here.products) for here in read(one, two)]
    assert found == [("A", ("X",), 1), ("A", ("X", "Y"), 1), ("b", ("X",), 1)]
    assert read(tmp_path / "all") == read(one, two)


def test_tables_and_data_sets_have_store_paths_too(tmp_path):
    (tmp_path / "shop.csv").write_text("shop,trail,sku\nacme,Men/Jeans,1\nacme,Men/Jeans,1\n,Men/Belts,2\nacme,,3\n")
    columns = ("store=shop", "breadcrumb=trail", "product_id=sku", "separator=/")
    found = [(here.store, here.path, here.products) for here in read(tmp_path / "shop.csv", columns=columns)]
    assert found == [("*", ("Men", "Belts"), 1), ("acme", ("Men", "Jeans"), 1)]
    named = read(tmp_path / "shop.csv", columns=columns, store="bolt")
    assert [here.store for here in named] == ["acme", "bolt"]
    crawl = write_crawl(tmp_path / "crawl", [listing("acme", number, "Men > Jeans") for number in range(8)])
    build(crawl, tmp_path / "set", BuildOptions(columns=("path=breadcrumb",)))
    assert [here[:3] for here in read(tmp_path / "set")] == [("acme", ("Men", "Jeans"), 8)]


def test_a_text_is_a_store_tree(tmp_path):
    (tmp_path / "acme.txt").write_text("# theirs\nMen > Jeans\nMen\n")
    assert {(here.store, here.path) for here in read(tmp_path / "acme.txt")} == {
        ("acme", ("Men",)),
        ("acme", ("Men", "Jeans")),
    }
    assert read(tmp_path / "acme.txt", store="bolt")[0].store == "bolt"


def test_names_that_could_break_a_file_are_cleaned(tmp_path):
    evil = listing("acme", 1, "X")
    evil |= {"store": "ac\nme > x", "breadcrumb": ["Men\n# y", "A > B", ""], "title": "one\ntwo"}
    (found,) = read(write_crawl(tmp_path / "crawl", [evil]))
    assert found == StorePath("ac me x", ("Men # y", "A", "B"), 1, ("one two",))


def test_broken_rows_cost_themselves(tmp_path):
    crawl = write_crawl(tmp_path / "crawl", [listing("acme", 1, "X")])
    file = crawl / "listings.jsonl"
    odd = json.loads(file.read_text()) | {"images": ["no object"]}
    file.write_text(file.read_text() + "{broken\n[1]\n\n" + json.dumps(odd) + "\n")
    assert [here[:3] for here in read(crawl)] == [("acme", ("X",), 1)]


def test_what_has_no_store_paths_says_so(tmp_path):
    with pytest.raises(NothingDoneError, match=r"no row of .*crawl has a breadcrumb"):
        read(write_crawl(tmp_path / "crawl", [listing("acme", 1, "")]))
    (tmp_path / "t.csv").write_text("path,image\nx,y\n")
    with pytest.raises(UsageError, match="no column 'breadcrumb' for breadcrumb"):
        read(tmp_path / "t.csv")
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "crawl.sqlite").touch()
    with pytest.raises(UsageError, match=r"is a crawl without listings\.jsonl: take it up again"):
        read(tmp_path / "unfinished")
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(DataError, match="Atlas reads"):
        read(tmp_path / "t.json")
