import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.dataset.columns import read_columns
from atlas.dataset.sources import open_source
from atlas.dataset.tables import table_columns, table_rows
from atlas.errors import DataError, UsageError

from .pictures import listings, picture, write_parquet


def rows_of(source, start=(0, 0)):
    return list(source.rows(["product_id", "path", "title", "image"], start))


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "shop"
    write_parquet(folder / "a.parquet", listings(20))
    with (folder / "b.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["path", "image"], ["A", "1.png"], ["B", "2.png"], ["C", "3.png"]])
    (folder / "c.jsonl").write_text(
        "".join(json.dumps({"path": ["A", str(n)], "image": "1.png"}) + "\n" for n in range(4))
    )
    return folder


def test_a_folder_of_tables_is_read_in_order_of_name_from_any_row_on(tables):
    source = open_source(tables)
    rows = rows_of(source)
    assert [row.place for row in rows[18:22]] == ["a.parquet:19", "a.parquet:20", "b.csv:1", "b.csv:2"]
    assert len(rows) == 27
    for skip in range(27):
        assert rows_of(source, (rows[skip].file, rows[skip].number)) == rows[skip:]


def test_folders_are_categories_and_hidden_or_foreign_files_are_nothing(tmp_path):
    for name in (
        "Men/Shirts/2.png",
        "Men/Shirts/10.PNG",
        "Women/é/1.jpg",
        ".git/x.png",
        "Men/.hidden.png",
        "Men/note.txt",
    ):
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(1))
    source = open_source(tmp_path / "tree")
    assert source.is_tree
    assert [row.cells["path"] for row in rows_of(source)] == [["Men", "Shirts"], ["Men", "Shirts"], ["Women", "é"]]
    assert [row.place for row in rows_of(source, (0, 1))] == ["Men/Shirts/2.png", "Women/é/1.jpg"]


def test_a_split_named_by_folder_is_no_part_of_a_trees_paths(tmp_path):
    left = ("spare/Men/1.png", "spare/Men/2.png", "loose.png", "more/test/Men/1.png", "more/extra/Men/1.png")
    for name in ("train/Men/1.png", "val/Women/1.png", *left):
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(1))
    source, unread = open_source(tmp_path / "tree").with_splits({"train": ("train",), "test": ("val/*", "more/test")})
    assert [(row.place, row.cells["path"]) for row in rows_of(source)] == [
        ("train/Men/1.png", ["Men"]),
        ("val/Women/1.png", ["Women"]),
        ("more/test/Men/1.png", ["Men"]),
    ]
    assert [entry.split for entry in source.files] == ["train", "test", "test"]
    assert unread == {"loose.png": 1, "more/extra": 1, "spare": 2}


@pytest.mark.parametrize(
    ("patterns", "word"),
    [
        ({"train": ("Men",), "test": ("Men/Shirts",)}, "gives Men/Shirts to test and Men, which holds it, to train"),
        ({"train": ("Men",), "test": ("Men/",)}, "a picture belongs to one split"),
        ({"train": ("../tree",)}, r"no folder of tree: there are Men"),
        ({"train": ("/",)}, r"no folder of tree: there are Men"),
    ],
)
def test_a_folder_of_two_splits_or_outside_the_tree_is_refused(tmp_path, patterns, word):
    file = tmp_path / "tree" / "Men" / "Shirts" / "1.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(picture(1))
    with pytest.raises(UsageError, match=word):
        open_source(tmp_path / "tree").with_splits(patterns)


def test_a_parquet_cell_that_python_cannot_hold_costs_its_own_row(tmp_path):
    titles = pa.array([b"good", b"not UTF-8: \xff", b"good"])
    table = pa.table({"title": pa.StringArray.from_buffers(3, *titles.buffers()[1:]), "path": ["A", "B", "C"]})
    pq.write_table(table, tmp_path / "odd.parquet")
    rows = list(open_source(tmp_path / "odd.parquet").rows(["title", "path"]))
    assert [row.cells.get("path") for row in rows] == ["A", None, "C"]
    assert [row.number for row in rows] == [0, 1, 2]
    assert "utf-8" in rows[1].broken


