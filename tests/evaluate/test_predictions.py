import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.errors import DataError
from atlas.evaluate.predictions import read_predictions
from atlas.taxonomy.tree import Taxonomy

from .synthetic import row, tree_of, write, write_drawn


def test_what_the_file_says_of_itself(six, tree):
    assert (six.split, six.total, six.model_ids, six.taxonomy_ids) == ("test", 6, ("made-up",), (tree.digest,))
    assert six.taxonomy == tree
    assert six.errors == {"not a picture": 1}
    assert six.rows.product_ids == ("a", "b", "c", "d", "e")
    assert six.rows.product.tolist() == [0, 1, 2, 3, 4, 4]
    assert six.rows.failed.tolist() == [False] * 5 + [True]


def test_truths_are_sorted_into_answers_inner_nodes_and_strangers(tmp_path, tree):
    rows = [
        row("a", "Men > Shirts", "Men > Shirts", tree),
        row("b", "Men", "Men > Jeans", tree),
        row("c", "Men > Kilts", "Men > Jeans", tree),
        row("d", "Bags > Totes", "Men > Jeans", tree),
        row("e", None, "Men > Jeans", tree),
    ]
    file = read_predictions(write(tmp_path / "p.parquet", rows, tree))
    assert (len(file.rows), file.total) == (4, 5)
    assert file.rows.known_no_deeper.tolist() == [False, True, False, False]
    assert file.rows.unknown.tolist() == [False, False, True, True]
    right = (file.rows.truth_at == file.rows.guess_at) & (file.rows.truth_at >= 0)
    assert right.tolist() == [[True, True], [True, False], [True, False], [False, False]]


def test_rank_follows_the_masses_of_answers(tmp_path):
    tree = Taxonomy([("A", "x"), ("A", "y"), ("B", "z"), ("B", "w")])
    masses = {"A > x": 0.4, "A": 0.3, "B > z": 0.2, "A > y": 0.1}  # what stayed on A, a node that is no answer
    truths = ["A > x", "B > z", "A > y", "B > w", "C > q"]
    rows = [row(str(n), truth, "A > x", tree, masses=masses) for n, truth in enumerate(truths)]
    file = read_predictions(write(tmp_path / "p.parquet", rows, tree))
    assert file.rows.rank.tolist() == [1, 2, 3, 0, 0]


def test_without_masses_the_alternatives_rank(tmp_path):
    tree = Taxonomy([("A", "x"), ("A", "y"), ("B", "z"), ("B", "w")])
    masses = {"A > x": 0.6, "B > z": 0.3, "A > y": 0.1}
    rows = [row(str(n), truth, "A > x", tree, masses=masses) for n, truth in enumerate(["A > x", "A > y", "B > w"])]
    file = write(tmp_path / "p.parquet", rows, tree)
    pq.write_table(pq.read_table(file).drop_columns(["masses", "mass_left"]), file)
    assert read_predictions(file).rows.rank.tolist() == [1, 3, 0]


def test_masses_and_alternatives_agree_and_the_guess_is_first(tmp_path):
    file = write_drawn(tmp_path / "drawn.parquet", tree_of(20), 300)
    by_mass = read_predictions(file).rows
    pq.write_table(pq.read_table(file).drop_columns(["masses"]), file)
    by_alternative = read_predictions(file).rows
    listed = by_alternative.rank > 0
    assert (by_mass.rank[listed] == by_alternative.rank[listed]).all()
    assert ((by_mass.rank == 1) == (by_mass.truth == by_mass.guess)).all()
    assert (by_mass.rank[~listed] != 1).all()


