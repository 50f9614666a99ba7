import pytest

from atlas.errors import TaxonomyError, UsageError
from atlas.stages.draft import draft_taxonomy
from atlas.stages.map import map_stores
from atlas.taxonomy.files import read_taxonomy
from atlas.taxonomy.mapping_file import read_mapping
from atlas.taxonomy.tree import format_path
from tests.dataset.crawls import listing, write_crawl


@pytest.fixture
def shops(tmp_path):
    """Two crawls with different trees."""
    ours = ["Clothing > Men > T-Shirts", "Clothing > Men > Jeans > Slim", "Clothing > Men > Kilts"]
    theirs = ["Menswear > tees", "Menswear > denim", "Sale"]
    write_crawl(tmp_path / "shops" / "acme", [listing("acme", n, ours[n % 3]) for n in range(9)])
    bolt = [listing("bolt", n, theirs[n % 3]) for n in range(12)]
    for here in bolt[2::3]:
        here["title"] = f"Silk saree {here['product_id']} for women"
    write_crawl(tmp_path / "shops" / "bolt", bolt)
    return str(tmp_path / "shops")


def rows(file):
    return [
        (row.store, format_path(row.store_path), format_path(row.path), row.status) for row in read_mapping(file).rows
    ]


def test_every_store_path_gets_its_best_path_surest_first(shops, tmp_path):
    summary = map_stores([shops], "atlas52", tmp_path / "map.csv")
    assert rows(tmp_path / "map.csv") == [
        ("acme", "Clothing > Men > Jeans > Slim", "Men > Western Wear > Jeans", "suggested"),
        ("acme", "Clothing > Men > T-Shirts", "Men > Western Wear > Shirts", "suggested"),
        ("acme", "Clothing > Men > Kilts", "", "suggested"),
        ("bolt", "Menswear > denim", "Men > Western Wear > Jeans", "suggested"),
        ("bolt", "Menswear > tees", "Men > Western Wear > Shirts", "suggested"),
        ("bolt", "Sale", "Women > Ethnic Wear > Sarees", "suggested"),  # by its titles
    ]
    assert (summary.kept, summary.covered, summary.sure, summary.open) == (0, 0, 4, 1)
    head, first = (tmp_path / "map.csv").read_text().splitlines()[:2]
    assert head == "store,store_path,path,status,score,products,second,example"
    assert first.endswith(",0.97,3,,Slim no. 1")


def test_what_people_decided_is_kept_and_taught(shops, tmp_path):
    old = tmp_path / "old.csv"
    old.write_text(
        "store,store_path,path,status\n"
        "acme,Clothing > Men > Kilts,Women > Western Wear > Skirts,confirmed\n"
        "bolt,Sale,,rejected\n"
        "bolt,Menswear > tees,Men > Western Wear > Shirts,rejected\n"
        "gone,Old > Path,Men,suggested\n"
        "acme,clothing > men > t-shirts,Men,suggested\n"
    )
    summary = map_stores([shops], "atlas52", tmp_path / "new.csv", mapping=old)
    found = rows(tmp_path / "new.csv")
    assert found[:4] == [
        ("acme", "Clothing > Men > Kilts", "Women > Western Wear > Skirts", "confirmed"),
        ("bolt", "Sale", "", "rejected"),
        ("bolt", "Menswear > tees", "Men > Western Wear > Shirts", "rejected"),
        ("gone", "Old > Path", "Men", "suggested"),  # the sources say nothing of it
    ]
    assert ("acme", "Clothing > Men > T-Shirts", "Men > Western Wear > Shirts", "suggested") in found  # made anew
    (again,) = [row for row in found if row[1] == "Menswear > tees" and row[3] == "suggested"]
    assert again[2] != "Men > Western Wear > Shirts"
    assert (summary.kept, summary.covered) == (4, 2)
    map_stores([shops], "atlas52", tmp_path / "new.csv", mapping=tmp_path / "new.csv", overwrite=True)
    assert rows(tmp_path / "new.csv") == found


def test_a_confirmed_beginning_covers_what_is_deeper(shops, tmp_path):
    old = tmp_path / "old.csv"
    old.write_text("store,store_path,path,status\nacme,Clothing,Men,confirmed\n")
    summary = map_stores([shops], "atlas52", tmp_path / "new.csv", mapping=old)
    assert summary.covered == 3
    assert {row[0] for row in rows(tmp_path / "new.csv")[1:]} == {"bolt"}


def test_store_paths_that_go_the_same_way_fold_into_their_beginning(tmp_path):
    trails = ["Men > Jeans > Slim", "Men > Jeans > Regular > Dark", "Men > Shirts > Casual", "Men > Shirts > Formal"]
    crawl = write_crawl(tmp_path / "crawl", [listing("acme", n, trails[n % 4]) for n in range(8)])
    summary = map_stores([str(crawl)], "atlas52", tmp_path / "map.csv", fold=True)
    assert rows(tmp_path / "map.csv") == [
        ("acme", "Men > Shirts > Formal", "Men > Western Wear > Formal Shirts", "suggested"),
        ("acme", "Men > Shirts > Casual", "Men > Western Wear > Shirts", "suggested"),
        ("acme", "Men > Jeans", "Men > Western Wear > Jeans", "suggested"),
    ]
    assert [here.products for here, _ in summary.suggested] == [2, 2, 4]
    old = tmp_path / "old.csv"
    old.write_text("store,store_path,path,status\nacme,Men > Jeans > Slim,Men > Western Wear > Trousers,confirmed\n")
    map_stores([str(crawl)], "atlas52", tmp_path / "new.csv", mapping=old, fold=True)
    assert ("acme", "Men > Jeans > Regular > Dark") in [row[:2] for row in rows(tmp_path / "new.csv")]


def test_nothing_is_overwritten_and_a_mapping_of_another_tree_is_refused(shops, tmp_path):
    (tmp_path / "map.csv").write_text("store,store_path,path,status\na,X,Pets > Cats,confirmed\n")
    with pytest.raises(UsageError, match="exists already"):
        map_stores([shops], "atlas52", tmp_path / "map.csv")
    with pytest.raises(TaxonomyError, match=r"map\.csv, line 2: 'Pets > Cats' is not in the tree"):
        map_stores([shops], "atlas52", tmp_path / "new.csv", mapping=tmp_path / "map.csv")
    assert not (tmp_path / "new.csv").exists()


def test_a_draft_is_written_where_it_is_asked_for(shops, tmp_path):
    draft = draft_taxonomy([shops], tmp_path / "tree.txt")
    assert read_taxonomy(tmp_path / "tree.txt") == draft.taxonomy
    assert draft.taxonomy.paths[1:] == (("Men",), ("Men", "tees"))  # spelled as most products are
    with pytest.raises(UsageError, match="exists already"):
        draft_taxonomy([shops], tmp_path / "tree.txt")
    assert draft_taxonomy([shops], min_stores=1, levels=2).taxonomy.levels == 2
