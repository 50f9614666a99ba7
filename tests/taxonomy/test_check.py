import pytest
from hypothesis import given

from atlas.taxonomy.check import check_taxonomy
from atlas.taxonomy.files import format_taxonomy

from .trees import taxonomies


def kinds(text, **options):
    return [(finding.line, finding.kind) for finding in check_taxonomy(text.encode(), **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A > x\nA > y\nB > z\nB > w\n", []),
        ("A > Tee\nA > tee\n", [(2, "case-twins")]),
        ("A > T-Shirts\nA > T Shirt\n", [(2, "look-alikes")]),
        ("A > Tops & Tees\nA > Tops and Tees\n", [(2, "look-alikes")]),
        ("A > Café\nA > Cafe\n", [(2, "look-alikes")]),
        ("A > x\nA > Underwear\nB > y\nB > UnderWear\n", [(4, "spelling")]),
        ("A > x\nA > Shi\u200brts\n", [(2, "invisible")]),
        ("A > x\nA > \u0441otton\n", [(2, "mixed-alphabets")]),
        ("A > x\nA > क्\u200dष\n", []),
        ("A > x\nA > Шуба\n", []),
        ("A > B > x\nA > B > y\n", [(1, "single-child")]),
        ("A\nA > B\n", []),
        ("Men\n3 - Piece > x\n3 - Piece > y\n", [(2, "id-like")]),
    ],
)
def test_warnings_by_hand(text, expected):
    assert kinds(text) == expected


def test_errors_come_first_and_all_at_once():
    findings = check_taxonomy(b"A > x\nA > X\n\xff\nB > > c\nA > x\n")
    assert [(finding.line, finding.severity) for finding in findings] == [
        (3, "error"),
        (4, "error"),
        (5, "error"),
        (2, "warning"),
    ]


def test_a_file_with_nothing_to_read_has_errors_only():
    assert [finding.severity for finding in check_taxonomy(b"")] == ["error"]


def test_thin_answers_need_products():
    text = "A > x\nA > y\n"
    assert kinds(text) == []
    assert kinds(text, products={("A", "x"): 10, ("A", "y"): 9}, thin=10) == [(2, "thin")]
    assert kinds(text, products={("A", "x"): 10}, thin=0) == []


@given(taxonomies())
def test_a_written_tree_has_no_errors(tree):
    assert all(finding.severity == "warning" for finding in check_taxonomy(format_taxonomy(tree).encode()))
