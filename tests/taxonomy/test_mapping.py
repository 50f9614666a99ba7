import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import TaxonomyError
from atlas.taxonomy.mapping import ANY_STORE, Mapping, MappingRow, clean_store_path, contradictions
from atlas.taxonomy.tree import clean_path, parse_path


def row(store, store_path, path, status="confirmed"):
    return MappingRow(store, parse_path(store_path), parse_path(path) if path else (), status)


SHOPS = Mapping(
    (
        row("acme", "Men > Bottoms", "Men > Trousers"),
        row("acme", "Men > Bottoms > Denim", "Men > Jeans"),
        row("acme", "Men > Sale", "", "rejected"),
        row("acme", "Men > Tops", "Men > Shirts", "suggested"),
        row("acme", "Men > Jeans", "Men > Jeans"),
        row("bolt", "Herren > Hosen", "Men > Trousers"),
        row("bolt", "Herren > Hemden", "Men > Shirts"),
        row("*", "Men > Tops", "Men"),
        row("*", "Men > Bottoms > Denim > Shorts", "Men > Shorts"),
    )
)


@pytest.mark.parametrize(
    ("store", "store_path", "path"),
    [
        ("acme", "Men > Bottoms", "Men > Trousers"),
        ("acme", "Men > Bottoms > Chinos > Slim", "Men > Trousers"),  # what is deeper follows its beginning
        ("acme", "Men > Bottoms > Denim", "Men > Jeans"),  # the longest beginning wins
        ("ACME", "men > bottoms > DENIM > Skinny", "Men > Jeans"),  # case is nothing
        ("acme", "Men > Bottoms > Denim > Shorts", "Men > Shorts"),  # longer, though of any store
        ("acme", "Men", None),
        ("acme", "Men > Bottom", None),  # a beginning is of whole names
        ("acme", "Men > Sale > Bottoms", None),  # a rejected row shuts what lies below
        ("acme", "Men > Tops", "Men"),  # a suggestion is none yet, and hides nothing
        ("bolt", "Men > Tops > Polos", "Men"),
        (None, "Men > Tops", "Men"),  # no store: rows of any store alone
        (None, "Men > Bottoms", None),
        ("bolt", "Herren", None),
    ],
)
def test_the_longest_mapped_beginning_decides(store, store_path, path):
    assert SHOPS.path_of(store, parse_path(store_path)) == (path and parse_path(path))


def test_suggestions_count_when_asked_for():
    assert SHOPS.path_of("acme", ("Men", "Tops"), suggested=True) == ("Men", "Shirts")  # its own row before any store's
    assert SHOPS.path_of("acme", ("Men", "Sale"), suggested=True) is None
    open_row = Mapping((row("acme", "Men", "Men"), row("acme", "Men > Hats", "", "suggested")))
    assert open_row.path_of("acme", ("Men", "Hats"), suggested=True) == ("Men",)  # nothing was suggested


def test_a_rejected_row_is_told_from_no_row():
    decided = SHOPS.row_of("acme", ("Men", "Sale", "Bottoms"))
    assert decided is not None
    assert decided.status == "rejected"
    assert SHOPS.row_of("acme", ("Women",)) is None


def test_an_answer_stands_beside_pairs_that_were_rejected():
    mapping = Mapping((row("a", "Tops", "Vests", "rejected"), row("a", "Tops", "Shirts")))
    assert mapping.path_of("a", ("Tops",)) == ("Shirts",)
    waiting = Mapping((row("a", "Tops", "Vests", "rejected"), row("a", "Tops", "Shirts", "suggested")))
    assert waiting.path_of("a", ("Tops",)) is None
    assert waiting.path_of("a", ("Tops",), suggested=True) == ("Shirts",)


@pytest.mark.parametrize(
    ("store", "path", "store_path"),
    [
        ("acme", "Men > Jeans", "Men > Bottoms > Denim"),  # the first of two rows
        ("acme", "Men > Trousers", "Men > Bottoms"),
        ("bolt", "Men > Shirts", "Herren > Hemden"),
        ("bolt", "Men > Trousers > Cargos", "Herren > Hosen"),  # the nearest ancestor with a row
        ("bolt", "Men", "Men > Tops"),  # a row of any store
        ("bolt", "Men > Jeans", "Men > Tops"),  # of which Men is the nearest ancestor
        ("bolt", "Women > Dresses", None),
        ("other", "Men > Shorts", "Men > Bottoms > Denim > Shorts"),
    ],
)
def test_a_store_says_a_path_in_its_own_words(store, path, store_path):
    assert SHOPS.store_path_of(store, parse_path(path)) == (store_path and parse_path(store_path))


def test_without_a_mapped_ancestor_the_kin_say_where_it_would_be():
    rows = (
        row("acme", "Clothing > Men > Tops > Shirts", "Men > Western > Shirts"),
        row("acme", "Clothing > Men > Bottoms > Jeans", "Men > Western > Jeans"),
        row("acme", "Clothing > Women > Sarees", "Women > Ethnic > Sarees"),
    )
    mapping = Mapping(rows)
    assert mapping.store_path_of("acme", ("Men", "Western", "Cargos")) == ("Clothing", "Men")
    assert mapping.store_path_of("acme", ("Men", "Western")) == ("Clothing", "Men")
    assert mapping.store_path_of("acme", ("Women", "Ethnic", "Lehengas")) == (
        "Clothing",
        "Women",
    )  # one kin: less its end
    assert mapping.store_path_of("acme", ("Kids", "Socks")) is None
    with_row = Mapping((*rows, row("acme", "Clothing", "Men")))
    assert with_row.store_path_of("acme", ("Men", "Western", "Cargos")) == ("Clothing",)  # a row says more than kin