def test_anybodys_predictions_need_three_columns(tmp_path):
    file = tmp_path / "theirs.parquet"
    pq.write_table(pa.table({"product_id": ["a", "b"], "path": ["A > x", "A > y"], "truth": ["A > x", "A"]}), file)
    found = read_predictions(file)
    assert found.taxonomy is None
    assert found.rows.rank is None
    assert found.rows.near_train is None
    assert not found.rows.known_no_deeper.any()  # without a tree every truth is complete
    assert found.rows.answered_depth.tolist() == [2, 2]
    assert found.rows.view.tolist() == [-1, -1]


def test_wide_types_and_dictionaries_are_read(tmp_path):
    file = tmp_path / "wide.parquet"
    text = pa.array(["A > x", "A > x"]).dictionary_encode()
    table = pa.table(
        {"product_id": pa.array([7, 8]), "path": text, "truth": text.cast(pa.large_string()), "view": [0, 1]}
    )
    pq.write_table(table, file)
    assert read_predictions(file).rows.product_ids == ("7", "8")


def test_only_some_rows_renumbers_their_products(six):
    some = six.rows.only(np.array([3, 5]))
    assert some.product_ids == ("d", "e")
    assert some.product.tolist() == [0, 1]
    assert len(some) == 2
    assert some.table is six.rows.table


def spoil_columns(file, table):
    pq.write_table(table.drop_columns(["truth"]), file)


def spoil_end(file, table):
    file.write_bytes(file.read_bytes()[:-20])


def spoil_truths(file, table):
    place = table.column_names.index("truth")
    pq.write_table(table.set_column(place, "truth", pa.nulls(len(table), pa.string())), file)


def spoil_types(file, table):
    place = table.column_names.index("view")
    pq.write_table(table.set_column(place, "view", pa.array([["x"]] * len(table))), file)


def spoil_tree(file, table):
    pq.write_table(table.replace_schema_metadata({b"atlas.taxonomy": b"A > > B\n"}), file)


def spoil_nodes(file, table):
    pq.write_table(table.replace_schema_metadata({b"atlas.taxonomy": b"Men > Shirts\n"}), file)


def spoil_paths(file, table):
    place = table.column_names.index("path")
    pq.write_table(table.set_column(place, "path", pa.array(["Men > > x"] * len(table))), file)


def spoil_everything(file, table):
    file.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_columns, "no column truth"),
        (spoil_end, "not a whole Parquet file"),
        (spoil_truths, "no truth in any"),
        (spoil_types, "column view"),
        (spoil_tree, "tree that cannot be read"),
        (spoil_nodes, "masses name node"),
        (spoil_paths, "empty level"),
        (spoil_everything, "is not a file"),
    ],
)
def test_a_spoilt_file_says_what_is_wrong(six_file, spoil, message):
    spoil(six_file, pq.read_table(six_file))
    with pytest.raises(DataError, match=message):
        read_predictions(six_file)


def test_products_without_an_id_are_told_apart_by_row(tmp_path):
    ids = ["a", None, "", None, "a"]
    truths = ["A > x", "A > y", None, "A > y", "A > x"]
    pq.write_table(pa.table({"product_id": ids, "path": ["A > x"] * 5, "truth": truths}), tmp_path / "p.parquet")
    rows = read_predictions(tmp_path / "p.parquet").rows
    assert rows.product_ids == ("a", "row 2", "row 4")
    assert rows.product.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("column", ["truth", "path", "alternatives"])
def test_a_text_that_is_no_path_is_told_with_file_and_row(tmp_path, column):
    # the second row has no truth: it is not scored, and counts for the number all the same
    texts = {name: ["A > x", None, "A > x", "A > x"] for name in ("truth", "path", "alternatives")}
    texts[column][3] = "A > > x"
    given = [None if text is None else [{"path": text, "probability": 0.5}] for text in texts.pop("alternatives")]
    pq.write_table(pa.table({"product_id": list("abcd"), **texts, "alternatives": given}), tmp_path / "p.parquet")
    with pytest.raises(DataError, match=rf"p\.parquet, {column}, row 4: empty level"):
        read_predictions(tmp_path / "p.parquet")
