"""Store files: what they say is read, what is wrong is named, and the documentation knows every key."""

import dataclasses
import json
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from atlas.collect.reading.selectors import check_selectors
from atlas.collect.store_file import Links, Start, StoreFile, load_store_file
from atlas.errors import AtlasError, DataError, RecipeError, UsageError
from atlas.recipe import from_mapping, to_mapping

DOCS = Path(__file__).parents[2] / "docs" / "collect.md"


def load(tmp_path, text):
    (tmp_path / "store.toml").write_text(text, encoding="utf-8")
    return load_store_file(tmp_path / "store.toml")


@pytest.mark.parametrize(
    ("start", "starts"),
    [
        ('start = "https://s.test/men"', (Start("https://s.test/men"),)),
        ('start = ["https://s.test/a", "http://s.test/b"]', (Start("https://s.test/a"), Start("http://s.test/b"))),
        ('[[start]]\nurl = "https://s.test/a"\npath = "Men > Jeans"', (Start("https://s.test/a", ("Men", "Jeans")),)),
        (
            '[[start]]\nurl = "https://s.test/a"\npath = ["Men", "Jeans"]',
            (Start("https://s.test/a", ("Men", "Jeans")),),
        ),
        ("", ()),
    ],
)
def test_starts_in_every_form(tmp_path, start, starts):
    assert load(tmp_path, f'name = "s"\n{start}').start == starts


