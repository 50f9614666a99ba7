import pytest

from atlas.taxonomy.files import load_taxonomy, parse_taxonomy
from atlas.taxonomy.mapping import Mapping, MappingRow, StorePath
from atlas.taxonomy.suggest import FLOOR, Suggestion, suggest_paths
from atlas.taxonomy.tree import format_path, parse_path
from tests.taxonomy.store_trees import NAMES, store_tree, tree_of

ATLAS = load_taxonomy("atlas52")


def suggest(store_path, titles=(), tree=ATLAS, known=None):
    found = StorePath("shop", parse_path(store_path), 1, tuple(titles))
    return suggest_paths([found], tree, known)[0]


def best(store_path, *titles, **more):
    return format_path(suggest(store_path, titles, **more).path)


# -- how good it is: docs/mapping.md says these figures ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrong", "of"),
    [
        *[("bazaar", 1, 62), ("harbor", 1, 45), ("kestrel", 0, 47), ("fashion-small", 0, 60), ("shops", 1, 44)],
        ("general", 4, 22),
    ],
)
def test_most_first_guesses_are_right(name, wrong, of):
    store_paths, expected = store_tree(name)
    found = suggest_paths(store_paths, tree_of(name))
    assert len(found) >= of
    assert sum(suggestion.path not in paths for suggestion, paths in zip(found, expected, strict=True)) <= wrong


def test_what_scores_high_is_right_and_what_has_no_place_is_left_open():
    sure, nowhere = [], []
    for name in NAMES:
        store_paths, expected = store_tree(name)
        for suggestion, paths in zip(suggest_paths(store_paths, tree_of(name)), expected, strict=True):
            if suggestion.score >= 0.8:
                sure.append(suggestion.path in paths)
            if paths == {()}:
                nowhere.append(suggestion.path)
    assert len(sure) > 120
    assert all(sure)
    assert nowhere == [()] * len(nowhere)


# -- what it goes by ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("store_path", "path"),
    [
        ("Men > Jeans", "Men > Western Wear > Jeans"),
        ("Women > Jeans", "Women > Western Wear > Jeans"),  # for whom
        ("Ladies Denims", "Women > Western Wear > Jeans"),  # words that mean the same, all in one name
        ("Men > Chinos", "Men > Western Wear > Trousers"),  # a kind of it
        ("Men > Trowsers", "Men > Western Wear > Trousers"),  # a slip of the pen
        ("Men > Jackets", "Men > Western Wear > Jackets"),  # western goes without saying
        ("Men > Ethnic > Jackets", "Men > Ethnic Wear > Jackets"),
        ("Men > Jeans > Slim Fit", "Men > Western Wear > Jeans"),  # a last name that says nothing
        ("Men > Shirts > Formal", "Men > Western Wear > Formal Shirts"),  # said the other way round
        ("Men > Jackets > Denim", "Men > Western Wear > Jackets"),
        ("Men > Cargo Pants", "Men > Western Wear > Cargos"),  # more special than pants
        ("Women > Ethnic Wear", "Women > Ethnic Wear"),  # an inner node by its own name
        ("Women > Lingerie > Bras", "Women > Inner Wear > UnderWear"),
        ("Men > Clothing", "Men"),
        ("Boys > Jeans", ""),
        ("Men > Watches", ""),
        ("Home > Towels", ""),
    ],
)
def test_words_decide(store_path, path):
    assert best(store_path) == path


def test_titles_say_what_the_path_does_not():
    jeans = ("Slim jeans for men", "Men blue jeans", "Men's denim jeans")
    assert best("New Arrivals") == ""
    assert best("New Arrivals", *jeans) == "Men > Western Wear > Jeans"
    assert best("New Arrivals", *jeans[:1]) == ""  # one title is no proof
    assert best("Men > Lehengas", "Slim jeans for men") != "Men > Western Wear > Jeans"
    assert best("Jeans > Skinny", "Women skinny jeans") == "Women > Western Wear > Jeans"  # for whom
    assert best("Men > Jeans", "Red saree", "Silk saree") == "Men > Western Wear > Jeans"  # but paths go before
    assert suggest("Men > Denim", jeans).score > suggest("Men > Denim").score


def test_confirmed_rows_teach_a_stores_words():
    tree = parse_taxonomy("Electronics > Monitors\nElectronics > Laptops\n")
    row = MappingRow("other", ("PC", "Displays"), ("Electronics", "Monitors"), "confirmed")
    assert best("Office > Display", tree=tree) == ""
    assert best("Office > Display", tree=tree, known=Mapping((row,))) == "Electronics > Monitors"
    rejected = Mapping((row._replace(status="rejected"),))
    assert best("Office > Display", tree=tree, known=rejected) == ""


def test_a_pair_that_was_rejected_is_not_suggested_again():
    wrong = MappingRow("SHOP", ("men", "JEANS"), ("Men", "Western Wear", "Jeans"), "rejected")
    assert best("Men > Jeans", known=Mapping((wrong,))) != "Men > Western Wear > Jeans"
    assert best("Men > Jeans", known=Mapping((wrong._replace(store="other"),))) == "Men > Western Wear > Jeans"


def test_a_tree_that_says_for_whom_nowhere_takes_anybody():
    tree = parse_taxonomy("Apparel > Shirts\nApparel > Jeans\n")
    assert best("Boys > Jeans", tree=tree) == best("Men > Jeans", tree=tree) == "Apparel > Jeans"


def test_answers_inside_the_tree_are_found_by_kin_and_other_nodes_by_name():
    deep = parse_taxonomy("Men > Trousers\nMen > Trousers > Wool Trousers\n")
    assert best("Men > Chinos", tree=deep) == "Men > Trousers"
    assert best("Men > Trousers", tree=parse_taxonomy("Men > Trousers > Wool Trousers\n")) == "Men > Trousers"


def test_a_toss_of_a_coin_scores_low():
    both = suggest("Unisex > Jeans")
    assert {both.path[0], both.second[0]} == {"Men", "Women"}
    assert both.score < 0.7
    assert suggest("Men > Jeans").score == 1


def test_the_next_best_comes_along():
    found = suggest("Men > Ethnic > Jackets")
    assert found.second == ("Men", "Western Wear", "Jackets")
    assert 0 < FLOOR <= found.score <= 1
    assert suggest("Home > Towels") == Suggestion((), 0.0, ())


def test_no_store_path_and_strange_ones_are_no_trouble():
    assert suggest_paths([], ATLAS) == []
    for strange in ("&", "???", "🧥", "x" * 200, "Men & Women & Kids", "a > b > c > d > e > f > g"):
        assert suggest(strange).score <= 1
