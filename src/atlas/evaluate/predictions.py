"""A predictions file as arrays: everything that evaluation knows comes from here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as FilePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from atlas.errors import DataError, TaxonomyError
from atlas.evaluate.paths import NO_PATH, PathTable
from atlas.evaluate.rows import PredictionsFile, Rows
from atlas.records import Path
from atlas.taxonomy.files import parse_taxonomy
from atlas.taxonomy.tree import Taxonomy, parse_path

REQUIRED = ("product_id", "path", "truth")
OPTIONAL = (
    "view", "level_probabilities", "answered_depth", "alternatives", "model_id", "taxonomy_id",
    "error", "masses", "near_train",
)  # fmt: skip


def read_predictions(file: FilePath) -> PredictionsFile:
    """The file, opened and checked.

    Raises DataError when it is not a Parquet table, lacks a needed column, has a column of another type, or has no row
    with a truth. Columns other than product_id, path and truth may be missing, so that anybody's predictions can be
    evaluated; the scores that need them are then left out.
    """
    table = _numbered(_read_table(file))
    taxonomy = _taxonomy(table, file)
    scored = table.filter(pc.fill_null(pc.not_equal(table["truth"], ""), False))
    if not len(scored):
        raise DataError(
            f"{file} has {len(table)} rows and no truth in any: predict a data set's split, then evaluate that"
        )
    return PredictionsFile(
        file=file,
        rows=_rows(scored, taxonomy, file),
        taxonomy=taxonomy,
        split=(table.schema.metadata or {}).get(b"atlas.split", b"").decode(),
        total=len(table),
        errors=_messages(scored),
        model_ids=_distinct(table, "model_id"),
        taxonomy_ids=_distinct(table, "taxonomy_id"),
    )


def _read_table(file: FilePath) -> pa.Table:
    if not file.is_file():
        raise DataError(f"{file} is not a file: name the Parquet file that `atlas predict -o` wrote")
    try:
        source = pq.ParquetFile(file)
        present = source.schema_arrow.names
        missing = [name for name in REQUIRED if name not in present]
        if missing:
            raise DataError(
                f"{file} has no column {' and no column '.join(missing)}: evaluation needs {', '.join(REQUIRED)} "
                "(`atlas predict DATASET -o FILE.parquet` writes them; CSV and JSONL files carry no truth)"
            )
        table = source.read([name for name in REQUIRED + OPTIONAL if name in present])
    except pa.ArrowException as error:
        raise DataError(f"{file} is not a whole Parquet file ({str(error).splitlines()[0]}): predict again") from error
    return _with_plain_types(table, file)


#: What the columns are read as; a file by another hand may hold wider or dictionary types.
_TYPES = {
    "product_id": pa.string(), "view": pa.int64(), "path": pa.string(), "truth": pa.string(), "error": pa.string(),
    "level_probabilities": pa.list_(pa.float64()), "answered_depth": pa.int64(), "model_id": pa.string(),
    "taxonomy_id": pa.string(), "near_train": pa.bool_(),
    "alternatives": pa.list_(pa.struct({"path": pa.string(), "probability": pa.float64()})),
    "masses": pa.list_(pa.struct({"node": pa.int64(), "mass": pa.float64()})),
}  # fmt: skip


def _with_plain_types(table: pa.Table, file: FilePath) -> pa.Table:
    for place, name in enumerate(table.column_names):
        try:
            table = table.set_column(place, name, table[name].cast(_TYPES[name]).combine_chunks())
        except pa.ArrowException as error:
            seen = f"{file}: column {name} is {table[name].type}"
            raise DataError(f"{seen} and cannot be read as {_TYPES[name]}: write it as such") from error
    return table


def _numbered(table: pa.Table) -> pa.Table:
    """The table with each row's number from 1 as `row`, which also names a product that has no id."""
    row = pa.array(np.arange(1, len(table) + 1))
    ids = table["product_id"].combine_chunks()
    place = pc.binary_join_element_wise("row", row.cast(pa.string()), " ")
    named = pc.if_else(pc.fill_null(pc.not_equal(ids, ""), False), ids, place)
    return table.set_column(table.column_names.index("product_id"), "product_id", named).append_column("row", row)


