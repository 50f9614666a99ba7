import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.collect.reading.loose_json import read_json, read_literal

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_good_json_is_read_as_it_is(value):
    assert read_json(json.dumps(value)) == ([value], False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2,],}', {"a": [1, 2]}),
        ('{"a": "x",, "b": 2}', {"a": "x", "b": 2}),
        ('{"a": "x"\n"b": "y"}', {"a": "x", "b": "y"}),
        ('{"a": "x" "b": "y"}', {"a": "x", "b": "y"}),
        ('{"a": 1 // one\n, /* two */ "b": 2}', {"a": 1, "b": 2}),
        ('{"a": "he said "hi" to", "b": 1}', {"a": 'he said "hi" to', "b": 1}),
        ('{"name": "24" pipe, black", "sku": "1"}', {"name": '24" pipe, black', "sku": "1"}),
        ('{"a": ["5" wide", "6" wide"],}', {"a": ['5" wide', '6" wide']}),
        ("{a: 'x', b: undefined, c: [1, '2']}", {"a": "x", "b": None, "c": [1, "2"]}),
        ('{"a": [1, 2', {"a": [1, 2]}),
        ('{"a": {"b": 1]}, "c": 2', {"a": {"b": 1}, "c": 2}),
        ('{"a": "\\ud83d\\ude00 \\u00e9 \\x",}', {"a": "😀 é x"}),
        (r'{"a": "Bob\'s R\x26B", "b": "C:\videos"}', {"a": "Bob's R&B", "b": "C:videos"}),
        ('{"a": "<p style="color: red;">Open, "daily".</p>"}', {"a": '<p style="color: red;">Open, "daily".</p>'}),
        ('{"a": "https://x.test/y",}', {"a": "https://x.test/y"}),
        ('{"a": "line\nend",}', {"a": "line\nend"}),
    ],
)
def test_what_was_meant_is_read(text, value):
    assert read_json(text) == ([value], True)


@pytest.mark.parametrize(
    "text",
    [
        '<!-- {"a": 1} -->',
        '//<![CDATA[\n{"a": 1}\n//]]>',
        '/*<![CDATA[*/ {"a": 1} /*]]>*/',
        '\ufeff{"a": 1};',
        ' {"a": "line\n end", "a": 1} ',
    ],
)
def test_wrappings_are_no_faults(text):
    assert read_json(text) == ([{"a": 1}], False)


def test_entities_stand_for_quotes():
    assert read_json("{&quot;a&quot;: &quot;x &amp; y&quot;}") == ([{"a": "x & y"}], True)
    assert read_json("{&#34;a&#34;: 1,}") == ([{"a": 1}], True)


@pytest.mark.parametrize("between", ["", "\n", ",", " ;\n", " and "])
def test_several_values_are_all_read(between):
    assert read_json(f'{{"a": 1}}{between}[{{"b": 2}}]') == ([{"a": 1}, [{"b": 2}]], True)


@pytest.mark.parametrize("text", ["", "words", "null and void", "[" * 100, '{"a":' * 100])
def test_what_holds_no_value_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        read_json(text)


def test_a_literal_ends_where_its_bracket_closes():
    script = "window.x = {a: 1, f: function () { return {b: 2} }, c: 'y'}; var z = {d: 4};"
    found = read_literal(script, script.index("{"))
    assert (found["a"], found["c"]) == (1, "y")
    assert "d" not in found


@given(st.text(alphabet="{}[]\",:'\\ a1\n/*"))
def test_any_text_gives_values_or_a_reason(text):
    try:
        values, _ = read_json(text)
    except ValueError:
        return
    assert json.dumps(values)  # what json cannot write is no value
