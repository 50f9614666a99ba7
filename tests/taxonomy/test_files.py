import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atlas.errors import TaxonomyError
from atlas.taxonomy.files import (
    MAX_LINE_BYTES,
    format_taxonomy,
    load_taxonomy,
    parse_taxonomy,
    read_taxonomy,
    scan_taxonomy,
    write_taxonomy,
)
from atlas.taxonomy.tree import Taxonomy

from .trees import taxonomies

GOOGLE = """\
# Google_Product_Taxonomy_Version: 2021-09-21
166 - Apparel & Accessories
1604 - Apparel & Accessories > Clothing
5322 - Apparel & Accessories > Clothing > Activewear
"""
SHOPIFY = """\
# Shopify Product Taxonomy - Categories: 2024-07
# Format: {GID} : {Ancestor name} > ... > {Category name}

gid://shopify/TaxonomyCategory/aa                : Apparel & Accessories
gid://shopify/TaxonomyCategory/aa-1              : Apparel & Accessories > Clothing
gid://shopify/TaxonomyCategory/aa-1-1            : Apparel & Accessories > Clothing > Activewear
"""
CLOTHES = (
    ("Apparel & Accessories",),
    ("Apparel & Accessories", "Clothing"),
    ("Apparel & Accessories", "Clothing", "Activewear"),
)


def answers(tree):
    return [tree.paths[node] for node in tree.answers]


def test_atlas52_ships():
    tree = load_taxonomy("atlas52")
    assert len(tree.leaves) == len(tree.answers) == 52
    assert tree.levels == 3
    assert [tree.paths[node][0] for node in tree.children(0)] == ["Men", "Women"]
    below = [sum(tree.paths[leaf][0] == name for leaf in tree.leaves) for name in ("Men", "Women")]
    assert below == [22, 30]
    assert len(tree.vocabulary) == 54 + 3
    assert tree.find(("Women", "Western Wear", "Jumpsuits, Rompers & Overalls"))


def test_a_file_may_have_the_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "atlas52").write_text("A\n")
    assert len(load_taxonomy("./atlas52").leaves) == 1
    assert len(load_taxonomy("atlas52").leaves) == 52


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (GOOGLE, ["166", "1604", "5322"]),
        (SHOPIFY, [f"gid://shopify/TaxonomyCategory/aa{end}" for end in ("", "-1", "-1-1")]),
    ],
)
def test_published_trees_are_read(text, ids):
    tree = parse_taxonomy(text)
    assert tuple(answers(tree)) == CLOTHES
    assert tree.ids == dict(zip(CLOTHES, ids, strict=True))
    assert tree.node(ids[1]) == 2


def test_an_inner_node_is_an_answer_only_with_a_line_of_its_own():
    assert answers(parse_taxonomy("A > x\nB > y\nB\n")) == [("A", "x"), ("B",), ("B", "y")]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_blanks_comments_and_a_mark_do_not_matter(end, bom):
    text = bom + (end or "\n").join(["# c", "", "  A  >  x\ty ", "", "B"]) + end
    assert answers(parse_taxonomy(text)) == [("A", "x y"), ("B",)]


@given(taxonomies())
@example(Taxonomy([("3 - Piece Suits", "Wool"), ("3 - Piece Suits", "Linen")]))
@example(Taxonomy([("3 - Piece Suits",)]))
@example(Taxonomy([("A",), ("1 - B",), ("2 - C",)]))
@example(Taxonomy([("#1 Deals", "x")]))
@example(Taxonomy([("T", "x"), ("3 - B",)], {("T", "x"): "abc"}))
def test_what_is_written_comes_back(tree):
    again = parse_taxonomy(format_taxonomy(tree))
    assert again.paths == tree.paths
    assert again.answers == tree.answers
    assert again.ids == tree.ids
    assert again.digest == tree.digest
    assert format_taxonomy(again) == format_taxonomy(tree)


def test_a_file_comes_back(tmp_path):
    tree = parse_taxonomy(GOOGLE)
    write_taxonomy(tmp_path / "tree.txt", tree)
    assert read_taxonomy(tmp_path / "tree.txt") == tree
    assert (tmp_path / "tree.txt").read_text() == "\n".join(GOOGLE.splitlines()[1:]) + "\n"


# -- ids are one decision for the whole file ---------------------------------------------------------------------------


def test_names_like_ids_stay_names_where_the_first_path_has_none():
    tree = parse_taxonomy("Men > Suits\n3 - Piece Suits > Wool\n3 - Piece Suits > Linen\n")
    assert answers(tree)[1] == ("3 - Piece Suits", "Wool")
    assert tree.ids == {}


def test_names_like_ids_stay_names_after_an_id():
    assert parse_taxonomy("17 - 3 - Piece Suits > Wool\n").ids == {("3 - Piece Suits", "Wool"): "17"}