def _taxonomy(table: pa.Table, file: FilePath) -> Taxonomy | None:
    text = (table.schema.metadata or {}).get(b"atlas.taxonomy")
    if not text:
        return None
    try:
        return parse_taxonomy(text.decode("utf-8"), f"the tree inside {file}")
    except (UnicodeDecodeError, TaxonomyError) as error:
        raise DataError(f"{file} carries a tree that cannot be read: {error}") from error


def _rows(table: pa.Table, taxonomy: Taxonomy | None, file: FilePath) -> Rows:
    row = table["row"].to_numpy()
    truths, truth_place = _parsed(table["truth"], row, f"{file}, truth")
    guesses, guess_place = _parsed(_guess_text(table), row, f"{file}, path")
    paths = PathTable.of({*truths, *guesses, *(taxonomy.paths if taxonomy else ())})
    truth = np.array([paths.number[path] for path in truths])[truth_place]
    guess = np.array([paths.number[path] for path in guesses])[guess_place]
    product_ids, product = _coded(table["product_id"])
    in_tree, is_answer = _standing(paths, taxonomy)
    return Rows(
        table=paths,
        product=product,
        product_ids=tuple(str(name) for name in product_ids),
        view=_integers(table, "view", -1),
        truth=truth,
        guess=guess,
        known_no_deeper=in_tree[truth] & ~is_answer[truth],
        unknown=~in_tree[truth],
        rank=_rank(table, paths, taxonomy, truth, guess, file),
        level_probabilities=_level_probabilities(table, paths.levels),
        answered_depth=_answered_depth(table, paths, guess),
        near_train=_flags(table, "near_train"),
    )


def _standing(paths: PathTable, taxonomy: Taxonomy | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two (P,) arrays: does the tree have this path, and is it an answer there. Without a tree: yes, and yes."""
    if taxonomy is None:
        everywhere = np.ones(len(paths.paths), dtype=bool)
        return everywhere, everywhere
    nodes = [taxonomy.find(path) for path in paths.paths]
    in_tree = np.array([node is not None for node in nodes])
    return in_tree, np.array([node is not None and bool(taxonomy.is_answer[node]) for node in nodes])


def _guess_text(table: pa.Table) -> pa.ChunkedArray:
    """The guesses, null where a row failed: a path beside an error is no answer."""
    if "error" not in table.column_names:
        return table["path"]
    fine = pc.fill_null(pc.equal(table["error"], ""), True)
    return pc.if_else(fine, table["path"], None)


def _parsed(column: pa.ChunkedArray, row: NDArray[np.int64], where: str) -> tuple[list[Path], NDArray[np.int64]]:
    """The distinct paths of a text column and each entry's place among them; null and "" are the empty path.

    Raises DataError that says `where` and in which `row` of the file the first text stands that is no path.
    """
    texts, place = _coded(column)
    paths: list[Path] = []
    for number, text in enumerate(texts):
        try:
            paths.append(parse_path(text) if text else ())
        except TaxonomyError as error:
            first = row[np.argmax(place == number)]
            raise DataError(f"{where}, row {first}: {error}; write names with ' > ' between them") from error
    return paths, place


def _coded(column: pa.ChunkedArray) -> tuple[list[str | None], NDArray[np.int64]]:
    """The distinct values in order of first appearance, null among them, and each row's place."""
    coded = pa.chunked_array(column).combine_chunks().dictionary_encode(null_encoding="encode")
    return coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _integers(table: pa.Table, name: str, missing: int) -> NDArray[np.int64]:
    if name not in table.column_names:
        return np.full(len(table), missing, dtype=np.int64)
    values: NDArray[np.int64] = pc.fill_null(table[name], missing).to_numpy().astype(np.int64)
    return values


def _flags(table: pa.Table, name: str) -> NDArray[np.bool_] | None:
    """A boolean column with null as no, or None when nothing is known at all."""
    if name not in table.column_names or table[name].null_count == len(table):
        return None
    flags: NDArray[np.bool_] = pc.fill_null(table[name], False).to_numpy(zero_copy_only=False).astype(bool)
    return flags


def _answered_depth(table: pa.Table, paths: PathTable, guess: NDArray[np.int64]) -> NDArray[np.int64]:
    """(R,): how deep each row commits itself; the whole guess where the file does not say, 0 for a failed row."""
    depth = np.array([len(path) for path in paths.paths])[guess]
    given = _integers(table, "answered_depth", -1)
    answered: NDArray[np.int64] = np.minimum(np.where(given < 0, depth, given), depth)
    return answered


def _level_probabilities(table: pa.Table, levels: int) -> NDArray[np.float64] | None:
    """(R, D) probabilities of the guess's levels, nan beyond; None when the file has none."""
    if "level_probabilities" not in table.column_names:
        return None
    row, place, values = _flattened(table["level_probabilities"])
    dense = np.full((len(table), levels), np.nan)
    inside = place < levels
    dense[row[inside], place[inside]] = values.to_numpy(zero_copy_only=False)[inside]
    return None if np.isnan(dense).all() else dense


def _flattened(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.int64], pa.Array]:
    """A list column's values one after the other, each with its row and its place in the row's list."""
    lists = pa.chunked_array(column).combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(lengths)), lengths)
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return row, np.arange(len(row)) - np.repeat(first, lengths), lists.flatten()