def test_a_row_of_any_store_does_not_speak_for_a_store_that_says_otherwise():
    mapping = Mapping((row("*", "Vests", "Inner > Vests"), row("us", "Vests", "Suits > Waistcoats")))
    assert mapping.store_path_of("uk", ("Inner", "Vests")) == ("Vests",)
    assert mapping.store_path_of("us", ("Inner", "Vests")) is None
    assert mapping.store_path_of("us", ("Suits", "Waistcoats")) == ("Vests",)


def test_suggestions_are_read_backwards_when_asked_for():
    assert SHOPS.store_path_of("acme", ("Men", "Shirts")) == ("Men", "Tops")  # the row of any store for Men
    mapping = Mapping((row("a", "Tops", "Shirts", "suggested"),))
    assert mapping.store_path_of("a", ("Shirts",)) is None
    assert mapping.store_path_of("a", ("Shirts",), suggested=True) == ("Tops",)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (row("a", "Tops", "Shirts"), "row 1: 'Tops' of store a stands like this in row 0 already"),
        (row("A", "TOPS", "Shirts", "rejected"), "'TOPS' of store A is rejected here and confirmed in row 0"),
        (row("a", "Tops", "Vests"), "goes to 'Vests' here, but goes to 'Shirts' in row 0"),
        (row("a", "Tops", "Vests", "suggested"), "goes to 'Vests' here"),
        (row("a", "Tops", "", "suggested"), "is left open here"),
        (row("a", "Tops", "", "rejected"), "has no place here, but goes to 'Shirts'"),
    ],
)
def test_rows_that_contradict_or_repeat_are_refused(second, reason):
    with pytest.raises(TaxonomyError, match=reason):
        Mapping((row("a", "Tops", "Shirts"), second))


def test_a_mapping_cannot_be_changed():
    with pytest.raises(AttributeError):
        SHOPS.rows = ()
    assert SHOPS.stores == ("acme", "bolt")
    assert len(SHOPS) == 9
    assert Mapping(SHOPS.rows) == SHOPS != Mapping(SHOPS.rows[1:])


# -- properties --------------------------------------------------------------------------------------------------------

names = st.sampled_from(["A", "a", "B", "C"])
paths = st.lists(names, min_size=1, max_size=4).map(tuple)
stores = st.sampled_from(["x", "X", "y", ANY_STORE])
rows = st.builds(MappingRow, stores, paths, paths, st.sampled_from(["suggested", "confirmed", "rejected"]))


def consistent(listed):
    """The rows that contradict no earlier one."""
    wrong = {number for number, _ in contradictions(listed)}
    return Mapping(tuple(row for number, row in enumerate(listed) if number not in wrong))


mappings = st.lists(rows, max_size=12).map(consistent)


def slow_path_of(mapping, store, store_path, suggested):
    """The same in the words of the format: all rows that fit, the best of them last."""

    def fits(row):
        same = [name.casefold() for name in row.store_path] == [
            name.casefold() for name in store_path[: len(row.store_path)]
        ]
        return same and row.store.casefold() in (store.casefold(), "*") and (suggested or row.status != "suggested")

    def rank(row):
        return len(row.store_path), row.store != "*", row.status != "rejected"

    best = max(filter(fits, mapping.rows), key=rank, default=None)
    return None if best is None or best.status == "rejected" else best.path


@given(mappings, stores, paths, st.booleans())
def test_path_of_is_what_the_format_says(mapping, store, store_path, suggested):
    found = mapping.path_of(store, store_path, suggested=suggested)
    assert found == slow_path_of(mapping, store, store_path, suggested)


@given(mappings, stores, paths, names)
def test_what_is_deeper_follows_unless_a_row_says_otherwise(mapping, store, store_path, name):
    deeper = (*store_path, name)
    folded = [part.casefold() for part in deeper]
    if not any([part.casefold() for part in row.store_path] == folded for row in mapping.rows):
        assert mapping.path_of(store, deeper) == mapping.path_of(store, store_path)


@given(mappings, st.sampled_from(["x", "y"]), paths, st.booleans())
def test_there_and_back(mapping, store, path, suggested):
    said = mapping.store_path_of(store, path, suggested=suggested)
    first = next(
        (
            row.store_path
            for row in mapping.rows
            if row.store.casefold() == store and row.path == path
            if row.status == "confirmed" or (suggested and row.status == "suggested")
        ),
        None,
    )
    if first is not None:
        assert said == first
    own = [row for row in mapping.rows if row.path == path and row.status == "confirmed"]
    if said is not None and any(row.store_path == said for row in own) and not suggested:
        assert mapping.path_of(store, said) == path


@given(st.lists(st.text(max_size=20), max_size=40))
def test_any_breadcrumb_becomes_a_store_path(levels):
    store_path = clean_store_path(levels)
    assert clean_store_path(store_path) == store_path
    if store_path:
        assert clean_path(store_path) == store_path


def test_a_breadcrumb_is_cleaned():
    assert clean_store_path(["  Men ", "", "Shirts > Casual\n", "\x07", "a\x00b"]) == ("Men", "Shirts", "Casual", "a b")
    assert [len(name) for name in clean_store_path(["x" * 400])] == [250]
    assert len(clean_store_path("a" * 50)) == 32
