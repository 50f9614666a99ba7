import csv
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.evaluate.contest_tables import csv_text, escape, latex_text

from .contests import entries_of, summary_of


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return summary_of(entries_of(tmp_path_factory.mktemp("tables")), draws=10)


def test_the_csv_has_every_entry_and_the_published_rows(summary):
    rows = list(csv.DictReader(csv_text(summary).splitlines()))
    assert [row["kind"] for row in rows] == ["measured"] * 5 + ["published"] * 3
    first, other, _, _, failed, published = rows[:6]
    score = summary["entries"][0]["scores"]["level.3.accuracy"]
    assert float(first["level.3.accuracy"]) == pytest.approx(score["mean"], abs=1e-6)
    assert float(first["level.3.accuracy.low"]) == pytest.approx(score["interval"][0], abs=1e-6)
    change = summary["comparisons"][0]["differences"]["level.3.accuracy"]
    assert float(other["level.3.accuracy.minus_reference"]) == pytest.approx(change["difference"], abs=1e-6)
    assert (first["free_invalid"], other["free_invalid"], other["free_invalid_share"]) == ("", "12", "0.02")
    assert (first["constrained_invalid"], first["seeds"], first["epochs"]) == ("0", "0 1", "14 14")
    assert (failed["level.1.accuracy"], failed["error"]) == ("", "seed 0: the loss is not a number")
    assert (published["micro.f1"], published["level.3.accuracy"]) == ("0.92", "")
    assert "Umaashankar" in published["source"]


def test_the_latex_has_as_many_cells_in_each_row_as_columns(summary):
    text = latex_text(summary)
    columns = re.search(r"\\begin\{tabular\}\{@\{\}(l?r*)@", text)[1]
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 2 + 5 + 3
    assert {width(row) for row in rows} == {len(columns)} == {12}
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert r"wild\_50\% \& more" in text
    assert r"shop\_1, part test: 300 pictures" in text
    assert "ResNet-34, published*" in text


def test_a_whole_data_set_needs_no_column_of_shares(summary):
    whole = [entry for entry in summary["entries"] if entry["share"] == 1]
    text = latex_text(summary | {"entries": whole})
    assert "recipe & seeds & 1 & 2 & 3 & micro" in text


def width(row):
    """The columns that a row fills."""
    spans = [int(span) - 1 for span in re.findall(r"\\multicolumn\{(\d+)\}", row)]
    return row.replace(r"\&", "").count("&") + 1 + sum(spans)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("50% & more_or_less", r"50\% \& more\_or\_less"),
        ("a#b$c{d}", r"a\#b\$c\{d\}"),
        (r"a\b~c^d", r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d"),
        ("Men > Shirts | 'x'", r"Men \textgreater{} Shirts \textbar{} 'x'"),
    ],
)
def test_what_latex_would_read_as_a_command_is_escaped(text, escaped):
    assert escape(text) == escaped


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=("Cc",))))
def test_escaped_text_has_no_bare_special(text):
    left = escape(text)
    for command in (r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}", r"\textless{}", r"\textgreater{}",
                    r"\textbar{}", r"\{", r"\}", r"\$", r"\&", r"\%", r"\#", r"\_"):  # fmt: skip
        left = left.replace(command, "")
    assert not set(left) & set('\\{}$&%#_~^<>|"')


def test_paths_of_unequal_depth_are_told_as_wholes(summary):
    uneven = summary | {"headline": "micro.recall", "pictures_by_level": [summary["n"], 120, 7]}
    lines = list(csv.DictReader(csv_text(uneven).splitlines()))
    change = summary["comparisons"][0]["differences"]["micro.recall"]["difference"]
    assert float(lines[1]["micro.recall.minus_reference"]) == pytest.approx(change, rel=1e-5)
    assert f"so many names: {summary['n']}, 120, 7." in latex_text(uneven)
    assert "so many names" not in latex_text(summary)