def _rank(
    table: pa.Table, paths: PathTable, taxonomy: Taxonomy | None,
    truth: NDArray[np.int64], guess: NDArray[np.int64], file: FilePath,
) -> NDArray[np.int64] | None:  # fmt: skip
    """(R,): the truth's place among the answers: 1 for the guess itself, then by falling mass; 0 when it is not listed.

    Masses are better than alternatives, of which a file holds a few. An answer that both leave out has less than 1e-4.
    """
    if taxonomy is not None and _filled(table, "masses"):
        row, number, mass = _listed_masses(table["masses"], paths, taxonomy)
    elif _filled(table, "alternatives"):
        row, place, entries = _flattened(table["alternatives"])
        column = pa.chunked_array([entries.field("path")])
        listed, code = _parsed(column, table["row"].to_numpy()[row], f"{file}, alternatives")
        known = np.array([paths.number.get(path, -1) for path in listed], dtype=np.int64)
        number, mass = known[code], -place.astype(np.float64)
    else:
        return None
    return _place_of_truth(row, number, mass, truth, guess)


def _filled(table: pa.Table, name: str) -> bool:
    return name in table.column_names and bool(len(_flattened(table[name])[0]))


def _listed_masses(
    column: pa.ChunkedArray, paths: PathTable, taxonomy: Taxonomy
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row, path number and mass of every listed answer; mass that stayed on a node which is no answer is no answer."""
    row, _, entries = _flattened(column)
    node = entries.field("node").to_numpy(zero_copy_only=False).astype(np.int64)
    mass = entries.field("mass").to_numpy(zero_copy_only=False)
    if node.size and (node.min() < 0 or node.max() >= len(taxonomy)):
        raise DataError(
            f"masses name node {node.max()}, the file's own tree has {len(taxonomy)}: it is not the tree they are of"
        )
    number = np.array([paths.number[path] for path in taxonomy.paths])
    answer = taxonomy.is_answer[node]
    return row[answer], number[node[answer]], mass[answer]


def _place_of_truth(
    row: NDArray[np.int64], number: NDArray[np.int64], mass: NDArray[np.float64],
    truth: NDArray[np.int64], guess: NDArray[np.int64],
) -> NDArray[np.int64]:  # fmt: skip
    """(R,): 1 + the listed answers other than the truth that come before it; a tie goes to the one listed first."""
    rows = len(truth)
    is_truth, others = number == truth[row], number != guess[row]
    truth_mass, truth_entry = np.full(rows, np.nan), np.zeros(rows, dtype=np.int64)
    truth_mass[row[is_truth]], truth_entry[row[is_truth]] = mass[is_truth], np.flatnonzero(is_truth)
    ahead = (mass > truth_mass[row]) | ((mass == truth_mass[row]) & (np.arange(len(row)) < truth_entry[row]))
    place = 2 + np.bincount(row[ahead & others & ~is_truth], minlength=rows)
    return np.where(truth == guess, 1, np.where(np.isnan(truth_mass) | (guess == NO_PATH), 0, place))


def _messages(table: pa.Table) -> dict[str, int]:
    if "error" not in table.column_names:
        return {}
    counts = pc.value_counts(table["error"]).to_pylist()
    told = [(entry["values"], entry["counts"]) for entry in counts if entry["values"]]
    return dict(sorted(told, key=lambda item: (-item[1], item[0])))


def _distinct(table: pa.Table, name: str) -> tuple[str, ...]:
    if name not in table.column_names:
        return ()
    return tuple(sorted(_texts(pc.unique(table[name]).to_pylist())))


def _texts(values: Iterable[str | None]) -> list[str]:
    return [value for value in values if value]