def test_splits_take_files_by_name_glob_or_folder(tables):
    write_parquet(tables / "more" / "d.parquet", listings(2))
    source, unread = open_source(tables).with_splits({"train": ("*.parquet",), "test": ("b.csv",)})
    assert [(entry.name, entry.split) for entry in source.files] == [
        ("a.parquet", "train"),
        ("b.csv", "test"),
        ("more/d.parquet", "train"),
    ]
    assert unread == {"c.jsonl": 0}
    with pytest.raises(UsageError, match=r"names no file of shop: there are a\.parquet"):
        open_source(tables).with_splits({"train": ("z*",)})
    with pytest.raises(UsageError, match=r"gives a\.parquet to train and to test"):
        open_source(tables).with_splits({"train": ("a*",), "test": ("*.parquet",)})


@pytest.mark.parametrize(
    ("name", "word"),
    [("https://shop.example/list", "atlas collect"), ("hf://datasets/a/b", "download it"), ("nowhere", "exist")],
)
def test_what_is_no_file_gets_advice(name, word, tmp_path):
    from pathlib import Path

    with pytest.raises(UsageError, match=word):
        open_source(Path(name))


def test_a_folder_without_tables_and_pictures_and_a_strange_file_are_refused(tmp_path):
    with pytest.raises(UsageError, match="neither a table"):
        open_source(tmp_path)
    (tmp_path / "x.xlsx").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"no table: use \.parquet, \.csv"):
        open_source(tmp_path / "x.xlsx")


def test_the_fingerprint_changes_with_the_source(tables):
    before = open_source(tables).fingerprint()
    assert open_source(tables).fingerprint() == before
    (tables / "c.jsonl").write_text("{}\n")
    assert open_source(tables).fingerprint() != before


def test_broken_csv_rows_cost_themselves_only(tmp_path):
    file = tmp_path / "t.csv"
    file.write_bytes(
        b'\xef\xbb\xbf\r\n;\r\npath;image\r\nA;1\r\n\r\nB;2;3\r\nD\r\n"E\ne";5\r\nF;"'
        + b"x" * ((1 << 20) + 1)
        + b'"\r\nG;7\r\n'
    )
    rows = list(table_rows(file, "csv", []))
    assert [row[1].get("path") for row in rows if not row[2]] == ["A", "D", "E\ne", "G"]
    assert [(row[0], row[2]) for row in rows if row[2]] == [
        (1, "3 cells under 2 headings"),
        (4, "line 10: field larger than field limit (1048576); is a quote left open?"),
    ]


def test_csv_may_be_in_any_of_three_encodings(tmp_path):
    file = tmp_path / "t.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        file.write_bytes("Größe,path\n5,Café\n".encode(encoding))
        assert [row[1] for row in table_rows(file, "csv", [])] == [{"Größe": "5", "path": "Café"}], encoding


def test_a_cell_in_another_encoding_spoils_no_other(tmp_path):
    file = tmp_path / "t.csv"
    file.write_bytes("path\nCafé\n".encode() + "Müll\n".encode("cp1252") + "Café\n".encode() + b"odd \x81\n")
    assert [row[1]["path"] for row in table_rows(file, "csv", [])] == ["Café", "Müll", "Café", "odd \ufffd"]


@pytest.mark.parametrize(
    ("encoding", "rows"),
    [
        ("gbk", ["男装 > 衬衫", "女装 > 牛仔裤"]),
        ("shift_jis", ["メンズ > シャツ", "レディース > ワンピース"]),
        ("cp1251", ["Мужчины > Рубашки"]),
    ],
)
def test_rows_in_a_fourth_encoding_are_told_and_build_no_garbled_tree(tmp_path, encoding, rows):
    file = tmp_path / "t.csv"
    file.write_bytes("\n".join(["path", *rows, "Men > Shirts"]).encode(encoding))
    found = list(table_rows(file, "csv", []))
    assert [(row[1].get("path"), bool(row[2])) for row in found] == [
        *[(None, True)] * len(rows),
        ("Men > Shirts", False),
    ]
    assert found[0][2] == (
        "line 2: neither UTF-8 nor, by its look, Windows-1252 (perhaps GBK or Windows-1251): save the file as UTF-8"
    )
    file.write_bytes(f"{rows[0]},x\na,b\n".encode(encoding))
    with pytest.raises(DataError, match=r"t\.csv: the headings are neither UTF-8 nor"):
        table_columns(file, "csv")