def test_a_comment_decides():
    assert parse_taxonomy("# ids: no\n3 - Piece Suits\n").paths[1] == ("3 - Piece Suits",)
    assert parse_taxonomy("# IDs: Yes\nabc - Suits\n").ids == {("Suits",): "abc"}
    assert parse_taxonomy("# ids: yes\nabc : Suits\n").ids == {("Suits",): "abc"}
    assert parse_taxonomy("T - Shirts\n").paths[1] == ("T - Shirts",)


def test_a_question_mark_stands_for_no_id():
    tree = parse_taxonomy("1 - A\n? - 2 - B\n? - C\n")
    assert tree.ids == {("A",): "1"}
    assert tree.paths[1:] == (("A",), ("2 - B",), ("C",))


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("1604 - A\nB\n", 2, "no id before 'B'"),
        ("3 - Piece Suits > Wool\nMen\n", 2, "# ids: no"),
        ("3 - Piece Suits > Wool\n3 - Piece Suits > Linen\n", 2, "id 3 is given on line 1 already.*# ids: no"),
        ("New\n1 - A\n2 - B\n", 1, "the first path has no id, but 2 others do"),
        ("gid://a/b : A\n3 - Piece\n", 2, "no id before"),
        ("1 - A\n1 - B\n", 2, "id 1 is given on line 1 already"),
        ("# ids: yes\nA > B\n", 2, "no id before"),
        ("1 - A\n2 - \n", 2, "no id before"),
        ("1 - A\n\u200b2 - B\n", 2, "cannot be an id"),
    ],
)
def test_doubtful_ids_are_refused(text, line, reason):
    with pytest.raises(TaxonomyError, match=rf"^shop\.txt, line {line}: .*{reason}"):
        parse_taxonomy(text, "shop.txt")


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"", 1, "no path in the file"),
        (b"\n# only a comment\n\n", 1, "no path in the file"),
        (b"A\nB\nA\n", 3, "'A' is on line 1 already"),
        (b"A > x\n\nA >  x\n", 3, "'A > x' is on line 1 already"),
        (b"A\nB > > c\n", 2, "empty level"),
        (b"A >\n", 1, "empty level"),
        (b"A\n\xe9t\xe9\n", 2, "byte 0xE9 is not UTF-8"),
        ("A\n".encode("utf-16"), 1, "UTF-16"),
        (b"\xed\xa0\x80\n", 1, "byte 0xED is not UTF-8"),
        (b"A\nB\x00C\n", 2, r"control character U\+0000"),
        (b"A\rB\n", 1, r"control character U\+000D"),
        (b"A\x0bB\n", 1, r"control character U\+000B"),
        ("A\nB\u2028C\n".encode(), 2, r"U\+2028"),
        ("A\n\ufeffB\n".encode(), 2, r"U\+FEFF"),
        (b" > ".join([b"A"] * 33), 1, "33 levels"),
        (b"A > " + b"b" * 251, 1, "name of 251 characters"),
        (b"A\n" + b"b" * (MAX_LINE_BYTES + 1), 2, "line of 65,537 bytes"),
    ],
)
def test_a_bad_line_is_refused_with_file_line_and_reason(tmp_path, data, line, reason):
    file = tmp_path / "shop.txt"
    file.write_bytes(data)
    with pytest.raises(TaxonomyError, match=rf"shop\.txt, line {line}: .*{reason}"):
        read_taxonomy(file)


def test_lone_surrogates_in_text_are_refused():
    with pytest.raises(TaxonomyError, match="line 2: byte 0xED"):
        parse_taxonomy("A\nB\ud800\n")


def test_files_that_are_none(tmp_path):
    with pytest.raises(TaxonomyError, match=r"atlas53 does not exist: .*atlas52"):
        load_taxonomy(tmp_path / "atlas53")
    with pytest.raises(TaxonomyError, match="is a folder"):
        load_taxonomy(tmp_path)


def test_a_huge_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("atlas.taxonomy.files.MAX_FILE_BYTES", 3)
    (tmp_path / "a.txt").write_text("A > B\n")
    with pytest.raises(TaxonomyError, match="6 bytes"):
        read_taxonomy(tmp_path / "a.txt")


def test_one_scan_finds_every_problem_and_keeps_the_rest():
    scan = scan_taxonomy(b"A\n\xff\nB > > c\nA\nD\n")
    assert [problem.line for problem in scan.problems] == [2, 3, 4]
    assert [(entry.line, entry.path) for entry in scan.entries] == [(1, ("A",)), (5, ("D",))]
    with pytest.raises(TaxonomyError, match=r"line 2: .* \(and 2 more"):
        parse_taxonomy("A\nB >\nC >\n> D\n")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_tree_or_a_taxonomy_error(data):
    scan = scan_taxonomy(data)
    assert scan.entries or scan.problems
    assert all(problem.line <= data.count(b"\n") + 1 for problem in scan.problems)


@given(st.text(st.sampled_from("Ab13 ->:#?\n\t\r\u0301\u2028é"), max_size=60))
def test_any_text_gives_a_tree_that_comes_back_or_a_taxonomy_error(text):
    try:
        tree = parse_taxonomy(text)
    except TaxonomyError:
        return
    assert parse_taxonomy(format_taxonomy(tree)) == tree
