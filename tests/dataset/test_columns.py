import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.dataset.columns import checked_path, preset_names, read_columns
from atlas.dataset.reasons import Reason, RowError
from atlas.errors import TaxonomyError, UsageError
from atlas.taxonomy.tree import MAX_LEVELS, MAX_NAME_CHARS, Taxonomy, format_path, parse_path


def test_every_preset_reads_and_maps_known_keys():
    assert preset_names() == ["atlas", "atlas-zoom", "fashion-products"]
    for name in preset_names():
        assert read_columns([name]).names["image"]


def test_later_settings_win_over_earlier_ones(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('title = "name"\npath = ["a", "b"]\n')
    columns = read_columns(["fashion-products", str(file), "product_id=sku"])
    assert columns.names["product_id"] == ("sku",)
    assert columns.names["title"] == ("name",)
    assert columns.names["path"] == ("a", "b")
    assert columns.asked == {"product_id"}


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("fashion-product", "did you mean 'fashion-products'"),
        ("pth=a", "did you mean 'path'"),
        ("title=", "needs a column's name"),
        ("path=a > ", "needs a column's name"),
        ("separator=", "sign between"),
    ],
)
def test_wrong_settings_name_the_right_one(setting, word):
    with pytest.raises(UsageError, match=word):
        read_columns([setting])


def test_a_file_with_broken_toml_or_unknown_keys_is_refused(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("title = ")
    with pytest.raises(UsageError, match="not TOML"):
        read_columns([str(file)])
    file.write_text("title = 3")
    with pytest.raises(UsageError, match="title needs a column's name"):
        read_columns([str(file)])


def test_missing_columns_matter_only_when_asked_for_or_needed():
    columns = read_columns(["title=name"])
    with pytest.raises(UsageError, match=r"no column 'name' for title.*did you mean 'names'"):
        columns.within(["image", "path", "names"], "t.csv")
    with pytest.raises(UsageError, match="no column 'image'"):
        columns.within(["path", "name"], "t.csv")
    assert set(columns.within(["image", "path", "name"], "t.csv").names) == {"image", "path", "title"}


def test_a_path_comes_from_text_a_list_or_several_columns():
    assert read_columns([]).path({"path": "Men >  Shirts "}) == ("Men", "Shirts")
    assert read_columns([]).path({"path": ["Men", "Shirts"]}) == ("Men", "Shirts")
    assert read_columns(["separator=/"]).path({"path": "Men/Shirts"}) == ("Men", "Shirts")
    several = read_columns(["path=a > b"])
    assert several.path({"a": "Men", "b": "Shirts"}) == ("Men", "Shirts")
    assert several.path({"a": "Men", "b": math.nan}) == ("Men",)  # known no deeper
    assert several.path({"a": "Men", "b": 3.0}) == ("Men", "3")


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ([], Reason.EMPTY_PATH),
        ([None, " ", math.nan], Reason.EMPTY_PATH),
        (["", "Shirts"], Reason.EMPTY_LEVEL),
        (["Men", "", "Shirts"], Reason.EMPTY_LEVEL),
        (["x"] * (MAX_LEVELS + 1), Reason.TOO_DEEP),
        (["x" * (MAX_NAME_CHARS + 1)], Reason.BAD_NAME),
        (["Men > Shirts"], Reason.BAD_NAME),
        (["bell\x07"], Reason.BAD_NAME),
        (["half \ud800"], Reason.BAD_NAME),
        (["a byte order mark\ufeff"], Reason.BAD_NAME),
    ],
)
def test_a_bad_path_says_what_is_wrong(levels, reason):
    with pytest.raises(RowError) as error:
        checked_path(levels)
    assert error.value.reason is reason


@given(st.lists(st.text(max_size=8), max_size=5))
def test_a_path_that_passes_survives_being_written_as_text(levels):
    try:
        path = checked_path(levels)
    except RowError:
        return
    assert parse_path(format_path(path)) == path
    try:
        Taxonomy([path])
    except TaxonomyError as error:  # pragma: no cover - the test's own failure
        pytest.fail(str(error))


def test_cells_become_text_and_numbers():
    columns = read_columns([])
    cells = {"product_id": 15970.0, "title": "  ", "price": "12.5", "view": "x", "url": "a\ud800"}
    assert columns.text(cells, "product_id") == "15970"
    assert columns.text(cells, "title") is None
    assert columns.number(cells, "price") == 12.5
    assert columns.number(cells, "view") is None
    assert columns.number({"price": math.inf}, "price") is None
    assert columns.number({"price": 10**400}, "price") is None
    assert columns.text(cells, "url") == "a?"
    assert columns.breadcrumb({"breadcrumb": "Home > Men > "}) == ["Home", "Men"]
