import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import DataError
from atlas.taxonomy.patch_file import PatchRow, format_patch, parse_patch, read_patch
from atlas.taxonomy.tree import Taxonomy

HEAD = "product_id,path,by,at,reason\n"


def test_a_patch_is_read_line_by_line():
    rows = parse_patch(f"{HEAD}17,Men > Shirts,ann,2026-11-01,wrong\n18,-,ann,,no product\n".encode())
    assert rows == (
        PatchRow("17", ("Men", "Shirts"), "ann", "2026-11-01", "wrong"),
        PatchRow("18", (), "ann", "", "no product"),
    )


def test_two_columns_are_enough_and_their_order_is_free():
    assert parse_patch(b"Path;product_id\nMen > Shirts;17\n") == (PatchRow("17", ("Men", "Shirts")),)


def test_by_says_what_nobody_has_looked_at():
    rows = parse_patch(f"{HEAD}1,A,suggested,,\n2,A,Suggested,,\n3,A,ann,,suggested\n4,A,,,\n".encode())
    assert [row.is_suggested for row in rows] == [True, True, False, False]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("17,,ann,,\n", "line 2: path is empty: write the product's path, or - to take the product out"),
        (",A,ann,,\n", "line 2: product_id is empty"),
        ("17,A > > B,ann,,\n", "line 2: empty level"),
        ('17,"A,ann,,\n', "line 2: a double quote is never closed"),
        ("17,A,ann,,,,\n", "line 2: 7 cells under 5 headings"),
        ("17,A,ann,,\n\n17,B,ann,,\n", "line 4: product 17 has the path A in line 2: keep one"),
    ],
)
def test_a_broken_line_is_refused_with_file_line_and_reason(tmp_path, lines, said):
    file = tmp_path / "p.csv"
    file.write_text(HEAD + lines)
    with pytest.raises(DataError) as error:
        read_patch(file)
    assert str(error.value).startswith(f"{file}, {said}")


def test_all_lines_are_looked_at_before_the_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"line 2: .*; line 3: .*; line 4: .*\(and 1 more\)"):
        parse_patch((HEAD + ",A,,,\n" * 4).encode())


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist: a patch is a CSV of product_id,path,by,at,reason"):
        read_patch(tmp_path / "no.csv")
    with pytest.raises(DataError, match="no column 'product_id'"):
        parse_patch(b"id,path\n1,A\n")
    with pytest.raises(DataError, match="line 2: byte 0xFF is not UTF-8"):
        parse_patch(HEAD.encode() + b"1,\xff\n")


def test_paths_must_be_in_a_given_tree():
    tree = Taxonomy([("Men", "Shirts"), ("Men", "Shorts")])
    assert parse_patch(f"{HEAD}1,Men > Shirts,,,\n2,-,,,\n".encode(), tree)
    with pytest.raises(DataError, match=r"line 2: 'Men > Shirst' is not in the tree.*Men > Shirts"):
        parse_patch(f"{HEAD}1,Men > Shirst,,,\n".encode(), tree)


def test_a_suggestion_and_a_decision_may_differ_and_so_may_stores():
    text = "product_id,path,by,at,reason,store\n1,A,suggested,,,\n1,B,ann,,,\n1,C,ann,,,north\n1,D,ann,,,south\n"
    assert [row.store for row in parse_patch(text.encode())] == ["", "", "north", "south"]


def test_the_digest_names_the_content(tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(f"{HEAD}1,A,,,\n")
    second.write_text(f"{HEAD}1,B,,,\n")
    assert read_patch(first).digest != read_patch(second).digest
    assert read_patch(first).name == "a.csv"


WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12).map(str.strip)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8).map(lambda name: "x" + name)
ROWS = st.builds(
    PatchRow,
    WORDS.filter(lambda text: text and not text.startswith("'")),
    st.lists(NAMES, max_size=3).map(tuple),
    WORDS.filter(lambda text: not text.startswith("'")),
    st.just(""),
    WORDS.filter(lambda text: not text.startswith("'")),
    st.sampled_from(["", "north"]),
)


@given(st.lists(ROWS, max_size=4, unique_by=lambda row: (row.store, row.product_id)))
def test_what_is_written_is_read_again(rows):
    from atlas.taxonomy.tree import clean_path

    clean = [row._replace(path=clean_path(row.path) if row.path else ()) for row in rows]
    assert list(parse_patch(format_patch(clean).encode())) == clean


def test_no_cell_becomes_a_formula():
    lines = format_patch([PatchRow("=1+1", (), "@ann", "", "-")]).splitlines()
    assert lines[1] == "'=1+1,'-,'@ann,,'-"
