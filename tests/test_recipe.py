import json
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import RecipeError
from atlas.recipe import from_mapping, to_mapping, with_setting


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    name: str = "adam"
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[int, float] = (1, 0.5)


@dataclass(frozen=True)
class Other:
    rate: float = 0.2
    limit: int | None = None


@dataclass(frozen=True)
class Recipe:
    epochs: int
    fit: Literal["pad", "crop"] = "pad"
    bf16: bool = True
    inner: Inner = field(default_factory=Inner)
    other: Other = field(default_factory=Other)
    others: tuple[Other, ...] = ()
    options: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        if self.epochs < 1:
            raise RecipeError(f"epochs is {self.epochs}: use 1 or more")


def test_lists_of_tables_become_tuples_of_dataclasses():
    recipe = from_mapping(Recipe, {"epochs": 3, "others": [{"limit": 2}, {}]})
    assert recipe.others == (Other(limit=2), Other())


def test_tables_become_dataclasses():
    recipe = from_mapping(Recipe, {"epochs": 3, "inner": {"rate": 1, "sizes": [4]}, "options": {"a": 1.5}})
    assert recipe == Recipe(3, inner=Inner(rate=1.0, sizes=(4,)), options={"a": 1.5})
    assert isinstance(recipe.inner.rate, float)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"epochs": 3, "epoch": 4}, "unknown key 'epoch' in recipe; did you mean 'epochs'"),
        ({"epochs": 3, "zzz": 4}, "allowed are bf16, epochs"),
        ({"epochs": 3, "inner": {"rte": 4}}, r"'rte' in recipe\.inner; did you mean 'rate'"),
        ({}, r"recipe\.epochs is missing"),
        ({"epochs": 0}, "use 1 or more"),
        ({"epochs": "3"}, r"recipe\.epochs is '3': use a value of type int"),
        ({"epochs": True}, "is True"),
        ({"epochs": 3.0}, "is 3.0"),
        ({"epochs": 3, "fit": "padd"}, "use one of 'pad', 'crop'"),
        ({"epochs": 3, "bf16": 1}, "type bool"),
        ({"epochs": 3, "inner": "adam"}, r"recipe\.inner is 'adam'"),
        ({"epochs": 3, "inner": {"sizes": [1, "2"]}}, r"recipe\.inner\.sizes\[1\] is '2'"),
        ({"epochs": 3, "inner": {"pair": [1]}}, "has 1 values: use 2"),
        ({"epochs": 3, "others": [{"rate": 1}, {"rte": 1}]}, r"'rte' in recipe\.others\[1\]; did you mean 'rate'"),
        ({"epochs": 3, "other": {"limit": "many"}}, "use one of int, NoneType"),
        (["epochs"], "use a table"),
    ],
)
def test_what_is_wrong_is_named(values, reason):
    with pytest.raises(RecipeError, match=reason):
        from_mapping(Recipe, values)


@given(
    st.builds(
        Recipe,
        epochs=st.integers(1, 99),
        fit=st.sampled_from(["pad", "crop"]),
        bf16=st.booleans(),
        inner=st.builds(
            Inner,
            rate=st.floats(0, 9),
            name=st.text(),
            sizes=st.lists(st.integers()).map(tuple),
            pair=st.tuples(st.integers(), st.floats(0, 1)),
        ),
        other=st.builds(Other, rate=st.floats(0, 9), limit=st.none() | st.integers()),
    )
)
def test_a_recipe_survives_json(recipe):
    assert from_mapping(Recipe, json.loads(json.dumps(to_mapping(recipe)))) == recipe


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("epochs=7", Recipe(7)),
        (" epochs = 7 ", Recipe(7)),
        ("inner.rate=1e-3", Recipe(3, inner=Inner(rate=0.001))),
        ("inner.rate=.001", Recipe(3, inner=Inner(rate=0.001))),
        ("name=sgd", Recipe(3, inner=Inner(name="sgd"))),
        ("name=2024", Recipe(3, inner=Inner(name="2024"))),
        ("name=2024-01-01", Recipe(3, inner=Inner(name="2024-01-01"))),
        ("name=none", Recipe(3, inner=Inner(name="none"))),
        ("name='a=b'", Recipe(3, inner=Inner(name="a=b"))),
        ("name=a=b", Recipe(3, inner=Inner(name="a=b"))),
        ("name=", Recipe(3, inner=Inner(name=""))),
        ("sizes=[3, 4]", Recipe(3, inner=Inner(sizes=(3, 4)))),
        ("bf16=false", Recipe(3, bf16=False)),
        ("fit=crop", Recipe(3, fit="crop")),
        ("limit=5", Recipe(3, other=Other(limit=5))),
    ],
)
def test_one_setting_changes_one_value(setting, expected):
    assert with_setting(Recipe(3), setting) == expected


def test_none_takes_a_value_away():
    assert with_setting(Recipe(3, other=Other(limit=5)), "limit=none") == Recipe(3)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("epochs", "write key=value"),
        ("rate=1", r"ambiguous: write one of inner\.rate, other\.rate"),
        ("inner.rat=1", r"did you mean 'inner\.rate'"),
        ("inner=1", "unknown key 'inner'"),
        ("epochs=many", "epochs is 'many': use a value of type int"),
        ("epochs=0", "use 1 or more"),
        ("fit=none", "use one of 'pad', 'crop'"),
    ],
)
def test_a_wrong_setting_is_named(setting, reason):
    with pytest.raises(RecipeError, match=reason):
        with_setting(Recipe(3), setting)