def test_western_accents_beside_each_other_are_no_foreign_script(tmp_path):
    file = tmp_path / "t.csv"
    names = ["Größe", "Füße", "Été çà et là", "Coração", "Mañana – “ça va”", "Naïveté"]
    file.write_bytes("\n".join(["path", *names]).encode("cp1252"))
    assert [row[1]["path"] for row in table_rows(file, "csv", [])] == names


def test_doubled_headings_get_a_number_in_every_kind_of_table(tmp_path):
    (tmp_path / "t.csv").write_text("x,path,x, x ,,x_2\n1,A,2,3,4,5\n")
    names = ["x", "path", "x_3", "x_4", "column_5", "x_2"]
    assert table_columns(tmp_path / "t.csv", "csv") == names
    ((_, cells, _),) = table_rows(tmp_path / "t.csv", "csv", [])
    assert cells == dict(zip(names, "1A2345", strict=True))
    columns = read_columns(["title=x_3", "image=x"])
    assert open_source(tmp_path / "t.csv").check_columns(columns, [])[0].text(cells, "title") == "2"
    table = pa.table([pa.array([1, 2]), pa.array(["A", "B"]), pa.array([3, 4])], names=["x", "path", "x"])
    pq.write_table(table, tmp_path / "t.parquet")
    assert table_columns(tmp_path / "t.parquet", "parquet") == ["x", "path", "x_2"]
    rows = list(table_rows(tmp_path / "t.parquet", "parquet", ["path", "x_2"]))
    assert [(row[1]["path"], row[1]["x_2"]) for row in rows] == [("A", 3), ("B", 4)]


def test_rows_around_a_damaged_row_group_are_read_from_any_row_on(tmp_path):
    file = tmp_path / "t.parquet"
    pq.write_table(pa.table({"path": [f"P{n}" for n in range(10)]}), file, row_group_size=3, use_dictionary=False)
    column = pq.read_metadata(file).row_group(1).column(0)
    data = bytearray(file.read_bytes())
    data[column.data_page_offset : column.data_page_offset + column.total_compressed_size] = bytes(
        column.total_compressed_size
    )
    file.write_bytes(data)
    rows = list(table_rows(file, "parquet", ["path"]))
    assert [row[0] for row in rows] == list(range(10))
    assert [row[1].get("path") for row in rows] == ["P0", "P1", "P2", None, None, None, "P6", "P7", "P8", "P9"]
    for first in range(11):
        assert list(table_rows(file, "parquet", ["path"], first)) == rows[first:]


def test_broken_json_lines_cost_themselves_only(tmp_path):
    file = tmp_path / "t.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"path": "A"}\n\n{"path": \n[1]\n"\xff"\n' + b"[" * 100_000 + b'\n{"path": "B"}')
    rows = list(table_rows(file, "jsonl", []))
    assert [row[1] for row in rows if not row[2]] == [{"path": "A"}, {"path": "B"}]
    assert [row[2].split(":")[0] for row in rows if row[2]] == [
        "line 3 is not JSON",
        "line 4 holds a JSON list, not an object",
        "line 5 is not JSON",
        "line 6 is not JSON",
    ]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("t.csv", b"", "empty"),
        ("t.csv", b"\n \n,,\n", "blank lines"),
        ("t.csv", b"a" * ((1 << 20) + 1), "headings cannot be read"),
        ("t.jsonl", b"[1]\n", "JSON object"),
        ("t.parquet", b"PAR1 nothing", "damaged or cut"),
    ],
)
def test_a_table_that_is_none_is_a_clear_error(tmp_path, name, content, word):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DataError, match=word):
        open_source(file).check_columns(read_columns([]), [])


def test_tabs_and_semicolons_are_found(tmp_path):
    (tmp_path / "a.tsv").write_text("path\timage\n")
    (tmp_path / "b.csv").write_text("path|image, or so\n")
    assert table_columns(tmp_path / "a.tsv", "csv") == ["path", "image"]
    (tmp_path / "c.csv").write_text("path;image;x, y\n")
    assert table_columns(tmp_path / "c.csv", "csv") == ["path", "image", "x, y"]