def test_tables_become_values(tmp_path):
    store = load(tmp_path, 'name = "s"\nrender = "auto"\n[links]\nproduct = "a"\n[polite]\ndelay_s = 2\n')
    assert (store.render, store.links, store.polite.delay_s) == ("auto", Links(product="a"), 2.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"store file\.name is missing"),
        ('name = "a b"', "use letters, digits"),
        ('nam = "s"', "did you mean 'name'"),
        ('name = "s"\n[select]\nimage = "img"', r"unknown key 'image' in store file\.select; did you mean 'images'"),
        ('name = "s"\nstart = "s.test"', "begins with http:// or https://"),
        ('name = "s"\nstart = "ftp://s.test"', "'ftp://s.test'"),
        ('name = "s"\nstart = "http://["', "start url is"),
        ('name = "s"\nstart = [7]', r"store file\.start\[0\] is 7"),
        (
            'name = "s"\n[[start]]\nurl = "https://s.test"\npaht = "x"',
            r"'paht' in store file\.start\[0\]; did you mean 'path'",
        ),
        ('name = "s"\n[[start]]\nurl = "https://s.test"\npath = "Men >"', "empty level"),
        ('name = "s"\n[links]\nproduct = "regex:("', r"links\.product is '\(', which is no regular expression"),
        ('name = "s"\n[select]\nproduct_page = "regex:*"', r"select\.product_page"),
        ('name = "s"\n[browser]\nalways = "["', r"browser\.always"),
        ('name = "s"\nrender = "allways"', "use one of 'never', 'browser', 'auto'"),
        ('name = "s"\ncurrency = "€"', "a code of three capitals"),
        ('name = "s"\n[polite]\ndelay_s = -1', "0 or more"),
        ('name = "s"\n[polite]\ndelay_s = nan', "0 or more"),
        ('name = "s"\n[budget]\npages = 0', r"budget\.pages is 0"),
        ('name = "s"\n[budget]\npage_s = nan', r"budget\.page_s is nan"),
        ("name = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path, text, reason):
    with pytest.raises(RecipeError, match=reason) as raised:
        load(tmp_path, text)
    assert "store.toml" in str(raised.value)


def test_a_byte_order_mark_and_other_line_ends_do_no_harm(tmp_path):
    file = tmp_path / "store.toml"
    file.write_bytes(b'\xef\xbb\xbfname = "s"\r\nstart = "https://s.test/"\r\n')
    assert load_store_file(file).start == (Start("https://s.test/"),)


def test_a_missing_file_is_a_wrong_call(tmp_path):
    for file in (tmp_path / "no.toml", tmp_path):
        with pytest.raises(UsageError, match="is no store file"):
            load_store_file(file)


TABLE = "\ufeffTaxonomy,Haveli,other\nMen-> Western Wear-> Jeans,https://h.test/jeans https://h.test/denim,\nMen > Shirts,,https://o.test/s\n"


def test_a_start_table_gives_the_column_of_the_store(tmp_path):
    (tmp_path / "urls.csv").write_text(TABLE, encoding="utf-8")
    jeans = ("Men", "Western Wear", "Jeans")
    store = load(tmp_path, 'name = "haveli"\nstart = "https://h.test/new"\nstart_table = "urls.csv"')
    assert store.start == (
        Start("https://h.test/new"),
        Start("https://h.test/jeans", jeans),
        Start("https://h.test/denim", jeans),
    )
    assert load(tmp_path, 'name = "other"\nstart_table = "urls.csv"').start == (
        Start("https://o.test/s", ("Men", "Shirts")),
    )


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (None, "cannot be read"),
        ("", "no column 'taxonomy': its columns are none"),
        ("Taxonomy,url\n", "no column 's': its columns are taxonomy, url"),
        ("Taxonomy,s\nMen,/jeans\n", r"urls\.csv, line 2: s url is '/jeans'"),
        ("Taxonomy,s\nMen->,https://s.test\n", r"line 2: empty level"),
        ('Taxonomy,s\n"Men\0,x', "cannot be read"),
    ],
)
def test_a_start_table_that_cannot_be_used_is_named(tmp_path, table, reason):
    if table is not None:
        (tmp_path / "urls.csv").write_text(table, encoding="utf-8")
    if "\0" in (table or ""):
        (tmp_path / "urls.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=reason):
        load(tmp_path, 'name = "s"\nstart_table = "urls.csv"')


def test_a_store_file_survives_json():
    store = StoreFile("s", start=(Start("https://s.test", ("Men",)),), links=Links(product="a"))
    assert from_mapping(StoreFile, json.loads(json.dumps(to_mapping(store)))) == store


def test_the_shipped_example_loads():
    file = resources.files("atlas.collect") / "stores" / "example.toml"
    with resources.as_file(file) as name:
        store = load_store_file(name)
    check_selectors(store)
    assert store.start[0].path == ("Men", "Western Wear", "Jeans")


# -- what is written -------------------------------------------------------------------------------------------------


def documented():
    """Rows of the tables in docs/collect.md: (table, key) -> default."""
    rows, table = {}, ""
    for line in DOCS.read_text("utf-8").splitlines():
        if heading := re.match(r"#+ (?:The keys at the top|`\[+(\w+)\]+`)", line):
            table = heading[1] or ""
        elif row := re.match(r"\| `(\w+)` \| [^|]+ \| (?:`(.*?)`|(needed)|) \|", line):
            rows[table, row[1]] = row[2]
    return rows


def keys_of(kind, table=""):
    for field in dataclasses.fields(kind):
        inner = field.default_factory
        if field.name == "start":
            yield from keys_of(Start, "start")
            yield (table, field.name), None
        elif isinstance(inner, type) and dataclasses.is_dataclass(inner):
            yield from keys_of(inner, field.name)
        else:
            yield (table, field.name), field.default


def test_every_key_is_documented_with_its_default():
    rows = documented()
    assert set(rows) == {key for key, _ in keys_of(StoreFile)}
    for key, default in keys_of(StoreFile):
        if default not in (None, "", (), dataclasses.MISSING):
            assert rows[key] is not None and tomllib.loads(f"x = {rows[key]}")["x"] == default, key


def test_the_store_files_in_the_documentation_load(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        text = block if "name =" in block else f'name = "part"\n{block}'
        try:
            check_selectors(load(tmp_path, text))
        except DataError as error:
            assert "urls.csv" in str(error), f"block {number}: {error}"
        except AtlasError as error:
            pytest.fail(f"block {number}: {error}")
