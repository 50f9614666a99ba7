import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import TaxonomyError
from atlas.taxonomy.files import parse_taxonomy
from atlas.taxonomy.mapping import Mapping, MappingRow
from atlas.taxonomy.mapping_file import format_mapping, parse_mapping, read_mapping, write_mapping
from tests.taxonomy.test_mapping import SHOPS, consistent
from tests.taxonomy.trees import names, paths

HEAD = "store,store_path,path,status\n"
TREE = parse_taxonomy("Men > Shirts\nMen > Jeans\nY\nZ\n")


def parse(text, taxonomy=None):
    return parse_mapping(text.encode(), taxonomy, "map.csv")


def test_a_mapping_is_read_from_its_four_columns(tmp_path):
    file = tmp_path / "map.csv"
    file.write_text(HEAD + 'acme,Men > Denim,"Men > Jeans, Denims",confirmed\n*,Gifts,,rejected\n')
    assert read_mapping(file).rows == (
        MappingRow("acme", ("Men", "Denim"), ("Men", "Jeans, Denims"), "confirmed"),
        MappingRow("*", ("Gifts",), (), "rejected"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEAD + "a,X,Y,confirmed\n",  # a byte order mark
        "Store; STORE_PATH ;path;status\r\na;X;Y;Confirmed\r\n",  # a spreadsheet's semicolons and line ends
        "status\tpath\tstore\tstore_path\tscore\nconfirmed\tY\ta\tX\t0.9\n",  # any order, further columns
        HEAD + ",,,\n\n a , X  ,Y,confirmed,\n".replace("confirmed,", "confirmed"),  # blank lines and blanks
    ],
)
def test_spreadsheets_write_it_in_many_forms(text):
    assert parse(text).rows == (MappingRow("a", ("X",), ("Y",), "confirmed"),)
    assert parse_mapping(text.removeprefix("\ufeff").encode("utf-16")).rows == parse(text).rows


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: no column 'store': the first line of a mapping is store,store_path,path,status"),
        ("store,path,status\n", "line 1: no column 'store_path'"),
        ("store,store,store_path,path,status\n", "line 1: two columns 'store'"),
        (HEAD + "a,X,Y,maybe\n", "line 2: status is 'maybe': use suggested, confirmed or rejected"),
        (HEAD + "a,X\n", "line 2: status is ''"),
        (HEAD + ",X,Y,confirmed\n", r"line 2: store is empty: write its name, or \* for any store"),
        (HEAD + "a,,Y,confirmed\n", "line 2: store_path is empty"),
        (HEAD + "a,X,,confirmed\n", "line 2: path is empty, and status confirmed"),
        (HEAD + "a,X > > Z,Y,confirmed\n", "line 2: empty level in path 'X >  > Z'"),
        (HEAD + "a,X,A, B & C,confirmed\n", "line 2: 5 cells under 4 headings: put a name with a comma in double"),
        (HEAD + "a,X,Y,confirmed\na,Z\x07,Y,confirmed\n", "line 3: control character U\\+0007"),
        (HEAD + '\na,"X\n\n",Y,confirmed\nA,x,Z,suggested\n', "line 6: 'x' of store A goes to 'Z' .* 'Y' in line 3"),
        (HEAD + "a,X,Y,confirmed\na,X,Y,confirmed\n", "line 3: 'X' of store a stands like this in line 2 already"),
        (HEAD + 'a,X,Y,confirmed\na,"Z,Y,confirmed\n', "line 3: a double quote is never closed"),
        (
            HEAD + "a,X,Men > Jean,confirmed\n",
            "line 2: 'Men > Jean' is not in the tree; the nearest path is 'Men > Jeans'",
        ),
        (HEAD + "a,X,1,nope\n" * 5, r"line 2: .*; line 3: .*; line 4: .* \(and 2 more\)"),
    ],
)
def test_what_cannot_be_right_is_named_with_its_line(text, reason):
    with pytest.raises(TaxonomyError, match=rf"^map\.csv, {reason}"):
        parse(text, TREE)


def test_a_rejected_row_may_name_what_the_tree_has_lost():
    assert len(parse(HEAD + "a,X,Men > Kilts,rejected\n", TREE)) == 1
    assert parse(HEAD + "a,X,Men,suggested\n", TREE).rows[0].path == ("Men",)  # an inner node is in the tree


def test_other_encodings_are_refused_by_line():
    with pytest.raises(TaxonomyError, match=r"line 3: byte 0xE4 is not UTF-8: save the file as UTF-8"):
        parse_mapping((HEAD + "a,X,Y,confirmed\n").encode() + "b,Männer,Y,confirmed\n".encode("cp1252"))


def test_files_that_are_not_there_say_how_one_comes_to_be(tmp_path):
    with pytest.raises(TaxonomyError, match="does not exist: `atlas taxonomy map"):
        read_mapping(tmp_path / "none.csv")
    with pytest.raises(TaxonomyError, match="cannot be read"):
        read_mapping(tmp_path)


def test_notes_stand_behind_and_are_not_read():
    text = format_mapping(SHOPS, [{"score": "0.9"}, {"example": "=1+1"}])
    assert text.splitlines()[0] == "store,store_path,path,status,score,example"
    assert text.splitlines()[2].endswith(",'=1+1")
    assert parse(text) == SHOPS


def test_no_cell_is_a_formula():
    evil = Mapping((MappingRow("=a", ("=HYPERLINK(1)", "x"), ("'+b",), "confirmed"),))
    cells = next(csv.reader(io.StringIO(format_mapping(evil).splitlines()[1])))
    assert cells == ["'=a", "'=HYPERLINK(1) > x", "''+b", "confirmed"]
    assert parse(format_mapping(evil)) == evil


spelled = st.one_of(names, st.sampled_from(["=1", "'=1", "''@", "-", "a,b", 'a"b', "a;b", "'", "'x"]))
rows = st.builds(
    MappingRow,
    spelled,
    st.one_of(paths, st.lists(spelled, min_size=1, max_size=3).map(tuple)),
    st.one_of(paths, st.lists(spelled, min_size=1, max_size=3).map(tuple)),
    st.sampled_from(["suggested", "confirmed", "rejected"]),
)


@given(st.lists(rows, max_size=8).map(consistent))
def test_what_is_written_is_read_again(mapping):
    assert parse(format_mapping(mapping)) == mapping


def test_a_file_that_was_written_is_read_again(tmp_path):
    write_mapping(tmp_path / "map.csv", SHOPS)
    assert read_mapping(tmp_path / "map.csv") == SHOPS
